"""Draws one frame of a figure."""

import numpy as np

from data_pipelines.compiled import compiled_fast
from data_pipelines.procedural_faces import scene as scenes
from data_pipelines.procedural_faces import shading, shadow
from data_pipelines.procedural_faces.figure import Figure, PosedFigure
from data_pipelines.procedural_faces.ground_truth import View
from data_pipelines.procedural_faces.scene import Scene

_SHADOW_SIZE = 208


def draw(figure: Figure, posed: PosedFigure, scene: Scene, seen: View) -> np.ndarray:
    """Returns the picture, sRGB, uint8, (size, size, 3)."""
    size = len(seen.samples.face) // 2
    view, from_light = shadow.shadow_view(posed.place, scene.light.direction, _SHADOW_SIZE)
    shade = shadow.Shadow(view, shadow.depth_map(from_light, figure.paint.faces, _SHADOW_SIZE))
    background = scenes.backdrop(scene, size).repeat(2, axis=0).repeat(2, axis=1)
    linear = shading.shade(
        seen.samples, figure.paint, posed.place, posed.normal, posed.strand, scene.light, shade, background
    )
    return np.asarray(_develop(linear))


@compiled_fast
def _develop(linear: np.ndarray) -> np.ndarray:
    """Returns sRGB, uint8, at half the size; even rows and columns are the pixels' centres, odd ones lie between.

    Pixels are means of what a screen would show, weighted by a tent as wide as two of them.
    """
    height, width = linear.shape[0] // 2, linear.shape[1] // 2
    shown = np.empty(linear.shape, np.float32)
    for i in range(linear.shape[0]):
        for j in range(linear.shape[1]):
            for k in range(3):
                shown[i, j, k] = np.sqrt(min(max(linear[i, j, k], np.float32(0)), np.float32(1)))
    picture = np.empty((height, width, 3), np.uint8)
    for i in range(height):
        above = max(2 * i - 1, 0)
        for j in range(width):
            left = max(2 * j - 1, 0)
            for k in range(3):
                corners = shown[above, left, k] + shown[above, 2 * j + 1, k]
                corners += shown[2 * i + 1, left, k] + shown[2 * i + 1, 2 * j + 1, k]
                sides = shown[above, 2 * j, k] + shown[2 * i + 1, 2 * j, k]
                sides += shown[2 * i, left, k] + shown[2 * i, 2 * j + 1, k]
                total = shown[2 * i, 2 * j, k] * np.float32(4) + sides * np.float32(2) + corners
                picture[i, j, k] = np.uint8(total * np.float32(255 / 16) + np.float32(0.5))
    return picture
