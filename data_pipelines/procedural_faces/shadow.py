"""Shadows of the key light: the figure's depth as the light sees it, and how much light comes past it."""

import dataclasses

import numpy as np

from data_pipelines.compiled import compiled_fast

_REACH = 2.9  # units from the origin that the map covers
_BIAS = 0.035  # units that a surface may be behind the map's


@dataclasses.dataclass(frozen=True)
class Shadow:
    """The figure as the key light sees it: axes (3, 3) of the map, whose last is depth, and the map (s, s)."""

    axes: np.ndarray
    depth: np.ndarray


def shadow_view(place: np.ndarray, direction: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the axes of a map of shadows, and the vertices in its pixels, (v, 3)."""
    right = np.cross([0.0, 1.0, 0.0], direction)
    right /= np.linalg.norm(right)
    axes = np.stack([right, -np.cross(direction, right), -direction]).astype(np.float32)
    seen = place @ axes.T
    seen[:, :2] = (seen[:, :2] / np.float32(_REACH) + 1) * np.float32(size / 2)
    return axes, seen


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


@compiled_fast
def lit(axes: np.ndarray, depth: np.ndarray, px: float, py: float, pz: float) -> float:
    """Returns how much of the key light reaches a place, averaged over nine texels of the map of shadows."""
    size = depth.shape[0]
    x = ((axes[0, 0] * px + axes[0, 1] * py + axes[0, 2] * pz) / _REACH + 1) * size / 2 - 0.5
    y = ((axes[1, 0] * px + axes[1, 1] * py + axes[1, 2] * pz) / _REACH + 1) * size / 2 - 0.5
    z = axes[2, 0] * px + axes[2, 1] * py + axes[2, 2] * pz - _BIAS
    left, top = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - left, y - top
    if left < 1 or top < 1 or left > size - 3 or top > size - 3:
        return 1.0
    total = 0.0
    for i in range(-1, 3):
        wy = (1 - fy) if i == -1 else (fy if i == 2 else 1.0)
        for j in range(-1, 3):
            wx = (1 - fx) if j == -1 else (fx if j == 2 else 1.0)
            # 0 beyond the bias, 1 half a bias before it.
            over = (z - depth[top + i, left + j]) / _BIAS
            total += wx * wy * min(max(1 - over, 0.0), 1.0)
    return total / 9.0
