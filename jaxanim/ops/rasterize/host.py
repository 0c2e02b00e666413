"""The rasteriser for data pipelines: numpy in, numpy out, compiled by numba. Follows `reference.py` to the bit.

The functions with an underscore are what numba compiles; types are written out, as a plain 0.5 would be float64.
"""

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.ops.rasterize.api import check_arguments
from jaxanim.ops.rasterize.coverage import DEEPEST, FARTHEST_PX, Culling

_FARTHEST, _DEEPEST = np.float32(FARTHEST_PX), np.float32(DEEPEST)
_HALF, _ZERO = np.float32(0.5), np.float32(0.0)


@dataclasses.dataclass(frozen=True)
class HostFragments:
    """What each pixel sees, as `Fragments`, in numpy: face (*b, h, w), barycentric (*b, h, w, 3), depth (*b, h, w)."""

    face: np.ndarray
    barycentric: np.ndarray
    depth: np.ndarray


def rasterize_host(
    vertices: np.ndarray, faces: np.ndarray, *, height: int, width: int, culling: Culling = "none"
) -> HostFragments:
    """Does what `rasterize` does, on the host, without JAX. The first call compiles for some seconds.

    Raises:
      InputError: numba is not installed.
      TypeError: vertices are not float32, or faces not integers.
      ValueError: shapes do not fit, a face names a vertex that is not there, or an option is unknown.
    """
    check_arguments(vertices, faces, height, width, culling)
    if faces.min() < 0 or faces.max() >= vertices.shape[-2]:
        raise ValueError(f"faces name vertices {faces.min()} to {faces.max()}, there are {vertices.shape[-2]}")
    batch = vertices.shape[:-2]
    count = math.prod(batch)
    face = np.full((count, height, width), -1, np.int32)
    depth = np.full((count, height, width), np.inf, np.float32)
    barycentric = np.zeros((count, height, width, 3), np.float32)
    triangles, draw = np.ascontiguousarray(faces, np.int32), _compiled()
    meshes = np.ascontiguousarray(vertices).reshape(count, *vertices.shape[-2:])
    for index, mesh in enumerate(meshes):
        draw(mesh, triangles, culling == "before", culling == "after", face[index], depth[index], barycentric[index])
    shape = (*batch, height, width)
    return HostFragments(face.reshape(shape), barycentric.reshape(*shape, 3), depth.reshape(shape))


def interpolate_host(attributes: np.ndarray, faces: np.ndarray, fragments: HostFragments) -> np.ndarray:
    """Does what `interpolate` does for one mesh: attributes (v, d) become a picture (h, w, d), 0 in the background."""
    if attributes.ndim != 2 or fragments.face.ndim != 2:
        raise ValueError(f"takes one mesh, got shapes {attributes.shape} and {fragments.face.shape}")
    picture = np.zeros((*fragments.face.shape, attributes.shape[1]), attributes.dtype)
    seen = fragments.face >= 0
    corners, weights = faces[fragments.face[seen]], fragments.barycentric[seen]
    picture[seen] = sum(attributes[corners[:, k]] * weights[:, k : k + 1] for k in range(3))
    return picture


@functools.cache
def _compiled() -> Callable[..., None]:
    try:
        import numba
    except ImportError as error:
        raise InputError("the rasteriser for the host needs numba: pip install 'jaxanim[train]'") from error

    def compile_(function: Callable[..., Any]) -> Any:
        # A checker of types may have wrapped it.
        return numba.njit(nogil=True, error_model="numpy")(inspect.unwrap(function))

    return _make_draw(compile_(_area), compile_(_usable), compile_)


def _make_draw(area: Any, usable: Any, compile_: Callable[[Any], Any]) -> Callable[..., None]:
    """Compiles the drawing of one mesh from its parts."""

    def cover(a: Any, b: Any, c: Any, size: Any, number: int, face: Any, nearest: Any) -> None:
        height, width = face.shape
        left = max(0, math.ceil(min(a[0], b[0], c[0]) - _HALF))
        right = min(width - 1, math.floor(max(a[0], b[0], c[0]) - _HALF))
        top = max(0, math.ceil(min(a[1], b[1], c[1]) - _HALF))
        bottom = min(height - 1, math.floor(max(a[1], b[1], c[1]) - _HALF))
        for i in range(top, bottom + 1):
            y = np.float32(i) + _HALF
            ay, by, cy = a[1] - y, b[1] - y, c[1] - y
            for j in range(left, right + 1):
                x = np.float32(j) + _HALF
                ax, bx, cx = a[0] - x, b[0] - x, c[0] - x
                first, second, third = bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx
                if size > 0:
                    inside = first >= 0 and second >= 0 and third >= 0
                else:
                    inside = first <= 0 and second <= 0 and third <= 0
                total = (first + second) + third
                if inside and total != 0:
                    depth = ((first * a[2] + second * b[2]) + third * c[2]) / total
                    if depth < nearest[i, j]:
                        nearest[i, j] = depth
                        face[i, j] = number

    def finish(vertices: Any, faces: Any, after: bool, face: Any, nearest: Any, barycentric: Any) -> None:
        for i in range(face.shape[0]):
            for j in range(face.shape[1]):
                if face[i, j] < 0:
                    nearest[i, j] = _ZERO
                    continue
                corner = faces[face[i, j]]
                a, b, c = vertices[corner[0]], vertices[corner[1]], vertices[corner[2]]
                if after and area(a, b, c) > 0:
                    face[i, j], nearest[i, j] = -1, _ZERO
                    continue
                x, y = np.float32(j) + _HALF, np.float32(i) + _HALF
                ax, bx, cx, ay, by, cy = a[0] - x, b[0] - x, c[0] - x, a[1] - y, b[1] - y, c[1] - y
                first, second, third = bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx
                total = (first + second) + third
                barycentric[i, j, 0] = first / total
                barycentric[i, j, 1] = second / total
                barycentric[i, j, 2] = third / total

    cover_, finish_ = compile_(cover), compile_(finish)

    def draw(vertices: Any, faces: Any, before: bool, after: bool, face: Any, nearest: Any, barycentric: Any) -> None:
        for number in range(faces.shape[0]):
            a, b, c = vertices[faces[number, 0]], vertices[faces[number, 1]], vertices[faces[number, 2]]
            if usable(a) and usable(b) and usable(c):
                size = area(a, b, c)
                if size != 0 and not (before and size > 0):
                    cover_(a, b, c, size, number, face, nearest)
        finish_(vertices, faces, after, face, nearest, barycentric)

    return compile_(draw)


def _area(a: Any, b: Any, c: Any) -> Any:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _usable(a: Any) -> Any:
    return abs(a[0]) <= _FARTHEST and abs(a[1]) <= _FARTHEST and abs(a[2]) <= _DEEPEST
