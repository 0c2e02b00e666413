"""The Basel Face Model in its files: 2009 (Paysan et al.), 2017 and 2019 (Gerig et al.), 3DDFA's and Deep3DFaceRecon's.

All become metres; vertices stay where the file has them. Triangles are turned to be counter-clockwise from outside. The
files have licences of their own and come from their authors.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxanim.core import mat_file
from jaxanim.core.errors import InputError
from jaxanim.geometry import face_only
from jaxanim.geometry.morphable import MorphableModel

_MICROMETRE = 1e-6
_MILLIMETRE = 1e-3
_DECIMETRE = 0.1


def read_2009(path: Path) -> MorphableModel:
    """Reads `01_MorphableModel.mat`: 199 coefficients of identity in standard deviations, no expressions.

    Raises:
      InputError: the file is missing, damaged, or holds something else.
    """
    content = _read_mat(path, ("shapeMU", "shapePC", "shapeEV", "tl"))
    template = _points(path, "shapeMU", content["shapeMU"].reshape(-1, 1))[..., 0] * _MICROMETRE
    basis = _points(path, "shapePC", content["shapePC"]) * _MICROMETRE
    return face_only.build(
        path,
        template=template,
        identity=(basis, content["shapeEV"].ravel()),
        expression=_no_basis(len(template)),
        faces=face_only.facing_camera(template, _faces(path, "tl", content["tl"], template)),
    )


def read_3ddfa(shape_path: Path, expression_path: Path) -> MorphableModel:
    """Reads 3DDFA's `Model_Shape.mat` and `Model_Exp.mat` (also called `Model_Expression.mat`).

    Coefficients are in standard deviations; those of 300W-LP are raw and have to be divided by the model's sigmas.

    Raises:
      InputError: a file is missing, damaged, or holds something else, or the two do not belong together.
    """
    shape = _read_mat(shape_path, ("mu_shape", "w", "sigma", "tri"), optional=("keypoints",))
    expression = _read_mat(expression_path, ("mu_exp", "w_exp", "sigma_exp"))
    if expression["mu_exp"].size != shape["mu_shape"].size:
        counts = (shape["mu_shape"].size // 3, expression["mu_exp"].size // 3)
        raise InputError(f"{expression_path}: has {counts[1]} vertices, {shape_path} has {counts[0]}")
    mean = shape["mu_shape"].reshape(-1, 1) + expression["mu_exp"].reshape(-1, 1)
    template = _points(shape_path, "mu_shape", mean)[..., 0] * _MICROMETRE
    faces = face_only.facing_camera(template, _faces(shape_path, "tri", shape["tri"].T, template))
    keypoints = shape.get("keypoints")
    return face_only.build(
        shape_path,
        template=template,
        identity=(_points(shape_path, "w", shape["w"]) * _MICROMETRE, shape["sigma"].ravel()),
        expression=(
            _points(expression_path, "w_exp", expression["w_exp"]) * _MICROMETRE,
            expression["sigma_exp"].ravel(),
        ),
        faces=faces,
        keypoints=None if keypoints is None else keypoints.ravel().astype(np.int64) - 1,
    )


def read_deep3d(path: Path) -> MorphableModel:
    """Reads Deep3DFaceRecon's `BFM_model_front.mat`: 80 of identity, 64 of expression, 68 keypoints.

    Its bases hold the standard deviations already.

    Raises:
      InputError: the file is missing, damaged, or holds something else.
    """
    content = _read_mat(path, ("meanshape", "idBase", "exBase", "tri", "keypoints"))
    template = _points(path, "meanshape", content["meanshape"].reshape(-1, 1))[..., 0] * _DECIMETRE
    bases = [_points(path, name, content[name]) * _DECIMETRE for name in ("idBase", "exBase")]
    identity, expression = ((basis, np.ones(basis.shape[2])) for basis in bases)
    return face_only.build(
        path,
        template=template,
        identity=identity,
        expression=expression,
        faces=face_only.facing_camera(template, _faces(path, "tri", content["tri"], template)),
        keypoints=content["keypoints"].ravel().astype(np.int64) - 1,
    )


def read_h5(path: Path) -> MorphableModel:
    """Reads a file of 2017 or 2019, such as `model2017-1_face12_nomouth.h5`; needs the package h5py.

    Raises:
      InputError: h5py is missing, or the file is missing, damaged, or holds something else.
    """
    content = _read_h5_arrays(path)
    means = content["shape/model/mean"].ravel(), content["expression/model/mean"].ravel()
    if means[0].shape != means[1].shape:
        raise InputError(f"{path}: the means of shape and expression have {means[0].size} and {means[1].size} numbers")
    mean = means[0] + means[1]
    template = _points(path, "shape/model/mean", mean.reshape(-1, 1))[..., 0] * _MILLIMETRE
    parts = []
    for part in ("shape", "expression"):
        basis = _points(path, f"{part}/model/pcaBasis", content[f"{part}/model/pcaBasis"]) * _MILLIMETRE
        parts.append((basis, np.sqrt(content[f"{part}/model/pcaVariance"].ravel())))
    cells = content["shape/representer/cells"].T.astype(np.int64)
    return face_only.build(
        path,
        template=template,
        identity=parts[0],
        expression=parts[1],
        faces=face_only.facing_camera(template, _check_faces(path, "shape/representer/cells", cells, template)),
    )


def _read_h5_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        import h5py
    except ImportError as error:
        raise InputError(f"{path}: reading .h5 files needs the package h5py: pip install 'jaxanim[bfm]'") from error
    names = [f"{part}/model/{kind}" for part in ("shape", "expression") for kind in ("mean", "pcaBasis", "pcaVariance")]
    names.append("shape/representer/cells")
    try:
        with h5py.File(path, "r") as file:
            missing = [name for name in names if name not in file]
            if missing:
                raise InputError(f"{path}: has no {missing[0]!r}; it holds {sorted(file)}")
            return {name: mat_file.as_numbers(str(path), name, file[name][()]) for name in names}
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: not a readable .h5 file ({error})") from error


def _read_mat(path: Path, names: Sequence[str], *, optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    return mat_file.parse(data, str(path), names, optional=optional)


def _points(path: Path, name: str, array: np.ndarray) -> np.ndarray:
    """Returns (3v, k) with x, y, z in turn as (v, 3, k)."""
    if array.ndim != 2 or array.shape[0] % 3 or array.size == 0:
        raise InputError(f"{path}: {name} has shape {array.shape}, rows of x, y, z in turn were expected")
    if not np.isfinite(array).all():
        raise InputError(f"{path}: {name} holds numbers that are not finite")
    return np.asarray(array, np.float64).reshape(-1, 3, array.shape[1])


def _faces(path: Path, name: str, triangles: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Returns triangles counted from 0; MATLAB counts from 1."""
    return _check_faces(path, name, triangles.astype(np.int64) - 1, template)


def _check_faces(path: Path, name: str, faces: np.ndarray, template: np.ndarray) -> np.ndarray:
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.size == 0:
        raise InputError(f"{path}: {name} has shape {faces.shape}, three corners for each triangle were expected")
    if faces.min() < 0 or faces.max() >= len(template):
        raise InputError(f"{path}: {name} names vertices that are not among the {len(template)}")
    return faces


def _no_basis(vertices: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((vertices, 3, 0)), np.zeros(0)
