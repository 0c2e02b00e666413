"""A regressor and a refiner as one locator: the first says about where a face's landmarks are, the second exactly."""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.core.types import Array, Params
from jaxanim.geometry import mirror
from jaxanim.signals.face_signal import EXPRESSIONS
from jaxanim.tracking import alignments, crops
from jaxanim.tracking.crops import Alignment
from jaxanim.tracking.follow import Located, is_a_face
from jaxanim.tracking.refiner.refiner import Found, Refiner
from jaxanim.tracking.regressor.locator import RegressorLocator, RegressorSees, unmirrored, zoomed

_ZOOMS = (0.95, 1.0, 1.06)


class RefinedLocator:
    """Finds 98 landmarks in two looks; `more` is a `RegressorSees` with the refiner's landmarks and expression."""

    def __init__(self, first: RegressorLocator, refiner: Refiner, params: Params, *, careful: bool = False):
        """Compiles.

        Args:
          first: says where the face is.
          refiner: of ARKit's expressions.
          params: of its network.
          careful: whether the refiner looks six times, nearer and farther and mirrored, and the mean is taken.

        Raises:
          ValueError: the refiner finds other expressions.
        """
        if refiner.design.expression != len(EXPRESSIONS):
            raise ValueError(
                f"a refiner of {len(EXPRESSIONS)} expressions is needed, this one finds {refiner.design.expression}"
            )
        self._first, self._params, self._design = first, params, refiner.design
        self._find = jax.jit(functools.partial(_find, refiner))
        self._zooms: tuple[float, ...] = _ZOOMS if careful else (1.0,)
        self._mirrors: tuple[bool, ...] = (False, True) if careful else (False,)
        self.placing = first.placing

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"], places: Sequence[Alignment]) -> list[Located]:
        """Returns the landmarks of the face in each crop; where there is no face, those of the first look."""
        return [self._refined(picture, seen) for seen in self._first(picture, places)]

    def _refined(self, picture: UInt8[np.ndarray, "h w 3"], seen: Located) -> Located:
        if not is_a_face(seen.points, picture):
            return seen
        points, expression = self._look(picture, seen.points)
        sees: RegressorSees = dataclasses.replace(seen.more, landmarks68=points[:68], expression=expression)
        return Located(points[68:], seen.confidence, sees)

    def _look(
        self, picture: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "98 2"]
    ) -> tuple[Float[np.ndarray, "166 2"], Float[np.ndarray, " e"]]:
        """Returns landmarks in the picture and the expression, each the mean of all looks."""
        place = alignments.around_points(points, self._design.scale, self._design.size, upright=True)
        variants = [zoomed(place, zoom) for zoom in self._zooms]
        pictures = np.stack([crops.take(picture, each) for each in variants])
        found_points, found_expressions = [], []
        for flip in self._mirrors:
            found = jax.device_get(self._find(self._params, pictures[:, :, :: -1 if flip else 1]))
            for each, marks, expression in zip(variants, found.points, found.expression, strict=True):
                found_points.append(crops.to_picture(each, unmirrored(marks, place.size) if flip else marks))
                found_expressions.append(expression[mirror.mirrored_names(EXPRESSIONS)] if flip else expression)
        return np.mean(found_points, axis=0), np.mean(found_expressions, axis=0)


def _find(refiner: Refiner, params: Params, seen: UInt8[Array, "b h w 3"]) -> Found:
    return refiner.find(params, seen.astype(jnp.float32) / 255.0)
