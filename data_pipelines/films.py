"""Frames of a film; what cannot be decoded, or ends before its own length, raises CorruptRecordError."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from jaxanim.data import CorruptRecordError, pictures

SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".mov")
_SLACK = 0.9  # of a film's length by its header: lengths are rounded, and sound may go on after the last frame


def frames(path: Path) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Decodes every frame, in order; that a film was cut off is known when its last frame was given."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            count, last = 0, Fraction(0)
            for frame in container.decode(stream):
                if frame.width * frame.height > pictures.MAX_PIXELS:
                    raise CorruptRecordError(f"{path}: frames of {frame.width}x{frame.height} pixels are too large")
                if frame.rotation:
                    raise CorruptRecordError(f"{path}: is turned by {frame.rotation} degrees; encode it upright")
                count += 1
                if frame.pts is not None and frame.time_base is not None:
                    last = max(last, frame.pts * frame.time_base)
                yield np.asarray(frame.to_ndarray(format="rgb24"))
            _check_length(path, stream, container.duration, count, last)
    except (av.FFmpegError, IndexError) as error:  # IndexError: no video stream
        raise CorruptRecordError(f"{path}: damaged film ({error})") from error


def _check_length(path: Path, stream: av.VideoStream, duration: int | None, count: int, last: Fraction) -> None:
    """Compares what was decoded with what the film says of itself."""
    if stream.frames and count < _SLACK * stream.frames:
        raise CorruptRecordError(f"{path}: ends after {count} of {stream.frames} frames")
    start = (stream.start_time or 0) * (stream.time_base or 0)
    seconds = (duration or 0) / av.time_base
    rate = stream.average_rate or 25
    if seconds and float(last - start + 1 / Fraction(rate)) < _SLACK * seconds:
        raise CorruptRecordError(f"{path}: ends after {float(last - start):.1f} of {seconds:.1f} seconds")
