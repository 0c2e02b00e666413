"""Small meshes whose pictures are easy to know."""

import numpy as np


def ball(rings: int = 7, columns: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """A unit ball, x to the right, y down, z away; triangles are counter-clockwise seen from outside."""
    polar = np.pi * np.arange(1, rings + 1) / (rings + 1)
    around = 2 * np.pi * np.arange(columns) / columns + 0.1
    ring = np.stack(
        [
            np.outer(np.sin(polar), np.cos(around)),
            np.outer(np.cos(polar), np.ones(columns)),
            np.outer(np.sin(polar), np.sin(around)),
        ],
        axis=-1,
    )
    vertices = np.concatenate([ring.reshape(-1, 3), [(0, 1, 0), (0, -1, 0)]]).astype(np.float32)
    faces = []
    for j in range(columns):
        right = (j + 1) % columns
        faces.append((rings * columns, right, j))
        last = (rings - 1) * columns
        faces.append((rings * columns + 1, last + j, last + right))
        for i in range(rings - 1):
            a, b, c, d = i * columns + j, i * columns + right, (i + 1) * columns + j, (i + 1) * columns + right
            faces += [(a, b, c), (b, d, c)]
    return vertices, np.array(faces, np.int32)


def ball_in_pixels(size: int, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A ball in the middle of a square picture, with depth in pixels."""
    vertices, faces = ball()
    return (vertices * radius + np.array([size / 2, size / 2, 0])).astype(np.float32), faces
