"""FLAME (Li et al. 2017): the files of its releases of 2017, 2020 and 2023, and of its landmarks.

`generic_model.pkl` is a pickle that names classes of packages which no longer work; it is read without running any of
it (`numpy_pickle`). The model and the embeddings have licences of their own and come from their authors.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.geometry.landmarks import CONTOUR_ROWS, Contour, FaceLandmarks
from jaxanim.geometry.morphable import LandmarkEmbedding, MorphableModel
from jaxanim.weights import numpy_pickle

VERTICES = 5023
FACES = 9976
JOINT_NAMES = ("root", "neck", "jaw", "left_eye", "right_eye")
IDENTITY_COEFFICIENTS = 300  # the rest of `shapedirs` are expressions
CONTOUR_POINTS = 17
STATIC_POINTS = 51
_SHAPES: Mapping[str, tuple[int | None, ...]] = {
    "v_template": (VERTICES, 3),
    "shapedirs": (VERTICES, 3, None),
    "posedirs": (VERTICES, 3, 9 * (len(JOINT_NAMES) - 1)),
    "J_regressor": (len(JOINT_NAMES), VERTICES),
    "weights": (VERTICES, len(JOINT_NAMES)),
    "kintree_table": (2, len(JOINT_NAMES)),
    "f": (FACES, 3),
}
_MAX_ARCHIVE_BYTES = 64 << 20


def read_model(path: Path, *, landmarks: Mapping[int, LandmarkEmbedding] | None = None) -> MorphableModel:
    """Reads `generic_model.pkl`, or FLAME 2023's file of another name.

    Args:
      path: the pickle.
      landmarks: becomes the model's, by number of points (`read_fixed_landmarks`, `read_static_landmarks`).

    Raises:
      InputError: the file is missing, damaged, could run code, or is not FLAME.
    """
    content = numpy_pickle.read_pickle(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds a {type(content).__name__}, not FLAME's dict of arrays")
    arrays = {name: _array(path, content, name, shape) for name, shape in _SHAPES.items()}
    faces = arrays["f"].astype(np.int64)
    _check_range(path, "f", faces, VERTICES)
    shapes = arrays["shapedirs"].shape[2]
    if shapes <= IDENTITY_COEFFICIENTS:
        raise InputError(f"{path}: shapedirs has {shapes} coefficients, FLAME has 300 of identity and up to 100 more")
    return MorphableModel(
        template=_floats(arrays["v_template"]),
        identity_basis=_floats(arrays["shapedirs"][..., :IDENTITY_COEFFICIENTS]),
        expression_basis=_floats(arrays["shapedirs"][..., IDENTITY_COEFFICIENTS:]),
        identity_sigmas=jnp.ones(IDENTITY_COEFFICIENTS),
        expression_sigmas=jnp.ones(shapes - IDENTITY_COEFFICIENTS),
        pose_basis=_floats(arrays["posedirs"]),
        joint_regressor=_floats(arrays["J_regressor"]),
        skinning_weights=_floats(arrays["weights"]),
        faces=jnp.asarray(faces, jnp.int32),
        uv=jnp.zeros((0, 2)),
        uv_faces=jnp.zeros((0, 3), jnp.int32),
        landmarks=dict(landmarks or {}),
        parents=_parents(path, arrays["kintree_table"]),
        joint_names=JOINT_NAMES,
    )


def read_deca_landmarks(path: Path) -> FaceLandmarks:
    """Reads DECA's `landmark_embedding.npy` (or .npz): 51 points and a contour that moves with the head.

    Raises:
      InputError: the file is missing, damaged, could run code, or holds something else.
    """
    content = _read_embedding(path)
    return FaceLandmarks(
        static=_embedding(path, content, ("static_lmk_faces_idx", "static_lmk_bary_coords"), (STATIC_POINTS,)),
        contour=_contour(path, content, ("dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords"), "deca"),
    )


def read_fixed_landmarks(path: Path) -> LandmarkEmbedding:
    """Reads the 68 points of DECA's `landmark_embedding.npy` (or .npz) whose contour stays where it is.

    Raises:
      InputError: see `read_deca_landmarks`.
    """
    content = _read_embedding(path)
    names = ("full_lmk_faces_idx", "full_lmk_bary_coords")
    at = _embedding(path, content, names, (1, CONTOUR_POINTS + STATIC_POINTS))
    return LandmarkEmbedding(at.face[0], at.barycentric[0])


def read_static_landmarks(path: Path) -> LandmarkEmbedding:
    """Reads the 51 points of `flame_static_embedding.pkl` (RingNet, FLAME_PyTorch).

    Raises:
      InputError: see `read_deca_landmarks`.
    """
    return _embedding(path, _read_embedding(path), ("lmk_face_idx", "lmk_b_coords"), (STATIC_POINTS,))


def read_contour(path: Path) -> Contour:
    """Reads the contour of `flame_dynamic_embedding.npy` (RingNet, FLAME_PyTorch), whose rows go by their rule.

    Raises:
      InputError: see `read_deca_landmarks`.
    """
    return _contour(path, _read_embedding(path), ("lmk_face_idx", "lmk_b_coords"), "flame_pytorch")


def _read_embedding(path: Path) -> Mapping[str, Any]:
    if path.suffix == ".npz":
        return numpy_pickle.read_npz(path, max_bytes=_MAX_ARCHIVE_BYTES)
    content = numpy_pickle.read_npy(path) if path.suffix == ".npy" else numpy_pickle.read_pickle(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds a {type(content).__name__}, not a dict of landmark arrays")
    return content


def _embedding(
    path: Path, content: Mapping[str, Any], names: tuple[str, str], points: tuple[int, ...]
) -> LandmarkEmbedding:
    face = _array(path, content, names[0], points)
    if (face != np.floor(face)).any():
        raise InputError(f"{path}: {names[0]} holds numbers of triangles that are not whole")
    _check_range(path, names[0], face, FACES)
    barycentric = _array(path, content, names[1], (*points, 3))
    if not np.allclose(barycentric.sum(axis=-1), 1.0, atol=1e-3):
        raise InputError(f"{path}: {names[1]} holds weights that do not sum to 1")
    return LandmarkEmbedding(jnp.asarray(face, jnp.int32), _floats(barycentric))


def _contour(path: Path, content: Mapping[str, Any], names: tuple[str, str], rule: Any) -> Contour:
    at = _embedding(path, content, names, (CONTOUR_ROWS, CONTOUR_POINTS))
    return Contour(at.face, at.barycentric, rule=rule)


def _array(path: Path, content: Mapping[str, Any], name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    if name not in content:
        raise InputError(f"{path}: has no {name!r}; it holds {sorted(map(str, content))}")
    try:
        array = np.asarray(content[name])
    except ValueError as error:
        raise InputError(f"{path}: {name} is no array ({error})") from error
    fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind not in "iuf":
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise InputError(f"{path}: {name} is {array.dtype} of shape {array.shape}, FLAME's is ({wanted})")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite
        finite = np.isfinite(array.astype(np.float32)).all()
    if not finite:
        raise InputError(f"{path}: {name} holds numbers that are not finite in float32")
    return array


def _check_range(path: Path, name: str, indices: np.ndarray, count: int) -> None:
    if indices.min() < 0 or indices.max() >= count:
        raise InputError(f"{path}: {name} goes from {indices.min()} to {indices.max()}, possible are 0 to {count - 1}")


def _parents(path: Path, table: np.ndarray) -> tuple[int, ...]:
    """The root's parent is stored as 2**32 - 1 or -1."""
    parents = tuple(int(parent) for parent in table[0])
    if any(not 0 <= parent < joint for joint, parent in enumerate(parents) if joint > 0):
        raise InputError(f"{path}: kintree_table names the parents {parents}, parents must come before their children")
    return (-1, *parents[1:])


def _floats(array: np.ndarray) -> Any:
    return jnp.asarray(array, jnp.float32)
