"""What models without joints have in common: they become a MorphableModel whose one joint, the root, is the origin."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.geometry.morphable import LandmarkEmbedding, MorphableModel


def build(
    path: Path,
    *,
    template: np.ndarray,
    identity: tuple[np.ndarray, np.ndarray],
    expression: tuple[np.ndarray, np.ndarray],
    faces: np.ndarray,
    keypoints: np.ndarray | None = None,
    expression_names: tuple[str, ...] = (),
    uv: tuple[np.ndarray, np.ndarray] | None = None,
) -> MorphableModel:
    """Checks arrays and makes a model of them.

    Args:
      path: file that is named in errors.
      template: mean face (v, 3) in metres.
      identity: basis (v, 3, i) in metres, and what a coefficient of 1 is multiplied by.
      expression: the same.
      faces: triangles, counted from 0.
      keypoints: vertices that are landmarks.
      expression_names: names of the expressions.
      uv: texture coordinates and triangles of them.

    Raises:
      InputError: shapes disagree, indices point outside, or numbers are not finite.
    """
    vertices = len(template)
    for name, (basis, sigmas) in {"identity": identity, "expression": expression}.items():
        if basis.shape[:2] != (vertices, 3) or sigmas.shape != basis.shape[2:]:
            raise InputError(
                f"{path}: the {name} basis has shape {basis.shape} and {len(sigmas)} deviations, "
                f"the mean face has {vertices} vertices"
            )
    texture, texture_faces = uv or (np.zeros((0, 2)), np.zeros((0, 3), int))
    for array in (template, *identity, *expression, texture):
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite
            finite = np.isfinite(np.asarray(array, np.float32)).all()
        if not finite:
            raise InputError(f"{path}: holds numbers that are not finite in float32")
    _check_indices(path, "triangles", faces, vertices)
    return MorphableModel(
        template=_floats(template),
        identity_basis=_floats(identity[0]),
        expression_basis=_floats(expression[0]),
        identity_sigmas=_floats(identity[1]),
        expression_sigmas=_floats(expression[1]),
        pose_basis=jnp.zeros((vertices, 3, 0)),
        joint_regressor=jnp.zeros((1, vertices)),
        skinning_weights=jnp.ones((vertices, 1)),
        faces=jnp.asarray(faces, jnp.int32),
        uv=_floats(texture),
        uv_faces=jnp.asarray(texture_faces, jnp.int32),
        landmarks={} if keypoints is None else {len(keypoints): at_vertices(path, faces, keypoints, vertices)},
        parents=(-1,),
        joint_names=("root",),
        expression_names=expression_names,
    )


def facing_camera(template: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Returns triangles that are counter-clockwise from outside, for an open face that looks along z.

    Releases differ in their order. What is seen of an open face from the front, less what is seen from behind, is the
    area of its opening and so tells the order.
    """
    a, b, c = (template[faces[:, corner], :2] for corner in range(3))
    area = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).sum()
    return faces if area >= 0 else faces[:, ::-1]


def at_vertices(path: Path, faces: np.ndarray, keypoints: np.ndarray, vertices: int) -> LandmarkEmbedding:
    """Returns the embedding of points that are vertices.

    Raises:
      InputError: one of them is not a vertex of any triangle.
    """
    _check_indices(path, "keypoints", keypoints, vertices)
    triangle = np.full(vertices, -1)
    corner = np.zeros(vertices, int)
    for place in range(3):
        triangle[faces[:, place]] = np.arange(len(faces))
        corner[faces[:, place]] = place
    if (triangle[keypoints] < 0).any():
        raise InputError(f"{path}: keypoints {keypoints[triangle[keypoints] < 0].tolist()} are in no triangle")
    weights = np.eye(3)[corner[keypoints]]
    return LandmarkEmbedding(jnp.asarray(triangle[keypoints], jnp.int32), _floats(weights))


def _check_indices(path: Path, name: str, indices: np.ndarray, count: int) -> None:
    if indices.size == 0 or indices.min() < 0 or indices.max() >= count:
        found = f"{indices.min()} to {indices.max()}" if indices.size else "none"
        raise InputError(f"{path}: {name} name the vertices {found}, there are 0 to {count - 1}")


def _floats(array: np.ndarray) -> jnp.ndarray:
    return jnp.asarray(array, jnp.float32)
