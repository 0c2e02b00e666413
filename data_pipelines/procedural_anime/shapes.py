"""The vocabulary of the drawings: filled and outlined shapes in rest coordinates, tied to a layer that moves them."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from data_pipelines.procedural_anime.design import Color
from data_pipelines.procedural_anime.motion import Layer

Points = Float[np.ndarray, "n 2"]


@dataclasses.dataclass(frozen=True)
class Shape:
    """One polygon.

    Attributes:
      points: corners (x, y) in pixels of the 512x512 rest picture.
      layer: what moves them.
      fill: inner colour, or None for an outline only.
      line: outline colour, or None.
      line_width: in pixels at 512.
      closed: whether the outline returns to its first point.
      opacity: of the fill.
      clip: shapes (moved likewise) that the fill is cut to, all of them.
      blur: softness of the fill's edge in pixels at 512.
    """

    points: Points
    layer: Layer
    fill: Color | None
    line: Color | None = None
    line_width: float = 1.1
    closed: bool = True
    opacity: float = 1.0
    clip: tuple["Shape", ...] = ()
    blur: float = 0.0


def spline(points: Sequence[Sequence[float] | np.ndarray] | Points, steps: int = 10, *, closed: bool = True) -> Points:
    """Returns a Catmull-Rom curve through control points, `steps` points between two of them."""
    control = np.asarray(points, float)
    count = len(control)
    index = np.arange(-1, 3)[:, None] + np.arange(count if closed else count - 1)
    around = control[index % count if closed else np.clip(index, 0, count - 1)]
    curve = (_catmull_rom(steps) @ around.reshape(4, -1)).reshape(steps, -1, 2).swapaxes(0, 1).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, control[-1:]])


@functools.cache
def _catmull_rom(steps: int) -> Float[np.ndarray, "s 4"]:
    """Returns the weights of four neighbouring control points at each step between the middle two."""
    powers = np.linspace(0.0, 1.0, steps, endpoint=False)[:, None] ** np.arange(4)
    return powers @ np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2.0


def ellipse(center: Sequence[float] | np.ndarray, radius_x: float, radius_y: float, steps: int = 36) -> Points:
    """Returns the corners of an ellipse."""
    angle = np.linspace(0.0, 2.0 * np.pi, steps, endpoint=False)
    return np.stack([center[0] + radius_x * np.cos(angle), center[1] + radius_y * np.sin(angle)], axis=1)


def ribbon(path: Points, widths: Sequence[float] | np.ndarray) -> Points:
    """Returns the outline of a brush stroke along a path, `widths[i]` wide at point i."""
    path = np.asarray(path, float)
    ahead, behind = np.concatenate([path[1:], path[-1:]]), np.concatenate([path[:1], path[:-1]])
    across = (ahead - behind)[:, ::-1] * [-1.0, 1.0]
    across /= np.sqrt((across**2).sum(axis=1, keepdims=True)) + 1e-9
    half = np.asarray(widths, float)[:, None] / 2.0
    return np.concatenate([path + across * half, (path - across * half)[::-1]])


def mirrored(points: Sequence[Sequence[float]], axis_x: float = 256.0) -> list[list[float]]:
    """Reflects control points at a vertical line."""
    return [[2.0 * axis_x - x, y] for x, y in points]
