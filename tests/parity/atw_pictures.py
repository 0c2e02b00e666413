"""The photos and flows that ATW's goldens were recorded with, drawn anew from a salt and a name (numpy alone).

Six smooth waves and band-limited noise, octaves of 8 to n/2 cells: something of every size for a residual to hold.
"""

import functools
import hashlib

import numpy as np


@functools.cache
def photo(salt: str, size: int, name: str) -> np.ndarray:
    """Returns an RGB picture (size, size, 3), uint8."""
    rng = _generator(salt, name)
    values = 0.22 * _waves(rng, size, count=6, periods=3.0, channels=3)
    cells, amplitude = 8, 0.16
    while cells <= size // 2:
        values = values + amplitude * _enlarge(rng.standard_normal((cells + 1, cells + 1, 3)), size)
        cells, amplitude = 2 * cells, 0.7 * amplitude
    return np.clip(np.rint(127.5 + 127.5 * values), 0, 255).astype(np.uint8)


def motion(salt: str, name: str) -> np.ndarray:
    """Returns a smooth displacement (128, 128, 2) in (-1, 1), (x, y), float32."""
    return np.tanh(0.3 * _waves(_generator(salt, name), 128, count=4, periods=2.5, channels=2)).astype(np.float32)


def unit(picture: np.ndarray) -> np.ndarray:
    """uint8 -> float32 in [-1, 1], in the steps of the official code."""
    return (picture.astype(np.float32) / np.float32(255) - np.float32(0.5)) / np.float32(0.5)


def _generator(salt: str, name: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{salt}input.{name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def _waves(rng: np.random.Generator, size: int, *, count: int, periods: float, channels: int) -> np.ndarray:
    """Sums sinusoids of at most so many periods."""
    position = (np.arange(size) + 0.5) / size
    y, x = np.meshgrid(position, position, indexing="ij")
    total = np.zeros((size, size, channels))
    for _ in range(count):
        of_x, of_y = rng.uniform(-periods, periods, 2)
        phase = rng.uniform(0, 2 * np.pi, channels)
        total += np.sin(2 * np.pi * (of_x * x + of_y * y)[..., None] + phase)
    return total


def _enlarge(cells: np.ndarray, size: int) -> np.ndarray:
    """Enlarges a lattice bilinearly, corner to corner."""
    rows = cells.shape[0]
    position = np.linspace(0, rows - 1, size)
    before = np.minimum(position.astype(int), rows - 2)
    y = (position - before)[:, None, None]
    x = (position - before)[None, :, None]
    top, bottom = cells[before], cells[before + 1]
    upper = (1 - x) * top[:, before] + x * top[:, before + 1]
    return (1 - y) * upper + y * ((1 - x) * bottom[:, before] + x * bottom[:, before + 1])
