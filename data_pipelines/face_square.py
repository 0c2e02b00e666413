"""The square around a face's landmarks: cut out of pictures, together with the points in it.

Points are in pixels; the first pixel's centre is (0.5, 0.5), as in `jaxanim.geometry.cameras`.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from jaxanim.data import CorruptRecordError, pictures

WIDEN = 1.5  # side of the square, in sides of the box around the points


@dataclasses.dataclass(frozen=True)
class Square:
    """Whole pixels of a picture, of which some may lie outside."""

    left: int
    top: int
    side: int


def around(
    points: Float[np.ndarray, "*n 2"], picture_shape: tuple[int, ...], name: str, *, widen: float = WIDEN
) -> Square:
    """Finds the square around the points, so many times as large as the box that holds them.

    Args:
      points: of one face or of many frames of it.
      picture_shape: (h, w, ...) of the picture they belong to.
      name: what to call it in errors.
      widen: side of the square, in sides of the box.

    Raises:
      CorruptRecordError: the points are far outside the picture, or all in one place.
    """
    corners = np.stack([points.reshape(-1, 2).min(axis=0), points.reshape(-1, 2).max(axis=0)])
    height, width = picture_shape[:2]
    extent = float((corners[1] - corners[0]).max())
    centre = corners.mean(axis=0)
    if not (1 <= extent <= 2 * max(height, width) and 0 <= centre[0] <= width and 0 <= centre[1] <= height):
        raise CorruptRecordError(
            f"{name}: points from {corners[0].round(1).tolist()} to {corners[1].round(1).tolist()} are not those of a "
            f"face in a picture of {width}x{height}"
        )
    side = math.ceil(widen * extent)
    left, top = (round(float(middle) - side / 2) for middle in centre)
    return Square(left, top, side)


def cut(picture: UInt8[np.ndarray, "h w 3"], square: Square, size: int) -> UInt8[np.ndarray, "s s 3"]:
    """Cuts a square out and resizes it; what lies outside the picture is black."""
    box = (square.left, square.top, square.left + square.side, square.top + square.side)
    image = Image.fromarray(picture).crop(box)
    return np.asarray(image if square.side == size else image.resize((size, size), Image.Resampling.LANCZOS))


def move(points: Float[np.ndarray, "*n 2"], square: Square, size: int) -> Float[np.ndarray, "*n 2"]:
    """Returns where points of the picture lie in the square that was cut out and resized."""
    return (points - np.array([square.left, square.top])) * (size / square.side)


def encoded(picture: UInt8[np.ndarray, "h w 3"], square: Square, size: int, quality: int) -> bytes:
    """Cuts a square out, resizes it, and encodes it as JPEG."""
    return pictures.encode(cut(picture, square, size), quality=quality)
