"""A 3D morphable model fitted to a face in a picture: the .mat files of 300W-LP and 300W-3D.

Parameters stay what they are in the files, float32: shape (199), expression (29) and texture (199) are raw coefficients
of 3DDFA's Basel Face Model (`jaxanim.geometry.bfm.read_3ddfa` divides them by the model's deviations); pose (7) is
pitch, yaw, roll in radians by 3DDFA's signs, then tx, ty, tz and the scale. Projected by it, x points right and y up,
and MATLAB's pixels count from 1: row = height + 1 - y. Landmarks (68, 2) have the first pixel's centre at (0.5, 0.5).

Where a square is cut out of the picture, translation, scale, landmarks and vertices follow.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data_pipelines import face_square, recipe
from data_pipelines.face_square import Square
from data_pipelines.pts_file import FROM_MATLAB
from jaxanim.core import mat_file
from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError, pictures
from jaxanim.data.record_folder import Kind, Record

POINTS = 68
VERTICES = 53215  # of 3DDFA's cut of the Basel Face Model
PARAMETERS = {  # their names in the file and how many there are
    "shape": ("Shape_Para", 199),
    "expression": ("Exp_Para", 29),
    "pose": ("Pose_Para", 7),
    "texture": ("Tex_Para", 199),
    "color": ("Color_Para", 7),
    "illumination": ("Illum_Para", 10),
}
FIELDS: dict[str, Kind] = {"image": "rgb", "landmarks": "array", **dict.fromkeys(PARAMETERS, "array")}
_MAX_BYTES = 4_000_000  # a mesh takes 1.3 MB


def record(
    picture: Path,
    annotation: Path,
    size: int | None,
    *,
    more_points: dict[str, Float[np.ndarray, "k 2"]],
    mesh: Path | None = None,
) -> Record:
    """Makes a record of a picture, its parameters and landmarks.

    Args:
      picture: the picture.
      annotation: its .mat file.
      size: side of the square that is cut out around the landmarks and resized; None keeps the picture.
      more_points: further points in the picture, MATLAB's pixels, by their name in the record.
      mesh: a .mat file of the face's vertices; None leaves them out.

    Raises:
      CorruptRecordError: a file is missing, damaged, or holds something else.
    """
    data = recipe.read(picture)
    decoded = pictures.decode_rgb(data, str(picture))
    shapes = {entry: (count,) for entry, count in PARAMETERS.values()}
    content = read_arrays(annotation, {**shapes, "pt2d": (2, POINTS)})
    values = {name: content[entry] for name, (entry, _) in PARAMETERS.items()}
    if mesh is not None:
        values["vertices"] = read_arrays(mesh, {"Fitted_Face": (3, VERTICES)})["Fitted_Face"].T
    points = {"landmarks": content["pt2d"].T, **more_points}
    points = {name: array + FROM_MATLAB for name, array in points.items()}
    if size is not None:
        square = face_square.around(points["landmarks"], decoded.shape, str(picture))
        data = face_square.encoded(decoded, square, size, recipe.JPEG_QUALITY)
        points = {name: face_square.move(array, square, size) for name, array in points.items()}
        values |= _moved(values, square, size, decoded.shape[0])
    return {"image": data, **{name: array.astype(np.float32) for name, array in {**points, **values}.items()}}


def read_arrays(path: Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Reads arrays of a .mat file that belongs to a picture; rows and columns of one array are told apart.

    Args:
      path: of the file.
      shapes: names of the arrays and their shapes; one of a single length may stand as a row or a column.
    """
    try:
        content = mat_file.parse(recipe.read(path), str(path), tuple(shapes), max_bytes=_MAX_BYTES)
    except InputError as error:
        raise CorruptRecordError(str(error)) from error
    for name, shape in shapes.items():
        array = content[name]
        if len(shape) == 1 and 1 in array.shape:
            array = array.ravel()
        if array.shape != shape:
            raise CorruptRecordError(f"{path}: {name} has shape {content[name].shape}, {shape} is expected")
        if not np.isfinite(array).all():
            raise CorruptRecordError(f"{path}: {name} holds numbers that are not finite")
        content[name] = array
    return content


def _moved(values: dict[str, np.ndarray], square: Square, size: int, height: int) -> dict[str, np.ndarray]:
    """Returns the pose, and the vertices if there are some, in a square cut out of a picture of that height."""
    pose = values["pose"]
    translation = _move_up(pose[3:6], square, size, height)
    moved = {"pose": np.concatenate([pose[:3], translation, pose[6:] * (size / square.side)])}
    if "vertices" in values:
        moved["vertices"] = _move_up(values["vertices"], square, size, height)
    return moved


def _move_up(points: Float[np.ndarray, "*n 3"], square: Square, size: int, height: int) -> Float[np.ndarray, "*n 3"]:
    """Moves points whose y points up, in MATLAB's pixels."""
    x, y, z = np.moveaxis(points, -1, 0)
    flat = np.stack([x, height + 1 - y], axis=-1) + FROM_MATLAB
    column, row = np.moveaxis(face_square.move(flat, square, size) - FROM_MATLAB, -1, 0)
    return np.stack([column, size + 1 - row, z * (size / square.side)], axis=-1)


def list_pictures(source: Path, folders: Sequence[str]) -> tuple[str, ...]:
    """Lists the pictures of some folders of a dataset, relative to it.

    Raises:
      InputError: there are none.
    """
    items = [
        path.relative_to(source).as_posix()
        for folder in folders
        for path in sorted((source / folder).glob("[!_.]*.jpg"))
    ]
    if not items:
        raise InputError(f"{source}: no pictures (.jpg) in {', '.join(folders)}")
    return tuple(items)
