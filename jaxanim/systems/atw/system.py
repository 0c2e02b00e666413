"""ATW as a system: one face from one small picture, driven by classes of expressions or by action units.

Pictures are RGB in [-1, 1], of the design's size (128x128 as published). `ops.residual_warp` takes frames to the size
of the photo: `assemble(residuals, frame.image, frame.flow_px, align_corners=True)`.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.system import Frame, Phase
from jaxanim.core.types import Array, Float, Flow, Image, Key, Variables
from jaxanim.nn.apply import apply
from jaxanim.systems.atw import objectives, presets
from jaxanim.systems.atw.objectives import Objective
from jaxanim.systems.atw.presets import Design


@flax.struct.dataclass
class AtwCode:
    """What rendering needs to know of the source: its picture. Both networks depend on the drive from their start."""

    image: Float[Array, "h w 3"]


@flax.struct.dataclass
class AtwFrame(Frame):
    """A frame and how it came about.

    Attributes:
      warped: the source moved, before it was repainted.
      motion: displacement as a fraction of the design's reach, in [-1, 1].
    """

    warped: Image
    motion: Flow


@dataclasses.dataclass(frozen=True)
class Atw:
    """The generator and its two discriminators.

    `variables['params']` has 'generator', 'discriminator' and 'warp_discriminator'. Rendering needs the first only.

    A drive is one row per frame. Action units: OpenFace's intensities, 0 to 5, in the order of
    `signals.action_units.NAMES`. Classes: how much of each expression; all of one class but its amount in [0, 1]
    (0.5 of 'happy' goes half of the way there).

    Attributes:
      design: sizes and constants of the networks.
      objective: what training minimises.
    """

    design: Design = presets.CELEBA_ACTION_UNITS
    objective: Objective = objectives.ATW_OFFICIAL

    def init(self, key: Key[Array, ""]) -> Variables:
        """Makes untrained networks, initialised as the released code does."""
        design = self.design
        image, drive = jnp.zeros((1, design.size, design.size, 3)), jnp.zeros((1, design.drives))
        keys = jax.random.split(key, 3)
        generator = objectives.generator(design).init(keys[0], image, drive, jnp.ones(1))
        params = {objectives.GENERATOR: generator["params"]}
        for name, subkey in zip((objectives.DISCRIMINATOR, objectives.WARP_DISCRIMINATOR), keys[1:], strict=True):
            network = objectives.discriminator(design, adversarial=name == objectives.DISCRIMINATOR)
            params[name] = network.init(subkey, image)["params"]
        return {"params": params}

    def encode_source(self, variables: Variables, source: Float[Array, "h w 3"]) -> AtwCode:
        """Prepares a picture in [-1, 1].

        Raises:
          ValueError: it is not of the design's size.
        """
        del variables
        checks.check_trailing_shape("source", source, (self.design.size, self.design.size, 3))
        return AtwCode(jnp.asarray(source))

    def render(self, variables: Variables, code: AtwCode, drive: Float[Array, "b d"]) -> AtwFrame:
        """Renders one frame per drive; the refined picture is the frame.

        Raises:
          ValueError: a row does not have the design's number of drives.
        """
        design = self.design
        checks.check_trailing_shape("drive", drive, (design.drives,))
        rows, amount = (drive * design.drive_scale, jnp.ones(drive.shape[0], drive.dtype))
        if design.drive == "classes":
            amount = drive.sum(axis=-1)
            rows = drive / jnp.where(amount == 0.0, 1.0, amount)[:, None]
        images = jnp.broadcast_to(code.image, (drive.shape[0], *code.image.shape))
        with jax.default_matmul_precision("highest"):
            made = apply(objectives.generator(design), variables["params"][objectives.GENERATOR], images, rows, amount)
        return AtwFrame(image=made.image, flow_px=made.flow_px, warped=made.warped, motion=made.motion)

    def phases(self) -> tuple[Phase, ...]:
        """Returns what a training step does, see `objectives`."""
        return objectives.phases(self.design, self.objective)
