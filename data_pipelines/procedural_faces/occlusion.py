"""How much light from around reaches each vertex: the share of directions from which it is seen."""

import functools

import numpy as np

from data_pipelines.procedural_faces.anatomy import vertex_normals
from data_pipelines.procedural_faces.shadow import depth_map, shadow_view

_DIRECTIONS = 16
_SIZE = 96
_BIAS = 0.06


def of_vertices(place: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Returns (v,), 0.25 where nothing reaches, float32."""
    normal = vertex_normals(place.astype(np.float32), faces)
    seen, all_ = np.zeros(len(place)), np.full(len(place), 1e-6)
    for direction in _directions():
        pixels = shadow_view(place, direction, _SIZE)[1]
        depth = depth_map(pixels, faces, _SIZE)
        column, row = (np.clip(pixels[:, k].astype(int), 1, _SIZE - 2) for k in range(2))
        # The farthest of the texels around, as edges are seen from one side only.
        nearest = np.max([depth[row + i, column + j] for i in (-1, 0, 1) for j in (-1, 0, 1)], axis=0)
        weight = np.clip(np.abs(normal @ direction), 0, 1)
        seen += weight * (pixels[:, 2] < nearest + _BIAS)
        all_ += weight
    return (0.25 + 0.75 * np.clip(1.1 * seen / all_, 0, 1)).astype(np.float32)


@functools.cache
def _directions() -> tuple[np.ndarray, ...]:
    """Returns unit vectors over the upper and the front half of the sphere, evenly spread."""
    count = np.arange(3 * _DIRECTIONS)
    height, turn = 1 - (2 * count + 1) / len(count), count * np.pi * (3 - 5**0.5)
    flat = np.sqrt(1 - height**2)
    vectors = np.stack([flat * np.cos(turn), height, flat * np.sin(turn)], axis=-1)
    chosen = vectors[(vectors[:, 1] > -0.5) & (vectors[:, 2] > 0)]
    return tuple(chosen[:: max(1, len(chosen) // _DIRECTIONS)])
