"""The part of a photo that a network animates: a box in pixels, which may reach over the photo's edges."""

import dataclasses
import re

import numpy as np
from jaxtyping import UInt8

from jaxanim.animate.images import MAX_PIXELS
from jaxanim.core.errors import InputError

MIN_SIDE = 16  # pixels: below that there is no face


@dataclasses.dataclass(frozen=True)
class Box:
    """A box of a photo.

    Attributes:
      x, y: column and row of its upper left pixel; negative ones lie outside of the photo.
      width, height: pixels.
    """

    x: int
    y: int
    width: int
    height: int

    def inside(self, height: int, width: int) -> tuple[slice, slice]:
        """Returns the rows and columns of a photo of that size which the box covers."""
        return (
            slice(max(self.y, 0), min(self.y + self.height, height)),
            slice(max(self.x, 0), min(self.x + self.width, width)),
        )


def parse(text: str) -> Box:
    """Reads 'x,y,size', the upper left corner and the side of a square.

    Raises:
      InputError: it is of another form, too small, or too large.
    """
    match = re.fullmatch(r"\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s*,\s*(\d{1,6})\s*", text)
    if match is None:
        raise InputError(f"crop {text!r} is not of the form x,y,size (whole pixels of the photo, such as 800,200,1024)")
    x, y, size = map(int, match.groups())
    if size < MIN_SIDE or size * size > MAX_PIXELS:
        raise InputError(f"crop {text!r}: its side must be {MIN_SIDE} to {int(MAX_PIXELS**0.5)} pixels")
    return Box(x, y, size, size)


def whole(photo: UInt8[np.ndarray, "h w 3"]) -> Box:
    """Returns the box of the whole photo."""
    return Box(0, 0, photo.shape[1], photo.shape[0])


def check(box: Box, photo: UInt8[np.ndarray, "h w 3"]) -> None:
    """Raises InputError unless a box covers something of a photo."""
    height, width = photo.shape[:2]
    if any(part.start >= part.stop for part in box.inside(height, width)):
        raise InputError(f"crop {box.x},{box.y},{box.width} lies outside of the photo, which is {width}x{height}")


def take(photo: UInt8[np.ndarray, "h w 3"], box: Box) -> UInt8[np.ndarray, "i j 3"]:
    """Cuts a box out; where it reaches over the photo's edge, the edge is repeated."""
    rows = np.clip(np.arange(box.y, box.y + box.height), 0, photo.shape[0] - 1)
    columns = np.clip(np.arange(box.x, box.x + box.width), 0, photo.shape[1] - 1)
    return np.ascontiguousarray(photo[rows][:, columns])


def paste(
    photo: UInt8[np.ndarray, "h w 3"], box: Box, picture: UInt8[np.ndarray, "i j 3"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Returns the photo with a picture of the box's size in it; what lies over the edge is left out."""
    rows, columns = box.inside(*photo.shape[:2])
    result = photo.copy()
    result[rows, columns] = picture[
        rows.start - box.y : rows.stop - box.y, columns.start - box.x : columns.stop - box.x
    ]
    return result
