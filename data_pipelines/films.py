"""Frames of a film; what cannot be decoded raises CorruptRecordError."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from jaxanim.data import CorruptRecordError, pictures

SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".mov")


def frames(path: Path) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Decodes every frame, in order."""
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                if frame.width * frame.height > pictures.MAX_PIXELS:
                    raise CorruptRecordError(f"{path}: frames of {frame.width}x{frame.height} pixels are too large")
                if frame.rotation:
                    raise CorruptRecordError(f"{path}: is turned by {frame.rotation} degrees; encode it upright")
                yield np.asarray(frame.to_ndarray(format="rgb24"))
    except (av.FFmpegError, IndexError) as error:  # IndexError: no video stream
        raise CorruptRecordError(f"{path}: damaged film ({error})") from error
