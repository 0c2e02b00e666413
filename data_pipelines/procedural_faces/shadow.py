"""Shadows of the key light: the figure's depth as the light sees it."""

import dataclasses

import numpy as np

from data_pipelines.compiled import compiled_fast

_REACH = 2.9  # units from the origin that the map covers


@dataclasses.dataclass(frozen=True)
class Shadow:
    """The figure as the key light sees it.

    Attributes:
      view: from places to texels of the map and depth in units, an affine matrix (3, 4), float32.
      depth: of the nearest surface at each texel, (s, s).
    """

    view: np.ndarray
    depth: np.ndarray


def shadow_view(place: np.ndarray, direction: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the view of a map of shadows, as in `Shadow`, and the vertices in it, (v, 3)."""
    right = np.cross([0.0, 1.0, 0.0], direction)
    right /= np.linalg.norm(right)
    axes = np.stack([right, -np.cross(direction, right), -direction])
    axes[:2] *= size / (2 * _REACH)
    view = np.concatenate([axes, [[size / 2], [size / 2], [0.0]]], axis=1).astype(np.float32)
    return view, place @ view[:, :3].T + view[:, 3]


@compiled_fast
def depth_map(seen: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
    """Returns the depth of the nearest face at every texel's centre, (size, size), float32; 1e9 where there is none."""
    depth = np.full((size, size), np.float32(1e9))
    for f in range(len(faces)):
        a, b, c = faces[f]
        ax, ay, bx, by, cx, cy = seen[a, 0], seen[a, 1], seen[b, 0], seen[b, 1], seen[c, 0], seen[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0:
            continue
        left, right = max(0, int(np.ceil(min(ax, bx, cx) - 0.5))), min(size - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        top, bottom = max(0, int(np.ceil(min(ay, by, cy) - 0.5))), min(size - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        for i in range(top, bottom + 1):
            y = np.float32(i) + np.float32(0.5)
            for j in range(left, right + 1):
                x = np.float32(j) + np.float32(0.5)
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                w = np.float32(1) - u - v
                if u >= 0 and v >= 0 and w >= 0:
                    depth[i, j] = min(depth[i, j], u * seen[a, 2] + v * seen[b, 2] + w * seen[c, 2])
    return depth
