"""Smooth scalar fields over points, from which offsets of identities and expressions are put together."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Points:
    """Where fields are evaluated.

    Attributes:
      place: positions, (n, 3).
      lip: 1 above the line between the lips, -1 below.
    """

    place: np.ndarray
    lip: np.ndarray

    @property
    def x(self) -> np.ndarray:
        """To the person's left."""
        return self.place[:, 0]

    @property
    def y(self) -> np.ndarray:
        """Up."""
        return self.place[:, 1]

    @property
    def z(self) -> np.ndarray:
        """Towards the camera."""
        return self.place[:, 2]

    @property
    def side(self) -> np.ndarray:
        """1 on the person's left, -1 on the right, 0 in the middle."""
        return np.sign(self.x)

    @property
    def upper(self) -> np.ndarray:
        """1 above the line between the lips, else 0."""
        return (self.lip > 0).astype(float)

    @property
    def lower(self) -> np.ndarray:
        """1 below the line between the lips, else 0."""
        return (self.lip < 0).astype(float)


def ramp(values: np.ndarray, start: float | np.ndarray, end: float | np.ndarray) -> np.ndarray:
    """Rises smoothly from 0 at `start` to 1 at `end`, which may be the smaller one."""
    t = np.clip((values - start) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)


def bump(points: Points, centre: tuple[float, ...], width: tuple[float, ...] | float) -> np.ndarray:
    """A Gaussian of height 1."""
    widths = np.broadcast_to(np.asarray(width, float), (3,))
    return np.exp(-0.5 * (((points.place - np.asarray(centre)) / widths) ** 2).sum(-1))


def folded(points: Points, centre: tuple[float, ...], width: tuple[float, ...] | float) -> np.ndarray:
    """A Gaussian on either side of the face: one of |x|, y and z."""
    place = points.place * 1.0
    place[:, 0] = np.abs(place[:, 0])
    return bump(Points(place, points.lip), centre, width)


def vector(
    like: np.ndarray, x: np.ndarray | float = 0.0, y: np.ndarray | float = 0.0, z: np.ndarray | float = 0.0
) -> np.ndarray:
    """Stacks components, which may be numbers, to offsets of shape (n, 3)."""
    zero = np.zeros(len(like))
    return np.stack([zero + x, zero + y, zero + z], axis=-1)
