"""Where fits put a model: its parameters, cameras, surfaces and landmarks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Array, Float
from jaxanim.geometry import cameras, morphable
from jaxanim.geometry.cameras import PerspectiveCamera
from jaxanim.geometry.morphable import FaceParameters, MorphableModel
from jaxanim.tracking.fit import Fit

_AT_A_TIME = 32


def face_parameters(fit: Fit) -> FaceParameters:
    """Returns what drives the model, one row per picture."""
    identity = np.broadcast_to(fit.identity, (len(fit.expression), fit.identity.shape[-1]))
    return FaceParameters(jnp.asarray(identity), jnp.asarray(fit.expression), jnp.asarray(fit.rotations))


def cameras_of(fit: Fit) -> PerspectiveCamera:
    """Returns the pictures' cameras."""
    count = len(fit.camera)
    away = np.stack([np.zeros(count), np.zeros(count), -fit.camera[:, 3]], axis=-1)
    return PerspectiveCamera(
        rotation=jnp.broadcast_to(jnp.eye(3), (count, 3, 3)),
        translation=jnp.asarray(away, jnp.float32),
        focal_px=jnp.asarray(fit.camera[:, 0]),
        center_px=jnp.asarray(fit.camera[:, 1:3]),
    )


def vertices_px(model: MorphableModel, fit: Fit) -> Float[Array, "n v 3"]:
    """Returns the fitted surfaces in pixels, with depth in pixels, for `render` and `preview`.

    Args:
      model: that was fitted.
      fit: of few pictures; this takes all vertices of each.
    """
    return _vertices(model, face_parameters(fit), cameras_of(fit))


def landmarks_px(model: MorphableModel, fit: Fit, count: int) -> Float[np.ndarray, "n l 2"]:
    """Returns where a fit puts the model's 68 or 98 landmarks."""
    face, camera = face_parameters(fit), cameras_of(fit)
    number = len(fit.expression)
    parts = []
    for at in range(0, number, _AT_A_TIME):
        chosen = np.minimum(np.arange(at, at + _AT_A_TIME), number - 1)  # the last part is filled up
        some = jax.tree.map(lambda leaf, chosen=chosen: leaf[chosen], (face, camera))
        parts.append(np.asarray(_landmarks(model, *some, count=count))[: number - at])
    return np.concatenate(parts)


@jax.jit
def _vertices(model: MorphableModel, face: FaceParameters, camera: PerspectiveCamera) -> Float[Array, "n v 3"]:
    seen = cameras.project_perspective(camera, morphable.pose(model, face).vertices)
    distance = -camera.translation[:, 2:]
    depth = (seen.depth - distance) * (camera.focal_px[:, None] / distance)
    return jnp.concatenate([seen.pixels, depth[..., None]], axis=-1)


@functools.partial(jax.jit, static_argnames="count")
def _landmarks(
    model: MorphableModel, face: FaceParameters, camera: PerspectiveCamera, *, count: int
) -> Float[Array, "n l 2"]:
    posed = morphable.pose(model, face).vertices
    return cameras.project_perspective(camera, morphable.embed(posed, model.faces, model.landmarks[count])).pixels
