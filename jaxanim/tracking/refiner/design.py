"""Sizes of a refiner, and how near it looks."""

import dataclasses

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
        if min(self.expression, self.local, self.hidden, self.decoder, *self.widths) < 1 or self.scale < 1:
            raise ValueError(f"sizes must be positive and scale at least 1, got {self}")
        smallest = 4 * 2 ** (len(self.widths) - 1)
        if self.size < smallest or self.size % smallest:
            raise ValueError(f"size must be a multiple of {smallest}, got {self.size}")


SMALL = Design()
