"""A regressor at work: pictures in, parameters and landmarks out; and what training needs of it."""

import dataclasses
import functools

import flax.struct
import jax
import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.system import Phase
from jaxanim.core.types import Array, Float, Key, Params, Variables
from jaxanim.nn.apply import apply
from jaxanim.tracking.regressor import objectives, parameters
from jaxanim.tracking.regressor.design import Design
from jaxanim.tracking.regressor.networks import RegressorNetwork
from jaxanim.tracking.regressor.parameters import Basis, FaceNumbers, Statistics

NETWORK, STATISTICS = "network", "statistics"


@flax.struct.dataclass
class Found:
    """What a regressor finds in pictures.

    Attributes:
      face: parameters.
      points: landmarks in pixels of the picture, the first pixel's centre at 0.5; the decoder's, or without one those
        that the parameters put there, where the regressor has a basis.
      confidence: probability of a face; 1 without a decoder, which does not know.
    """

    face: FaceNumbers
    points: Float[Array, "b k 2"] | None
    confidence: Float[Array, " b"]


@dataclasses.dataclass(frozen=True, eq=False)
class FaceRegressor:
    """A design with the model's landmarks and the statistics of its parameters.

    Attributes:
      design: sizes.
      statistics: of the parameters.
      basis: landmarks of the model; None where only parameters are asked for.
    """

    design: Design
    statistics: Statistics
    basis: Basis | None = None

    def init(self, key: Key[Array, ""]) -> Variables:
        """Makes an untrained network, which finds the mean face."""
        picture = jnp.zeros((1, self.design.size, self.design.size, 3))
        return {"params": {NETWORK: RegressorNetwork(self.design).init(key, picture)["params"]}}

    def find(self, params: Params, pictures: Float[Array, "b h w 3"]) -> Found:
        """Looks at pictures in [0, 1].

        Raises:
          ValueError: they are not of the design's size.
        """
        size = self.design.size
        checks.check_trailing_shape("pictures", pictures, (size, size, 3))
        seen = apply(RegressorNetwork(self.design), params, pictures)
        numbers = self.statistics.numbers(seen.scores)
        face = parameters.take_apart(numbers, self.design.identity, self.design.expression)
        points = seen.points
        if points is None and self.basis is not None:
            points = parameters.project(self.basis, face)
        certain = jnp.ones(pictures.shape[0]) if seen.face is None else jax.nn.sigmoid(seen.face)
        return Found(face, None if points is None else points * size, certain)

    def phases(self) -> tuple[Phase, ...]:
        """Returns the one objective of a step.

        Raises:
          ValueError: there is no basis.
        """
        if self.basis is None:
            raise ValueError("training needs the landmarks of the model: a regressor with a basis")
        loss = functools.partial(objectives.loss, design=self.design, basis=self.basis, statistics=self.statistics)
        return (Phase(NETWORK, NETWORK, loss),)
