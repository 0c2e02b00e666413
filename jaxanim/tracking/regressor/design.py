"""Sizes of a regressor: which model's parameters it finds, and how large its layers are."""

import dataclasses

GROUPS = 8  # of channels, in norms; fewer channels are a group each
POSE = 7  # three angles, a shift in three directions, a scale


@dataclasses.dataclass(frozen=True)
class Design:
    """What a regressor is.

    Attributes:
      model: name of the morphable model whose parameters it finds, such as 'open_head' or 'bfm'.
      identity: coefficients of identity.
      expression: coefficients of expression.
      width: channels of the first layer; 16 as published.
      hidden: features between the two dense layers; 512 as published.
      decoder: channels of the landmark decoder; 0 for a regressor as published, which finds parameters alone.
      points: how many landmarks the decoder finds.
      size: side of the pictures.
    """

    model: str = "bfm"
    identity: int = 199
    expression: int = 29
    width: int = 16
    hidden: int = 512
    decoder: int = 0
    points: int = 0
    size: int = 128

    def __post_init__(self) -> None:
        """Checks the sizes."""
        if min(self.identity, self.expression, self.width, self.hidden) < 1 or min(self.decoder, self.points) < 0:
            raise ValueError(f"sizes must be positive, got {self}")
        if self.width not in (1, 2, 4) and self.width % GROUPS:  # layers have 2, 4 ... 32 times as many
            raise ValueError(f"width must be 1, 2, 4 or a multiple of {GROUPS}, got {self.width}")
        if self.decoder > GROUPS and self.decoder % GROUPS:
            raise ValueError(f"decoder must be at most {GROUPS} or a multiple of it, got {self.decoder}")
        if self.size < 32 or self.size % 32:
            raise ValueError(f"size must be a multiple of 32, got {self.size}")
        if bool(self.decoder) != bool(self.points):
            raise ValueError(f"a decoder finds points: give both or none, got {self.decoder} and {self.points}")

    @property
    def parameters(self) -> int:
        """How many numbers it finds."""
        return self.identity + self.expression + POSE


F3A_PAPER = Design()
OPEN_HEAD_SMALL = Design("open_head", 60, 52, width=8, hidden=256, decoder=48, points=68 + 98)
