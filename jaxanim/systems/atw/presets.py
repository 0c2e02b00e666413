"""The published versions of ATW: what drives them, how large they are, and how they were trained.

Paper: ATW section 4.1; sizes and constants from the released code.
"""

import dataclasses
from typing import Literal

from jaxanim.signals import action_units

DriveKind = Literal["classes", "action units"]


@dataclasses.dataclass(frozen=True)
class Design:
    """What has to be known of the networks besides their parameters.

    Attributes:
      drive: 'classes' of expressions, or intensities of 'action units' as OpenFace measures them (0 to 5).
      drives: how many.
      width: channels of the generator's first layer.
      reach: farthest that a pixel can come from, as a fraction of the picture's size.
      size: of the square pictures; a multiple of 64.
      critic_width: channels of the discriminators' first layer.
      drive_scale: what intensities are multiplied with for the networks. With 2 the weights of the losses fit; at a
        tenth of that (GANimation's) the driving loss would have to weigh a hundred times as much.
      refine: whether the warped picture is repainted.
      refine_downs: how often the refinement network halves: 1 as released, 2 as the paper has it.
      labels: names of the drives, in order; empty where they have none.
      modulate: whether the drive also shifts features, see `networks.MotionNetwork`; not as published.
    """

    drive: DriveKind
    drives: int
    width: int
    reach: float
    size: int = 128
    critic_width: int = 64
    drive_scale: float = 1.0
    refine: bool = True
    refine_downs: int = 1
    labels: tuple[str, ...] = ()
    modulate: bool = False

    def __post_init__(self) -> None:
        """Checks what no network could be built of."""
        if self.drive not in ("classes", "action units"):
            raise ValueError(f"drive must be 'classes' or 'action units', got {self.drive!r}")
        if min(self.drives, self.width, self.critic_width) < 1:
            raise ValueError(f"drives and widths must be 1 or more, got {self}")
        if self.size < 64 or self.size % 64:
            raise ValueError(f"size must be a multiple of 64 (the discriminators halve six times), got {self.size}")
        if self.refine_downs not in (1, 2):
            raise ValueError(f"refine_downs must be 1 or 2, got {self.refine_downs}")
        if self.labels and len(self.labels) != self.drives:
            raise ValueError(f"{self.drives} drives need as many labels, got {len(self.labels)}")


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long the released models were trained, with Adam at 1e-4 (0.5, 0.999), batches of 10.

    Attributes:
      epochs: at the full learning rate.
      decay_epochs: after that, linearly down to 0.
    """

    epochs: int
    decay_epochs: int


BATCH, LEARNING_RATE, BETAS = 10, 1e-4, (0.5, 0.999)
GENERATOR_EVERY = 5  # steps; the discriminators learn in every step

RAFD_LABELS = ("angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral", "contemptuous")
CELEBA_LABELS = ("neutral", "smile")

RAFD = Design("classes", 8, 64, 0.2, labels=RAFD_LABELS)
EMOTIONNET = Design("classes", 26, 64, 0.1)  # several of its 26 classes share a name
CELEBA_CLASSES = Design("classes", 2, 64, 0.1, labels=CELEBA_LABELS)
CELEBA_ACTION_UNITS = Design("action units", 17, 128, 0.3, drive_scale=2.0, labels=action_units.NAMES)

DESIGNS = {
    "rafd": RAFD,
    "emotionnet": EMOTIONNET,
    "celeba-classes": CELEBA_CLASSES,
    "celeba-action-units": CELEBA_ACTION_UNITS,
}
SCHEDULES = {
    "rafd": Schedule(200, 100),
    "emotionnet": Schedule(200, 100),
    "celeba-classes": Schedule(30, 20),
    "celeba-action-units": Schedule(20, 10),
}
