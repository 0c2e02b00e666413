"""Finds faces whose place is known in many pictures: landmarks by the regressor, the rest by fitting the open head.

It is what `jaxanim fit` does with photos, without detecting anything: what is compared must be looked at alike.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.core.types import Array, Params
from jaxanim.geometry import open_head, rotations
from jaxanim.signals import head_angles
from jaxanim.tracking import alignments, crops, face_tracks, fit
from jaxanim.tracking.fit import Fit, Fitter
from jaxanim.tracking.regressor import files, locator, parameters
from jaxanim.tracking.regressor.regressor import FaceRegressor, Found

BATCH = 32
_NECK = 1
_POINTS = 68 + 98


@dataclasses.dataclass(frozen=True, eq=False)
class FoundFaces:
    """What is found in n pictures.

    Attributes:
      landmarks68: in pixels of the pictures.
      expression: coefficients.
      head_degrees: yaw, pitch and roll.
    """

    landmarks68: Float[np.ndarray, "n 68 2"]
    expression: Float[np.ndarray, "n e"]
    head_degrees: Float[np.ndarray, "n 3"]


@dataclasses.dataclass(frozen=True, eq=False)
class FaceReader:
    """A regressor of 68 + 98 landmarks, and the model that is fitted to what it finds.

    Attributes:
      regressor: of the network.
      params: its parameters.
      ready: the fitter.
    """

    regressor: FaceRegressor
    params: Params
    ready: Fitter

    def __post_init__(self) -> None:
        """Checks that the regressor finds what is fitted to."""
        if self.regressor.design.points != _POINTS:
            raise ValueError(f"a regressor of 68 + 98 landmarks is needed, got {self.regressor.design.points}")

    def __call__(self, pictures: UInt8[np.ndarray, "n h w 3"], points: Float[np.ndarray, "n 68 2"]) -> FoundFaces:
        """Finds the face around given landmarks in each picture.

        Args:
          pictures: of one size.
          points: where to look: 68 landmarks in pixels. Pictures that are compared need the same ones.
        """
        size = self.regressor.design.size
        places = [alignments.around_face(each, locator.SCALE, size, upright=True) for each in points]
        seen = np.stack([crops.take(picture, place) for picture, place in zip(pictures, places, strict=True)])
        found, head = self._look(seen)
        assert found.points is not None
        landmarks = np.stack([crops.to_picture(*each) for each in zip(places, found.points, strict=True)])
        # The crop is turned clockwise; the head in the picture is turned by as much more than in the crop.
        turned = head_angles.to_matrix(np.array([[0.0, 0.0, -place.degrees] for place in places])) @ head
        fitted = fit.fit_picture(
            self.ready, landmarks[:, 68:], size=pictures.shape[1:3], prior=self._expected(found, turned)
        )
        return FoundFaces(landmarks[:, :68], fitted.expression, fitted.head_degrees)

    def _look(self, seen: UInt8[np.ndarray, "n s s 3"]) -> tuple[Found, np.ndarray]:
        """Runs the network in batches of one size; the last one is filled up."""
        count = len(seen)
        rows = [np.minimum(np.arange(at, at + BATCH), count - 1) for at in range(0, count, BATCH)]
        parts = [jax.device_get(_find(self.params, seen[each], regressor=self.regressor)) for each in rows]
        together: tuple[Found, np.ndarray] = jax.tree.map(lambda *leaves: np.concatenate(leaves)[:count], *parts)
        return together

    def _expected(self, found: Found, head: Float[np.ndarray, "n 3 3"]) -> Fit:
        """Returns what the network itself says, as a fit."""
        count = len(head)
        turns = np.zeros((count, len(self.ready.landmarks.parents), 3), np.float32)
        turns[:, _NECK] = rotations.matrix_to_axis_angle(jnp.asarray(head, jnp.float32))
        zeros = np.zeros((count, 4), np.float32)
        expression = np.asarray(found.face.expression).clip(0.0, 1.0)
        return Fit(np.asarray(found.face.identity), expression, turns, zeros, zeros[:, :3], zeros[:, 0])


def bundled_reader() -> FaceReader:
    """Returns the reader of what ships with the package: its regressor and the open head."""
    _, regressor, params = files.read_regressor(files.bundled_regressor())
    return FaceReader(regressor, params, face_tracks.make_fitter(open_head.load_open_head()))


@functools.partial(jax.jit, static_argnames="regressor")
def _find(params: Params, seen: UInt8[Array, "b h w 3"], *, regressor: FaceRegressor) -> tuple[Found, Array]:
    found = regressor.find(params, seen.astype(jnp.float32) / 255.0)
    return found, parameters.rotation(found.face.angles)
