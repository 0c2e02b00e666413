"""How refiners are trained: distances of landmarks, squares of errors of coefficients.

Squares, because the mean of all expressions that a picture could show is asked for, and because strong movements count
for more than weak ones.
"""

import dataclasses
from collections.abc import Mapping

import flax.struct
import jax.numpy as jnp

from jaxanim.core.types import Array, Float, Metrics, Params
from jaxanim.nn.apply import apply
from jaxanim.tracking.refiner.design import Design
from jaxanim.tracking.refiner.networks import RefinerNetwork, Seen

SPREAD = 0.03  # of a landmark's heat, as a share of the side: about one pixel of its map


@dataclasses.dataclass(frozen=True)
class Objective:
    """Weights of the terms.

    Attributes:
      points: of the mean distance along each axis, in shares of the side.
      spread: of how far the heat's spread is from `SPREAD`.
      expression: of the mean squared error of coefficients.
    """

    points: float = 200.0
    spread: float = 1.0
    expression: float = 100.0

    def weights(self) -> Mapping[str, float]:
        """Returns the weights as the loss takes them."""
        return dataclasses.asdict(self)


@flax.struct.dataclass
class Batch:
    """What a step learns from.

    Attributes:
      image: pictures in [0, 1].
      points: landmarks, in shares of the side from the upper left corner.
      expression: coefficients.
    """

    image: Float[Array, "b h w 3"]
    points: Float[Array, "b k 2"]
    expression: Float[Array, "b e"]


def terms(params: Params, batch: Batch, *, design: Design) -> dict[str, Float[Array, " b"]]:
    """Returns each term, one value per example."""
    seen: Seen = apply(RefinerNetwork(design), params, batch.image)
    return {
        "points": jnp.abs(seen.points - batch.points).mean(axis=(1, 2)),
        "spread": jnp.abs(seen.spread - SPREAD).mean(axis=1),
        "expression": jnp.square(seen.expression - batch.expression).mean(axis=1),
    }


def loss(params: Params, batch: Batch, weights: Params, *, design: Design) -> tuple[Float[Array, ""], Metrics]:
    """Returns the weighted sum of the terms' means, and these."""
    means = {name: value.mean() for name, value in terms(params, batch, design=design).items()}
    return jnp.sum(jnp.stack([weights[name] * value for name, value in means.items()])), means
