"""How a character's students are distilled: loss terms, and the released schedules of their weights and learning rates.

Paper: THA4 section 5.2, table 3. Two deviations of the released code from the paper are kept: the directly generated
colour is compared with the teacher's final picture (not with its generated colour), and the teacher's own face is
what the body student is given while training.
"""

import dataclasses

import flax.struct
import jax.numpy as jnp

from jaxanim.core.system import Phase
from jaxanim.core.types import Array, Float, Metrics, Params
from jaxanim.losses import reconstruction
from jaxanim.nn import siren
from jaxanim.nn.apply import apply
from jaxanim.systems.tha4 import networks


@flax.struct.dataclass
class FaceBatch:
    """What the face student learns from: any positions of the 128x128 crop.

    Attributes:
      positions: normalised positions, shared by all examples.
      pose: eyebrow and face numbers.
      teacher: the teacher's colours at the positions, RGBA as in `networks`.
      mask: 1 where the face moves (eyes, brows, mouth, jaw).
    """

    positions: Float[Array, "h w 2"]
    pose: Float[Array, "b 39"]
    teacher: Float[Array, "b h w 4"]
    mask: Float[Array, "b h w 1"]


@flax.struct.dataclass
class BodyBatch:
    """What the body student learns from: the whole picture or a window of it.

    Attributes:
      image: the character with the teacher's face pasted in.
      pose: all 45 numbers.
      positions: normalised pixel centres of the three levels' windows.
      final, warped, flow_ndc: the teacher's picture, its warped picture and its flow in the finest window.
    """

    image: Float[Array, "b h w 4"]
    pose: Float[Array, "b 45"]
    positions: tuple[Float[Array, "_ _ 2"], Float[Array, "_ _ 2"], Float[Array, "_ _ 2"]]
    final: Float[Array, "b i j 4"]
    warped: Float[Array, "b i j 4"]
    flow_ndc: Float[Array, "b i j 2"]


FACE_WEIGHTS = {"full": 1.0, "masked": 20.0}


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stretch of the released schedule: it holds while fewer than `examples` examples have been seen."""

    examples: int
    learning_rate: float
    weights: Params


FACE_SCHEDULE = (
    Stage(200_000, 1e-4, FACE_WEIGHTS),
    Stage(500_000, 1e-4 / 3, FACE_WEIGHTS),
    Stage(800_000, 1e-4 / 10, FACE_WEIGHTS),
    Stage(1_000_000, 1e-4 / 30, FACE_WEIGHTS),
)

_WARM_UP = {"final": 0.25, "warped": 0.25, "flow": 0.5, "direct": 2.0}
_WARP = {"final": 1.0, "warped": 2.5, "flow": 5.0, "direct": 1.0}
_FINISH = {"final": 10.0, "warped": 1.0, "flow": 1.0, "direct": 1.0}

BODY_SCHEDULE = (
    Stage(200_000, 1e-4, _WARM_UP),
    Stage(400_000, 3e-5, _WARM_UP),
    Stage(600_000, 3e-5, _WARP),
    Stage(800_000, 1e-5, _WARP),
    Stage(1_300_000, 1e-5, _FINISH),
    Stage(1_500_000, 3e-6, _FINISH),
)


def face_terms(params: Params, batch: FaceBatch, *, sine: siren.Sine = jnp.sin) -> dict[str, Float[Array, " b"]]:
    """Returns the face student's loss terms, one value per example."""
    painted = apply(networks.StudentFace(sine), params, batch.positions, batch.pose)
    return {
        "full": reconstruction.l1(painted, batch.teacher),
        "masked": reconstruction.masked_l1(painted, batch.teacher, batch.mask),
    }


def body_terms(params: Params, batch: BodyBatch, *, sine: siren.Sine = jnp.sin) -> dict[str, Float[Array, " b"]]:
    """Returns the body student's loss terms, one value per example."""
    student = apply(networks.StudentBody(sine), params, batch.image, batch.pose, batch.positions)
    return {
        "final": reconstruction.l1(student.image, batch.final),
        "warped": reconstruction.l1(student.warped, batch.warped),
        "flow": reconstruction.l1(student.flow_ndc, batch.flow_ndc),
        "direct": reconstruction.l1(student.color, batch.final),
    }


def _weighted(terms: dict[str, Float[Array, " b"]], weights: Params) -> tuple[Float[Array, ""], Metrics]:
    means = {name: values.mean() for name, values in terms.items()}
    total = jnp.asarray(sum(weights[name] * mean for name, mean in means.items()))
    return total, {"total": total, **means}


def face_loss(params: Params, batch: FaceBatch, weights: Params) -> tuple[Float[Array, ""], Metrics]:
    """Returns the weighted loss of the face student and its terms."""
    return _weighted(face_terms(params, batch), weights)


def body_loss(params: Params, batch: BodyBatch, weights: Params) -> tuple[Float[Array, ""], Metrics]:
    """Returns the weighted loss of the body student and its terms."""
    return _weighted(body_terms(params, batch), weights)


def phases() -> tuple[Phase, ...]:
    """Returns the two independent objectives; the students share no parameters."""
    return (Phase("face", "face_morpher", face_loss), Phase("body", "body_morpher", body_loss))
