"""Sizes of a refiner, and how near it looks."""

import dataclasses
import math

from jaxanim.tracking.regressor.design import GROUPS

POINTS = 68 + 98


@dataclasses.dataclass(frozen=True)
class Design:
    """What a refiner is.

    Attributes:
      expression: coefficients of expression that it finds, ARKit's in alphabetical order.
      size: side of the pictures.
      scale: side of a picture over that of the box around the landmarks, the face upright.
      widths: channels at a quarter of the size, an eighth, and so on.
      local: features of each landmark that the expression is read from.
      hidden: features of the layers before the coefficients.
      decoder: channels of the landmark decoder, which ends at a quarter of the size.
    """

    expression: int = 52
    size: int = 96
    scale: float = 1.2
    widths: tuple[int, ...] = (32, 64, 128, 192)
    local: int = 16
    hidden: int = 256
    decoder: int = 48

    def __post_init__(self) -> None:
        """Checks the sizes."""
        if not self.widths:
            raise ValueError("widths must be one or more, got none")
        normed = (self.widths[0] // 2, *self.widths, self.decoder)
        if min(self.expression, self.local, self.hidden, *normed) < 1 or not 1 <= self.scale < math.inf:
            raise ValueError(f"sizes must be positive, the first width and scale at least 2 and 1, got {self}")
        if any(each > GROUPS and each % GROUPS for each in normed):
            raise ValueError(
                f"widths, half of the first and decoder must be at most {GROUPS} or multiples of it, got {self}"
            )
        smallest = 4 * 2 ** (len(self.widths) - 1)
        if self.size < smallest or self.size % smallest:
            raise ValueError(f"size must be a multiple of {smallest}, got {self.size}")


SMALL = Design()
