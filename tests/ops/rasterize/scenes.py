"""Triangles on which rasterisers go wrong."""

import numpy as np

SIZE = {"height": 13, "width": 17}


def random_soup(scale: float, count: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of about `scale` pixels around points on and next to the picture."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-6.0, 24.0, (count, 1, 2))
    xy = centres + scale * rng.uniform(-1.0, 1.0, (count, 3, 2))
    vertices = np.concatenate([xy, rng.uniform(-2.0, 2.0, (count, 3, 1))], axis=-1)
    return vertices.reshape(-1, 3).astype(np.float32), np.arange(3 * count, dtype=np.int32).reshape(-1, 3)


def lattice(step: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """A grid of squares of two triangles, whose edges go through pixel centres where `noise` is 0."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:10, :10] * step - 1.5
    z = rng.uniform(0.0, 1.0, x.shape)
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3) + noise * rng.uniform(-1.0, 1.0, (100, 3))
    a = (np.arange(9)[:, None] * 10 + np.arange(9)).ravel()
    faces = np.concatenate([np.stack([a, a + 10, a + 1], 1), np.stack([a + 1, a + 10, a + 11], 1)])
    return vertices.astype(np.float32), faces.astype(np.int32)


def special() -> tuple[np.ndarray, np.ndarray]:
    """No area, not finite, too far, too deep, off the screen on every side, one pixel, nearly a line, everything."""
    inf, nan = np.inf, np.nan
    triangles = [
        [(2, 2, 0), (9, 9, 0), (5, 5, 0)],
        [(3, 3, 0), (3, 3, 0), (3, 3, 0)],
        [(2, 2, 0), (9, 2, nan), (2, 9, 0)],
        [(2, 2, 0), (inf, 2, 0), (2, 9, 0)],
        [(2, 2, 0), (9, 2, 0), (2, -inf, 0)],
        [(2, 2, 0), (2.0**21, 2, 0), (2, 9, 0)],
        [(2, 2, 0), (9, 2, -1e21), (2, 9, 0)],
        [(-9, 2, 0), (-2, 2, 0), (-5, 9, 0)],
        [(20, 2, 0), (29, 2, 0), (25, 9, 0)],
        [(2, -9, 0), (9, -9, 0), (5, -1, 0)],
        [(2, 15, 0), (9, 15, 0), (5, 25, 0)],
        [(4.25, 4.25, -3), (4.75, 4.25, -3), (4.5, 4.75, -3)],
        [(0, 0, -1), (17, 12.999, -1), (17, 13, -1)],
        [(-1e5, -1e5, 5), (1e6, -1e5, 5), (-1e5, 1e6, 6)],
        [(-1e6, -3e5, 4), (3e5, 5, 4), (-1e6, 3e5, 4)],
    ]
    vertices = np.array(triangles, np.float32).reshape(-1, 3)
    return vertices, np.arange(len(vertices), dtype=np.int32).reshape(-1, 3)


def twins() -> tuple[np.ndarray, np.ndarray]:
    """The same triangles several times, also turned around: equally near, so that the lowest number is seen."""
    vertices, faces = random_soup(8.0, 6, seed=2)
    return vertices, np.concatenate([faces[3:], faces, faces[:, ::-1], faces])


def filled_up(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Adds triangles without area, so that all scenes have one shape and compile once."""
    room = np.zeros((*vertices.shape[:-2], 900 - vertices.shape[-2], 3), np.float32)
    more = np.zeros((300 - len(faces), 3), np.int32)
    return np.concatenate([vertices, room], axis=-2), np.concatenate([faces, more])


SCENES = {
    "tiny": random_soup(0.4, 300),
    "small": random_soup(2.0, 100),
    "medium": random_soup(8.0),
    "huge": random_soup(3000.0),
    "lattice_on_centres": lattice(2.0, 0.0),
    "lattice_flat": (lattice(2.0, 0.0)[0] * np.array([1, 1, 0], np.float32), lattice(2.0, 0.0)[1]),
    "lattice_bent": lattice(2.1, 0.3),
    "special": special(),
    "twins": twins(),
}
