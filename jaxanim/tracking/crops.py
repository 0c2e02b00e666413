"""Square crops of pictures, turned and scaled: points there and back, cutting out, pasting back without a seam.

Positions count from the picture's corner: the first pixel's centre is (0.5, 0.5). Pictures are uint8 RGB, (h, w, 3).
`alignments` says where faces are cut.
"""

import dataclasses
import functools
import math

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from jaxanim.core.errors import InputError

_SUPPORT = 3  # pixels around a position that the bicubic kernel may touch, and one to spare
_BICUBIC = Image.Resampling.BICUBIC


@dataclasses.dataclass(frozen=True)
class Box:
    """An upright box of a picture, in pixels; it may reach over the picture's edges.

    Attributes:
      x, y: of its upper left corner.
      width, height: its sides.
    """

    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> Float[np.ndarray, "2"]:
        """Its middle."""
        return np.array([self.x + self.width / 2, self.y + self.height / 2])


@dataclasses.dataclass(frozen=True, eq=False)
class Alignment:
    """Where a square crop lies in a picture: a rotation, a scale and a shift.

    Attributes:
      matrix: takes (x, y, 1) of the picture to the crop.
      size: side of the crop in its own pixels.
    """

    matrix: Float[np.ndarray, "2 3"]
    size: int

    def __post_init__(self) -> None:
        """Raises ValueError unless the matrix rotates, scales and shifts, and does nothing else."""
        (a, b, _), (c, d, _) = self.matrix
        scale = math.hypot(a, c)
        turns = np.isfinite(self.matrix).all() and max(abs(a - d), abs(b + c)) <= 1e-6 * scale
        if not turns or scale == 0 or self.matrix.dtype != np.float64:
            raise ValueError(f"an alignment rotates, scales and shifts, in float64, got {self.matrix.tolist()}")
        if self.size < 1:
            raise ValueError(f"a crop has at least one pixel, got size {self.size}")

    @property
    def scale(self) -> float:
        """Pixels of the crop per pixel of the picture."""
        return math.hypot(self.matrix[0, 0], self.matrix[1, 0])

    @property
    def degrees(self) -> float:
        """The turn, clockwise as one looks at the picture, of the crop's square in the picture."""
        return math.degrees(math.atan2(self.matrix[0, 1], self.matrix[0, 0]))

    @functools.cached_property
    def inverse(self) -> Float[np.ndarray, "2 3"]:
        """Takes (x, y, 1) of the crop to the picture."""
        turn = np.linalg.inv(self.matrix[:, :2])
        return np.concatenate([turn, -turn @ self.matrix[:, 2:]], axis=1)

    @property
    def corners(self) -> Float[np.ndarray, "4 2"]:
        """Where the crop's corners lie in the picture: upper left, lower left, lower right, upper right."""
        return to_picture(self, np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]) * self.size)


def to_crop(alignment: Alignment, points: Float[np.ndarray, "*b 2"]) -> Float[np.ndarray, "*b 2"]:
    """Returns where points of the picture are in the crop."""
    return _move(alignment.matrix, points)


def to_picture(alignment: Alignment, points: Float[np.ndarray, "*b 2"]) -> Float[np.ndarray, "*b 2"]:
    """Returns where points of the crop are in the picture."""
    return _move(alignment.inverse, points)


def take(picture: UInt8[np.ndarray, "h w 3"], alignment: Alignment) -> UInt8[np.ndarray, "s s 3"]:
    """Cuts a crop out: bicubic, smoothed before where it shrinks; beyond the picture its edge is repeated.

    Raises:
      InputError: the crop lies outside of the picture.
    """
    check_overlap(picture, alignment)
    return _resample(picture, alignment.inverse, alignment.size, alignment.size)


