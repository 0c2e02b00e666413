"""Reads videos frame by frame, as people have them: any rate, turned by a phone, cut off in the middle.

Memory is that of a frame. What could be decoded of a damaged video is given; `Film.damage` says afterwards what was
wrong with the rest.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from jaxanim.animate.images import MAX_PIXELS
from jaxanim.core.errors import InputError

_DEFAULT_FPS = 25.0
_SLACK = 0.9  # of the number of frames, or the length, that a header names


class Film:
    """A video that can be read as often as wanted.

    Attributes:
      path: of the file.
      fps: frames per second in the mean.
      damage: why the last reading ended early; None if it did not.
    """

    def __init__(self, path: Path):
        """Looks at the header.

        Raises:
          InputError: the file is missing, or is no video.
        """
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
        self.path = path
        self.damage: str | None = None
        with self._open() as container:
            stream = self._stream(container)
            self.fps = float(stream.average_rate or stream.guessed_rate or _DEFAULT_FPS)
            self._expected = stream.frames
            self._seconds = 0.0 if stream.frames else _length(container, stream)

    def frames(self) -> Iterator[tuple[float, UInt8[np.ndarray, "h w 3"]]]:
        """Yields the time in seconds and the upright picture of each frame; times increase.

        Raises:
          InputError: frames are too large, change their size, or there is none.
        """
        self.damage = None
        count, start, last, first_shape = 0, 0.0, -math.inf, None
        try:
            with self._open() as container:
                for frame in container.decode(self._stream(container)):
                    if frame.width * frame.height > MAX_PIXELS:
                        raise InputError(f"{self.path}: frames of {frame.width}x{frame.height} pixels are too large")
                    picture = np.ascontiguousarray(_upright(frame))
                    first_shape = first_shape or picture.shape
                    if picture.shape != first_shape:
                        raise InputError(f"{self.path}: frame {count} has another size than the first")
                    time = self._time(frame, count)
                    last = time if time > last else last + 1 / self.fps
                    start = start if count else last
                    count += 1
                    yield last, picture
        except (av.FFmpegError, OSError) as error:
            self.damage = f"damaged after {count} frames ({error})"
        if count == 0:
            raise InputError(f"{self.path}: holds no frame that can be decoded")
        if self.damage is None and count < _SLACK * self._expected:
            self.damage = f"ends after {count} of {self._expected} frames"
        elif self.damage is None and last - start + 1 / self.fps < _SLACK * self._seconds:
            self.damage = f"ends after {last - start:.2f} of {self._seconds:.2f} seconds"

    def _time(self, frame: av.VideoFrame, count: int) -> float:
        if frame.pts is None or frame.time_base is None:
            return count / self.fps
        return float(Fraction(frame.pts) * frame.time_base)

    def _open(self) -> av.container.InputContainer:
        try:
            return av.open(str(self.path))
        except (av.FFmpegError, OSError) as error:
            raise InputError(f"{self.path}: is no video that can be read ({error})") from error

    def _stream(self, container: av.container.InputContainer) -> av.VideoStream:
        if not container.streams.video:
            raise InputError(f"{self.path}: holds no video")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return stream


def _length(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Returns the seconds that a Matroska or WebM header promises of a video; 0 where none says so."""
    if "matroska" not in container.format.name:
        return 0.0
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        alone = len(container.streams) == 1  # else sound may go on after the pictures
        return (container.duration or 0) / av.time_base if alone else 0.0


def _upright(frame: av.VideoFrame) -> UInt8[np.ndarray, "h w 3"]:
    """Returns a frame's picture turned as its file asks for, in quarters."""
    picture = frame.to_ndarray(format="rgb24")
    return np.rot90(picture, round(frame.rotation / 90) % 4)
