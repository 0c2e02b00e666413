"""How regressors are trained: the losses of F3A-GAN's supplement, and what the landmark decoder adds.

L_warm = L_shp + 10 L_lm + L_tr + 1e-3 L_reg where parameters are known, L_sub = L_lm + 1e-3 L_reg where landmarks alone
are. The paper does not state units; landmarks are in shares of the picture's side, shapes in units of `SHAPE_UNIT`
(a tenth of a head), pose and regularisation in standard deviations.
"""

import dataclasses
from collections.abc import Mapping

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Array, Float, Params
from jaxanim.nn.apply import apply
from jaxanim.tracking.regressor import parameters
from jaxanim.tracking.regressor.design import POSE, Design
from jaxanim.tracking.regressor.networks import RegressorNetwork, Seen
from jaxanim.tracking.regressor.parameters import Basis, Statistics

SHAPE_UNIT = 0.02  # metres
MOUTH_WEIGHT, EYES_WEIGHT = 10.0, 5.0  # of landmarks 48 to 67 and 36 to 47
SPREAD = 0.03  # of a landmark's heat, as a share of the side: about one pixel of its map


@dataclasses.dataclass(frozen=True)
class Objective:
    """Weights of the terms; 0 leaves one out.

    Attributes:
      shp, lm, tr, reg: of the paper.
      exp: square of the error of expression coefficients themselves; ours. Landmarks show few of them: not cheeks,
        not the tongue.
      points, spread, face: of the decoder; ours.
    """

    shp: float = 1.0
    lm: float = 10.0
    tr: float = 1.0
    reg: float = 1e-3
    exp: float = 0.0
    points: float = 0.0
    spread: float = 0.0
    face: float = 0.0

    def weights(self) -> Mapping[str, float]:
        """Returns the weights as the loss takes them."""
        return dataclasses.asdict(self)


WARM_UP = Objective()
SELF_SUPERVISED = Objective(shp=0.0, lm=1.0, tr=0.0)
WITH_DECODER = Objective(tr=4.0, exp=1.0, points=200.0, spread=1.0, face=0.3)


@flax.struct.dataclass
class Batch:
    """What a step learns from.

    Attributes:
      image: pictures in [0, 1].
      points: the landmarks of the basis, in shares of the side from the upper left corner.
      scores: the parameters' z-scores.
      known: 1 where the parameters are known, 0 where landmarks alone are.
      face: 1 where there is a face; elsewhere nothing but that is learnt.
    """

    image: Float[Array, "b h w 3"]
    points: Float[Array, "b k 2"]
    scores: Float[Array, "b p"]
    known: Float[Array, " b"]
    face: Float[Array, " b"]


def landmark_weights(count: int) -> Float[np.ndarray, " k"]:
    """Returns L_lm's weights of the 68 points, and 1 for those that follow them."""
    weights = np.ones(count, np.float32)
    weights[36:48], weights[48:68] = EYES_WEIGHT, MOUTH_WEIGHT
    return weights


def terms(
    params: Params, batch: Batch, *, design: Design, basis: Basis, statistics: Statistics
) -> dict[str, Float[Array, " b"]]:
    """Returns each term, one value per example."""
    seen: Seen = apply(RegressorNetwork(design), params, batch.image)
    face = parameters.take_apart(statistics.numbers(seen.scores), design.identity, design.expression)
    truth = parameters.take_apart(statistics.numbers(batch.scores), design.identity, design.expression)
    offset = parameters.shape(basis, face.identity, face.expression)
    offset = offset - parameters.shape(basis, truth.identity, truth.expression)
    away = jnp.abs(parameters.project(basis, face) - batch.points).mean(axis=-1)
    coefficients = design.identity + design.expression
    expression = slice(design.identity, coefficients)
    error = jnp.abs(seen.scores - batch.scores)
    found = {
        "shp": batch.known * jnp.abs(offset).mean(axis=(1, 2)) / SHAPE_UNIT,
        "lm": (away * landmark_weights(away.shape[1])[None]).mean(axis=1),
        "tr": batch.known * error[:, coefficients : coefficients + POSE].mean(axis=1),
        "reg": jnp.abs(seen.scores[:, :coefficients]).mean(axis=1),
        "exp": batch.known * jnp.square(error[:, expression]).mean(axis=1),
    }
    if seen.points is not None and seen.spread is not None:
        found["points"] = jnp.abs(seen.points - batch.points).mean(axis=(1, 2))
        found["spread"] = jnp.abs(seen.spread - SPREAD).mean(axis=1)
    found = {name: batch.face * value for name, value in found.items()}
    if seen.face is not None:
        found["face"] = jax.nn.softplus(seen.face) - batch.face * seen.face
    return found


def loss(
    params: Params,
    batch: Batch,
    weights: Params,
    *,
    design: Design,
    basis: Basis,
    statistics: Statistics,
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """Returns the weighted sum of the terms' means, and these."""
    means = {
        name: value.mean()
        for name, value in terms(params, batch, design=design, basis=basis, statistics=statistics).items()
    }
    total = jnp.sum(jnp.stack([weights[name] * value for name, value in means.items()]))
    return total, means