def paste(
    picture: UInt8[np.ndarray, "h w 3"],
    crop: UInt8[np.ndarray, "s s 3"],
    alignment: Alignment,
    *,
    feather: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """Returns the picture with a crop where it was taken; outside of the crop nothing changes.

    Args:
      picture: the crop was taken from.
      crop: what to show.
      alignment: it was taken with.
      feather: share of the crop's side, from each of its edges, along which it fades in; 0 for hard edges.

    Raises:
      InputError: the crop lies outside of the picture.
    """
    if crop.shape[0] != alignment.size or not 0 <= feather <= 0.5:
        raise ValueError(f"need a crop of {alignment.size} pixels and 0 <= feather <= 0.5, got {crop.shape}, {feather}")
    check_overlap(picture, alignment)
    left, top, right, bottom = _inside(alignment.corners, picture)
    shift = np.array([[0.0, 0.0, left], [0.0, 0.0, top]])
    to_place = alignment.matrix.copy()
    to_place[:, 2:] = to_crop(alignment, np.array([left, top], np.float64))[:, None]
    moved = _resample(crop, to_place, right - left, bottom - top)
    columns, rows = np.meshgrid(np.arange(right - left) + 0.5, np.arange(bottom - top) + 0.5)
    positions = to_crop(alignment, np.stack([columns, rows], axis=-1) + shift[:, 2])
    mask = _mask(positions, alignment.size, feather)
    result = picture.copy()
    part = result[top:bottom, left:right]
    part[...] = np.rint(part + mask[..., None] * (moved.astype(np.float32) - part)).astype(np.uint8)
    return result


def check_overlap(picture: UInt8[np.ndarray, "h w 3"], alignment: Alignment) -> None:
    """Raises InputError where a crop's box and the picture have nothing in common."""
    height, width = picture.shape[:2]
    first, last = alignment.corners.min(axis=0), alignment.corners.max(axis=0)
    if (last <= 0).any() or (first >= [width, height]).any():
        raise InputError(
            f"the crop, x {first[0]:.0f} to {last[0]:.0f} and y {first[1]:.0f} to {last[1]:.0f}, lies outside of the "
            f"picture, which is {width}x{height}"
        )


def _move(matrix: Float[np.ndarray, "2 3"], points: Float[np.ndarray, "*b 2"]) -> Float[np.ndarray, "*b 2"]:
    return points @ matrix[:, :2].T + matrix[:, 2]


def _mask(positions: Float[np.ndarray, "h w 2"], size: int, feather: float) -> Float[np.ndarray, "h w"]:
    """Returns how much of the crop shows at positions of it."""
    distance = np.minimum(positions, size - positions).min(axis=-1)
    if feather == 0:
        return (distance >= 0).astype(np.float32)
    share = np.clip(distance / (feather * size), 0.0, 1.0)
    return (share * share * (3.0 - 2.0 * share)).astype(np.float32)


def _inside(points: Float[np.ndarray, "n 2"], picture: UInt8[np.ndarray, "h w 3"]) -> tuple[int, int, int, int]:
    """Returns the pixels of a picture around points: first column and row, and those after the last."""
    height, width = picture.shape[:2]
    first, last = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
    left, top = np.clip(first, 0, [width - 1, height - 1])
    right, bottom = np.clip(last, [left + 1, top + 1], [width, height])
    return int(left), int(top), int(right), int(bottom)


def _resample(
    source: UInt8[np.ndarray, "h w 3"], matrix: Float[np.ndarray, "2 3"], width: int, height: int
) -> UInt8[np.ndarray, "i j 3"]:
    """Returns a picture whose position p shows the source's at `matrix` times (p, 1)."""
    outline = _move(matrix, np.array([[0.0, 0.0], [0.0, height], [width, height], [width, 0.0]]))
    shrink = max(1.0, math.hypot(matrix[0, 0], matrix[1, 0]))
    margin = _SUPPORT * shrink
    left, top, right, bottom = _inside(np.concatenate([outline - margin, outline + margin]), source)
    part = source[top:bottom, left:right]
    if shrink > 1:
        sides = max(1, round((right - left) / shrink)), max(1, round((bottom - top) / shrink))
        part = np.asarray(Image.fromarray(part).resize(sides, _BICUBIC))
    # From the source's positions to those of the part, which is smaller: subtract the corner, then scale.
    # Where the whole picture is less than a pixel of the result, its one pixel counts as larger than it is.
    ratio = np.array(part.shape[1::-1]) / np.maximum([right - left, bottom - top], shrink)
    to_part = (matrix - np.array([[0.0, 0.0, left], [0.0, 0.0, top]])) * ratio[:, None]
    reach = _move(to_part, np.array([[0.0, 0.0], [0.0, height], [width, height], [width, 0.0]]))
    before = np.maximum(np.ceil(_SUPPORT - reach.min(axis=0)), 0).astype(int)
    after = np.maximum(np.ceil(reach.max(axis=0) + _SUPPORT - part.shape[1::-1]), 0).astype(int)
    to_part[:, 2] += before
    return _sample(
        np.pad(part, ((before[1], after[1]), (before[0], after[0]), (0, 0)), mode="edge"), to_part, width, height
    )


def _sample(
    source: UInt8[np.ndarray, "h w 3"], matrix: Float[np.ndarray, "2 3"], width: int, height: int
) -> UInt8[np.ndarray, "i j 3"]:
    """As `_resample`, where positions do not leave the source and its pixels are not smaller than the result's."""
    picture = Image.fromarray(source)
    if matrix[0, 1] == 0 and matrix[0, 0] > 0:
        (step_x, _, left), (_, step_y, top) = matrix.tolist()
        box = (left, top, left + step_x * width, top + step_y * height)
        return np.asarray(picture.resize((width, height), _BICUBIC, box=box))
    # Pillow's transformations cut fractions off, but for floats; the kernel of its bicubic one bends straight ramps,
    # unlike that of its resizing: bilinear between twice as many pixels comes close to the latter.
    picture = picture.resize((2 * picture.width, 2 * picture.height), _BICUBIC)
    data = tuple((2 * matrix).ravel().tolist())
    moved = [
        np.asarray(
            band.convert("F").transform((width, height), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
        )
        for band in picture.split()
    ]
    return np.rint(np.stack(moved, axis=-1)).astype(np.uint8)
