"""What every landmark network looks like from outside: crops of faces in, the 98 points of WFLW out.

Positions are pixels of the crop, (x, y), counted from its upper left corner: the first pixel's centre is (0.5, 0.5).
"""

from typing import Protocol

import flax.struct
import numpy as np

from jaxanim.core import checks
from jaxanim.core.types import AnyArray, Array, Float, UInt8

_JAW = tuple(range(0, 33, 2))
_BROWS = tuple(range(33, 38)) + tuple(range(42, 47))
_NOSE = tuple(range(51, 60))
_EYES = (60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75)
_LIPS = tuple(range(76, 96))
_IBUG_IN_WFLW = np.array(_JAW + _BROWS + _NOSE + _EYES + _LIPS)


@flax.struct.dataclass
class LandmarkPoints:
    """Faces in crops.

    Attributes:
      points_98: of WFLW, in pixels of the crop from its upper left corner.
      confidence: how sure the network is of them, 0 to 1; each network has its own measure.
    """

    points_98: Float[Array, "n 98 2"]
    confidence: Float[Array, " n"]


class Landmarks(Protocol):
    """A network that finds 98 points, with its weights."""

    @property
    def size(self) -> int:
        """Height and width of the crops, in pixels."""

    @property
    def margin(self) -> float:
        """Side of the square crop over the longer side of the landmarks' box; both have the same centre."""

    def __call__(self, crops: UInt8[np.ndarray | Array, "n h w 3"]) -> LandmarkPoints:
        """Finds the points of one face in each crop, RGB, `size` by `size` pixels."""


def check_crops(crops: np.ndarray | Array, *, size: int) -> None:
    """Raises ValueError unless crops are uint8 of shape (n, size, size, 3)."""
    if crops.ndim != 4 or crops.dtype != np.uint8:
        raise ValueError(f"crops must be uint8 of shape (n, {size}, {size}, 3), got {crops.dtype} {crops.shape}")
    checks.check_trailing_shape("crops", crops, (size, size, 3))


def points_68_from_98(points_98: Float[AnyArray, "*b n d"]) -> Float[AnyArray, "*b 68 2"]:
    """Picks those of WFLW's points that stand for the 68 of iBUG 300-W, in iBUG's order.

    The jaw is every second point of WFLW's; brows are their upper edge; an eye's lids have two points each where WFLW
    has three, so that they are the outer ones of these, a twelfth of the eye's width from iBUG's; nose and lips are the
    same. The pupils and the brows' lower edge are left out.
    """
    checks.check_trailing_shape("points_98", points_98, (98, 2))
    return points_98[..., _IBUG_IN_WFLW, :]
