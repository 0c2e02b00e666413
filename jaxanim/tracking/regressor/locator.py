"""A regressor as what `tracking.follow` asks where a face's landmarks are."""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.core.types import Array, Params
from jaxanim.geometry import mirror
from jaxanim.signals import head_angles
from jaxanim.tracking import crops
from jaxanim.tracking.crops import Alignment
from jaxanim.tracking.follow import Located, Placing
from jaxanim.tracking.regressor import parameters
from jaxanim.tracking.regressor.regressor import FaceRegressor, Found

SCALE = 1.5
"""Side of the crops that regressors are trained on, over that of the face's box."""

_ZOOMS = (0.9, 1.0, 1.13)


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

    def __init__(self, regressor: FaceRegressor, params: Params, *, careful: bool = False):
        """Compiles.

        Args:
          regressor: of 68 + 98 landmarks.
          params: of its network.
          careful: whether each face is looked at six times, nearer and farther and mirrored, and the mean is taken: for
            photos, where time does not matter.

        Raises:
          ValueError: the regressor finds other points.
        """
        if regressor.design.points != 68 + 98:
            raise ValueError(f"a regressor of 68 + 98 landmarks is needed, this one finds {regressor.design.points}")
        self._params = params
        self._find = jax.jit(functools.partial(_find, regressor))
        self._zooms: tuple[float, ...] = _ZOOMS if careful else (1.0,)
        self._mirrors: tuple[bool, ...] = (False, True) if careful else (False,)
        self.placing = Placing(regressor.design.size, SCALE)

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"], places: Sequence[Alignment]) -> list[Located]:
        """Returns the landmarks of the face in each crop."""
        return [self._locate(picture, place) for place in places]

    def _locate(self, picture: UInt8[np.ndarray, "h w 3"], place: Alignment) -> Located:
        variants = [zoomed(place, zoom) for zoom in self._zooms]
        seen = np.stack([crops.take(picture, each) for each in variants])
        looks = [jax.device_get(self._find(self._params, seen[:, :, :: -1 if flip else 1])) for flip in self._mirrors]
        points = [
            crops.to_picture(each, unmirrored(found.points[index], place.size) if flip else found.points[index])
            for flip, (found, _) in zip(self._mirrors, looks, strict=True)
            for index, each in enumerate(variants)
        ]
        mean = np.mean(points, axis=0)
        found, head = looks[0]
        middle = self._zooms.index(1.0)
        confidence = float(np.mean([each.confidence for each, _ in looks]))
        # The crop is turned clockwise; the head in the picture is turned by as much more than in the crop.
        around = head_angles.to_matrix(np.array([0.0, 0.0, -place.degrees]))
        more = RegressorSees(
            mean[:68], found.face.identity[middle], found.face.expression[middle], around @ head[middle]
        )
        return Located(mean[68:], confidence, more)


def zoomed(place: Alignment, zoom: float) -> Alignment:
    """Returns a crop with the same middle that shows so many times as much along each side."""
    if zoom == 1.0:
        return place
    middle = place.size / 2
    shrink = np.array([[1 / zoom, 0.0, middle - middle / zoom], [0.0, 1 / zoom, middle - middle / zoom]])
    matrix = shrink[:, :2] @ place.matrix
    matrix[:, 2] += shrink[:, 2]
    return Alignment(matrix, place.size)


def unmirrored(points: Float[np.ndarray, "166 2"], size: int) -> Float[np.ndarray, "166 2"]:
    """Returns where 68 + 98 landmarks of a mirrored crop are in the crop."""
    return np.concatenate([mirror.mirror_points(points[:68], size), mirror.mirror_points(points[68:], size)])


def _find(regressor: FaceRegressor, params: Params, seen: UInt8[Array, "b h w 3"]) -> tuple[Found, Array]:
    found = regressor.find(params, seen.astype(jnp.float32) / 255.0)
    return found, parameters.rotation(found.face.angles)
