"""A refiner at work: upright pictures of faces in, landmarks and expression out; and what training needs of it."""

import dataclasses
import functools

import flax.struct
import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.system import Phase
from jaxanim.core.types import Array, Float, Key, Params, Variables
from jaxanim.nn.apply import apply
from jaxanim.tracking.refiner import objectives
from jaxanim.tracking.refiner.design import Design
from jaxanim.tracking.refiner.networks import RefinerNetwork

NETWORK = "network"


@flax.struct.dataclass
class Found:
    """What a refiner finds in pictures.

    Attributes:
      points: 68 + 98 landmarks in pixels of the picture, the first pixel's centre at 0.5.
      expression: coefficients, not limited to [0, 1].
    """

    points: Float[Array, "b k 2"]
    expression: Float[Array, "b e"]


@dataclasses.dataclass(frozen=True)
class Refiner:
    """A design as functions of parameters.

    Attributes:
      design: sizes.
    """

    design: Design

    def init(self, key: Key[Array, ""]) -> Variables:
        """Makes an untrained network."""
        picture = jnp.zeros((1, self.design.size, self.design.size, 3))
        return {"params": {NETWORK: RefinerNetwork(self.design).init(key, picture)["params"]}}

    def find(self, params: Params, pictures: Float[Array, "b h w 3"]) -> Found:
        """Looks at pictures in [0, 1].

        Raises:
          ValueError: they are not of the design's size.
        """
        size = self.design.size
        checks.check_trailing_shape("pictures", pictures, (size, size, 3))
        seen = apply(RefinerNetwork(self.design), params, pictures)
        return Found(seen.points * size, seen.expression)

    def phases(self) -> tuple[Phase, ...]:
        """Returns the one objective of a step."""
        return (Phase(NETWORK, NETWORK, functools.partial(objectives.loss, design=self.design)),)
