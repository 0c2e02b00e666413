"""What is printed on cloth: a star, heart, moon or bolt on the chest, and flowers all over."""

import numpy as np

from data_pipelines.procedural_anime import shapes
from data_pipelines.procedural_anime.design import CharacterDesign
from data_pipelines.procedural_anime.motion import BODY
from data_pipelines.procedural_anime.palette import Color
from data_pipelines.procedural_anime.shapes import Points, Shape

_HEART = [(0, -5), (5, -11), (12, -9), (12, -1), (0, 12), (-12, -1), (-12, -9), (-5, -11)]
_BOLT = [(4, -14), (-9, 2), (-1, 2), (-5, 14), (9, -3), (1, -3)]


def chest(design: CharacterDesign, color: Color, center: tuple[float, float]) -> list[Shape]:
    """Returns one print on the chest."""
    kind = int(abs(design.jitter[16]) * 5.0) % 4
    if kind == 0:
        points = _moon()
    elif kind == 1:
        points = shapes.spline(_HEART, 5)
    elif kind == 2:
        points = np.array(_BOLT, float)
    else:
        points = _star(13.0)
    return [Shape(points + center, BODY, color)]


def scattered(design: CharacterDesign, color: Color, on: Shape) -> list[Shape]:
    """Returns flowers scattered over a piece of cloth."""
    parts = []
    for index in range(9):
        center = np.array([205.0 + 50.0 * (index % 3), 385.0 + 45.0 * (index // 3)])
        center += [8.0 * design.jitter[17 + index], 6.0 * design.jitter[27 + index]]
        for angle in 2.0 * np.pi / 5.0 * np.arange(5) + index:
            petal = shapes.ellipse(center + 4.0 * np.array([np.cos(angle), np.sin(angle)]), 3.4, 3.4, 12)
            parts.append(Shape(petal, BODY, color, clip=(on,)))
    return parts


def _star(radius: float) -> Points:
    angle = np.pi / 5.0 * np.arange(10) - np.pi / 2.0
    reach = np.where(np.arange(10) % 2 == 0, radius, 0.48 * radius)
    return np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1)


def _moon() -> Points:
    outer = np.linspace(0.25 * np.pi, 1.75 * np.pi, 24)
    inner = np.linspace(1.68 * np.pi, 0.32 * np.pi, 24)
    return np.concatenate(
        [
            13.0 * np.stack([np.cos(outer), np.sin(outer)], 1),
            10.0 * np.stack([np.cos(inner), np.sin(inner)], 1) + [4.5, 0.0],
        ]
    )
