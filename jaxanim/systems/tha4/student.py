"""The distilled system of one character: pose in, picture out (the released code's `mode_14`).

Work that the released code repeats per frame and pixel is gone (see `nn.siren`): position and pose never become image
planes, and each level's features pass their next layer before they are doubled.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
from jax import lax

from jaxanim.core.system import Frame, Phase
from jaxanim.core.types import Array, Float, Image, Key, Mask, Variables
from jaxanim.nn import siren
from jaxanim.nn.apply import apply
from jaxanim.ops import flow as flows
from jaxanim.signals import pose_vector
from jaxanim.systems.tha4 import networks, objectives, pictures


@flax.struct.dataclass
class StudentCode:
    """What rendering needs to know of the character besides its networks.

    Attributes:
      image: the character at rest, as the networks see it (`pictures`).
      positions: pixel centres of the three levels.
    """

    image: Float[Array, "512 512 4"]
    positions: tuple[Float[Array, "128 128 2"], Float[Array, "256 256 2"], Float[Array, "512 512 2"]]


@flax.struct.dataclass
class StudentFrame(Frame):
    """A frame and how it came about.

    Attributes:
      face: the painted 128x128 face.
      warped: the character, with its new face, moved.
      color: the generated picture.
      alpha: 1 takes `color`, 0 takes `warped`; not clipped.
    """

    face: Float[Array, "*b 128 128 4"]
    warped: Image
    color: Image
    alpha: Mask


@dataclasses.dataclass(frozen=True)
class Student:
    """The two students as a system. `variables['params']` has the groups 'face_morpher' and 'body_morpher'.

    Attributes:
      sine: `jnp.sin`, or `ops.sine.fast_sin` where XLA's own is slow (CPUs).
    """

    sine: siren.Sine = jnp.sin

    def init(self, key: Key[Array, ""]) -> Variables:
        """Makes untrained students, initialised as the released code does."""
        face_key, body_key = jax.random.split(key)
        # Parameters do not depend on the size: a few pixels do.
        positions = tuple(flows.identity_grid(size, size, align_corners=False) for size in (2, 4, 8))
        image = jnp.zeros((1, 8, 8, 4))
        face = networks.StudentFace().init(face_key, positions[0], jnp.zeros((1, 39)))
        body = networks.StudentBody().init(body_key, image, jnp.zeros((1, 45)), positions)
        return {"params": {"face_morpher": face["params"], "body_morpher": body["params"]}}

    def encode_source(self, variables: Variables, source: Float[Array, "512 512 4"]) -> StudentCode:
        """Prepares the character's picture (as the networks see it, see `pictures.encode`)."""
        del variables
        return StudentCode(image=jnp.asarray(source), positions=networks.student_positions())

    def render(self, variables: Variables, code: StudentCode, drive: Float[Array, "b 45"]) -> StudentFrame:
        """Renders one frame per pose (`pose_vector`); pictures as the networks make them, not clipped or decoded."""
        params = variables["params"]
        face_pose = drive[:, pose_vector.EYEBROW_AND_FACE]
        face = apply(networks.StudentFace(self.sine), params["face_morpher"], code.positions[0], face_pose)
        image = jnp.broadcast_to(code.image, (drive.shape[0], *code.image.shape))
        image = lax.dynamic_update_slice(image, face, (0, pictures.FACE_ROWS.start, pictures.FACE_COLUMNS.start, 0))
        body = apply(networks.StudentBody(self.sine), params["body_morpher"], image, drive, code.positions)
        return StudentFrame(
            image=body.image,
            flow_px=flows.ndc_to_px(body.flow_ndc),
            face=face,
            warped=body.warped,
            color=body.color,
            alpha=body.alpha,
        )

    def phases(self) -> tuple[Phase, ...]:
        """Returns the two distillation objectives."""
        return objectives.phases()
