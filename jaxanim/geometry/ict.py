"""ICT-FaceKit (Li et al. 2020), the light model: a folder of .obj files and `vertex_indices.json`.

The folder (`FaceXModel` in the release) holds `generic_neutral_mesh.obj`, `identity000.obj` and on, and one .obj for
each expression that the .json lists, named as in ARKit with _L and _R. Centimetres become metres; polygons become fans
of triangles. Identity coefficients are in standard deviations, expressions go from 0 to 1.
"""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.geometry import face_only
from jaxanim.geometry.morphable import MorphableModel

_CENTIMETRE = 0.01
_MOST_VERTICES = 1 << 24
_NEUTRAL = "generic_neutral_mesh.obj"
_INDICES = "vertex_indices.json"
_MAX_IDENTITIES = 1000


def read_model(folder: Path) -> MorphableModel:
    """Reads all shapes; the release's take some ten seconds.

    Raises:
      InputError: a file is missing or damaged, or two have different numbers of vertices.
    """
    config = _read_config(folder / _INDICES)
    neutral = _read_obj(folder / _NEUTRAL)
    template = neutral["v"]
    numbered = (folder / f"identity{number:03d}.obj" for number in range(_MAX_IDENTITIES))
    identities = list(itertools.takewhile(Path.is_file, numbered))
    if not identities:
        raise InputError(f"{folder}: has no identity000.obj")
    identity = _offsets(identities, template)
    expression = _offsets([folder / f"{name}.obj" for name in config["expressions"]], template)
    return face_only.build(
        folder / _NEUTRAL,
        template=template * _CENTIMETRE,
        identity=(identity * _CENTIMETRE, np.ones(identity.shape[2])),
        expression=(expression * _CENTIMETRE, np.ones(expression.shape[2])),
        faces=neutral["faces"],
        keypoints=np.asarray(config["idx_to_landmark_verts"], np.int64),
        expression_names=tuple(config["expressions"]),
        uv=(neutral["vt"], neutral["uv_faces"]),
    )


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: a damaged or truncated .json file ({error})") from error
    kinds = {"expressions": str, "idx_to_landmark_verts": int}
    for name, kind in kinds.items():
        values = config.get(name) if isinstance(config, dict) else None
        if not (isinstance(values, list) and values and all(type(value) is kind for value in values)):
            raise InputError(f"{path}: has no list {name!r}")
    if not all(0 <= value < _MOST_VERTICES for value in config["idx_to_landmark_verts"]):
        raise InputError(f"{path}: 'idx_to_landmark_verts' names vertices that are not there")
    if any(Path(name).name != name for name in config["expressions"]):
        raise InputError(f"{path}: names expressions outside its folder")
    return dict(config)


def _offsets(paths: list[Path], template: np.ndarray) -> np.ndarray:
    basis = np.empty((*template.shape, len(paths)))
    for index, path in enumerate(paths):
        vertices = _read_obj(path, only_vertices=True)["v"]
        if len(vertices) != len(template):
            raise InputError(f"{path}: has {len(vertices)} vertices, {_NEUTRAL} has {len(template)}")
        basis[..., index] = vertices - template
    return basis


def _read_obj(path: Path, *, only_vertices: bool = False) -> dict[str, np.ndarray]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise InputError(f"{path}: not a text file ({error})") from error
    try:
        content = {"v": _rows(lines, "v ", 3)}
        if not only_vertices:
            content["vt"] = _rows(lines, "vt ", 2)
            polygons = [_corners(line) for line in lines if line.startswith("f ")]
            content |= _triangles(polygons, len(content["v"]), len(content["vt"]))
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: a damaged or truncated .obj file ({error})") from error
    return content


def _rows(lines: list[str], start: str, columns: int) -> np.ndarray:
    rows = [line.split()[1 : columns + 1] for line in lines if line.startswith(start)]
    if any(len(row) != columns for row in rows):
        raise ValueError(f"a line {start.strip()!r} has fewer than {columns} numbers")
    return np.array(rows, np.float64).reshape(-1, columns)


def _corners(line: str) -> list[tuple[int, int]]:
    """Returns vertex and texture coordinate of each corner, counted from 0."""
    pairs = [corner.split("/") for corner in line.split()[1:]]
    if len(pairs) < 3 or any(len(pair) < 2 or not pair[1] for pair in pairs):
        raise ValueError(f"the polygon {line!r} is not of three corners 'v/vt' or more")
    return [(int(pair[0]) - 1, int(pair[1]) - 1) for pair in pairs]


def _triangles(polygons: list[list[tuple[int, int]]], vertices: int, texture: int) -> dict[str, np.ndarray]:
    """Cuts polygons into fans around their first corner."""
    fans = [[p[0], p[k], p[k + 1]] for p in polygons for k in range(1, len(p) - 1)]
    if not fans:
        raise ValueError("it has no polygons")
    corners = np.array(fans)
    for name, count, indices in (("v", vertices, corners[..., 0]), ("vt", texture, corners[..., 1])):
        if indices.min() < 0 or indices.max() >= count:
            raise ValueError(f"polygons name {name} {indices.min() + 1} to {indices.max() + 1} of {count}")
    return {"faces": corners[..., 0], "uv_faces": corners[..., 1]}
