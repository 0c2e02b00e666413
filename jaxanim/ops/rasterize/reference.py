"""The semantics of the rasteriser in plain numpy, one triangle after the other. This file is the specification.

Coordinates. Vertices are (x, y, z): x and y in pixels, (0, 0) the upper left corner of the picture, y down, so that
pixel (i, j), in row i, has its centre at (j + 0.5, i + 0.5); z is a depth: the smaller, the nearer. There is no
perspective here: x, y and z are those after projection, and attributes are interpolated linearly on the screen.

Coverage. A triangle covers the pixels whose centres lie in it or on its edges. Of the triangles that cover a pixel the
nearest is seen; of those equally near, the one with the lowest number. Triangles at a common edge leave no gap: both
cover the centres on it.

Nothing is covered by a triangle without area, or with a vertex that is NaN, infinite, more than 2**20 pixels away or
deeper than 1e20.

Culling. A face is a back face if its corners are clockwise on the screen (the model's triangles are counter-clockwise
seen from outside). 'before' leaves back faces out; 'after' has them take part, and then shows the background where one
is nearest: they hide what is behind them.

Arithmetic is float32, every operation rounded on its own and in the order written here. Implementations follow it to
the bit.
"""

import numpy as np

from jaxanim.ops.rasterize.coverage import DEEPEST, FARTHEST_PX, Culling


def rasterize_mesh(
    vertices: np.ndarray, faces: np.ndarray, *, height: int, width: int, culling: Culling
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rasterises one mesh.

    Args:
      vertices: (v, 3) float32.
      faces: (f, 3) numbers of vertices.
      height: of the picture, in pixels.
      width: of the picture, in pixels.
      culling: 'none', 'before' or 'after' the comparison of depths.

    Returns:
      Face number per pixel (h, w), -1 in the background; barycentric coordinates (h, w, 3) and depth (h, w), which are
      0 in the background.
    """
    face = np.full((height, width), -1, np.int32)
    nearest = np.full((height, width), np.inf, np.float32)
    barycentric = np.zeros((height, width, 3), np.float32)
    with np.errstate(all="ignore"):
        for number, corners in enumerate(vertices[faces]):
            area = _area(*corners[:, :2])
            if not _usable(corners) or area == 0 or (culling == "before" and area > 0):
                continue
            covered, weights, depth = _cover(corners, area, height, width)
            seen = covered & (depth < nearest)  # not <=: of equals the first stays
            face[seen], nearest[seen], barycentric[seen] = number, depth[seen], weights[seen]
            if culling == "after" and area > 0:
                face[seen] = -2 - number  # hides what is behind it, and is taken out below
    hidden = face < 0
    face[hidden], nearest[hidden], barycentric[hidden] = -1, 0.0, 0.0
    return face, barycentric, nearest


def _usable(corners: np.ndarray) -> bool:
    return bool((np.abs(corners) <= np.array([FARTHEST_PX, FARTHEST_PX, DEEPEST], np.float32)).all())


def _area(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.float32:
    along, across = second - first, third - first
    return along[0] * across[1] - along[1] * across[0]


def _cover(corners: np.ndarray, area: np.float32, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns, for every pixel, whether a triangle covers it, its barycentric coordinates and its depth there."""
    y, x = np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)
    dx, dy = [corner[0] - x for corner in corners], [corner[1] - y for corner in corners]
    edges = np.stack([dx[1] * dy[2] - dy[1] * dx[2], dx[2] * dy[0] - dy[2] * dx[0], dx[0] * dy[1] - dy[0] * dx[1]])
    total = (edges[0] + edges[1]) + edges[2]
    depth = ((edges[0] * corners[0, 2] + edges[1] * corners[1, 2]) + edges[2] * corners[2, 2]) / total
    covered = (edges >= 0).all(axis=0) & (total > 0) if area > 0 else (edges <= 0).all(axis=0) & (total < 0)
    return covered, np.moveaxis(edges / total, 0, -1), depth
