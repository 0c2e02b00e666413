"""A regressor as what `tracking.follow` asks where a face's landmarks are."""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.core.types import Array, Params
from jaxanim.tracking import crops
from jaxanim.tracking.crops import Alignment
from jaxanim.tracking.follow import Located, Placing
from jaxanim.tracking.regressor import parameters
from jaxanim.tracking.regressor.regressor import FaceRegressor, Found

SCALE = 1.5
"""Side of the crops that regressors are trained on, over that of the face's box."""


@dataclasses.dataclass(frozen=True, eq=False)
class RegressorSees:
    """What a regressor knows of a face besides its 98 landmarks.

    Attributes:
      landmarks68: in pixels of the picture.
      identity, expression: coefficients.
      head: rotation of the head in the picture.
    """

    landmarks68: Float[np.ndarray, "68 2"]
    identity: Float[np.ndarray, " i"]
    expression: Float[np.ndarray, " e"]
    head: Float[np.ndarray, "3 3"]


class RegressorLocator:
    """Looks for 98 landmarks in crops with a regressor that has a decoder for 68 + 98 of them; `more` is the rest."""

    def __init__(self, regressor: FaceRegressor, params: Params):
        """Compiles for one crop at a time.

        Raises:
          ValueError: the regressor finds other points.
        """
        if regressor.design.points != 68 + 98:
            raise ValueError(f"a regressor of 68 + 98 landmarks is needed, this one finds {regressor.design.points}")
        self._params = params
        self._find = jax.jit(functools.partial(_find, regressor))
        self.placing = Placing(regressor.design.size, SCALE)

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"], places: Sequence[Alignment]) -> list[Located]:
        """Returns the landmarks of the face in each crop."""
        return [self._locate(picture, place) for place in places]

    def _locate(self, picture: UInt8[np.ndarray, "h w 3"], place: Alignment) -> Located:
        found, head = jax.device_get(self._find(self._params, crops.take(picture, place)))
        points = crops.to_picture(place, np.asarray(found.points[0], np.float64))
        turn = np.deg2rad(place.degrees)  # of the crop, clockwise; the head in the picture is turned by as much more
        cosine, sine = np.cos(turn), np.sin(turn)
        around = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
        more = RegressorSees(points[:68], found.face.identity[0], found.face.expression[0], around @ head[0])
        return Located(points[68:], float(found.confidence[0]), more)


def _find(regressor: FaceRegressor, params: Params, crop: UInt8[Array, "h w 3"]) -> tuple[Found, Array]:
    found = regressor.find(params, crop[None].astype(jnp.float32) / 255.0)
    return found, parameters.rotation(found.face.angles)
