"""Draws posed shapes: an antialiased RGBA picture, and a map of which layer is seen at each pixel."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from data_pipelines.procedural_anime import motion, raster
from data_pipelines.procedural_anime.motion import Layer, Points, Pose
from data_pipelines.procedural_anime.shapes import Shape

SIZE = 512


@dataclasses.dataclass(frozen=True)
class Packed:
    """A drawing in flat arrays, in rest coordinates, as `raster.paint` takes them.

    Attributes:
      corners: of all polygons, one after another.
      corner_layers: the `key` of each corner's layer.
      starts: where each polygon begins.
      shapes, numbers, clips: see `raster.paint`.
      layers: the layers that `shapes` names by number.
    """

    corners: Float[np.ndarray, "n 2"]
    corner_layers: Float[np.ndarray, "n 2"]
    starts: Int[np.ndarray, " p"]
    shapes: Int[np.ndarray, "s 5"]
    numbers: Float[np.ndarray, "s 9"]
    clips: Int[np.ndarray, " c"]
    layers: tuple[Layer, ...]


def pack(drawing: Sequence[Shape]) -> Packed:
    """Packs shapes, back to front."""
    polygons: list[Points] = []
    polygon_keys: list[tuple[int, float]] = []
    layers: dict[Layer, int] = {}
    rows: list[tuple[int, int, int, int, int]] = []
    numbers: list[tuple[float, ...]] = []
    clips: list[int] = []

    def add(shape: Shape) -> int:
        polygons.append(shape.points)
        polygon_keys.append(shape.layer.key)
        return len(polygons) - 1

    for shape in drawing:
        first_clip = len(clips)
        clips += [add(clip) for clip in shape.clip]
        # What is see-through or soft shades the layer below and does not hide it.
        shading = shape.fill is not None and (shape.opacity < 1.0 or bool(shape.clip) or shape.blur > 0.0)
        layer = raster.OUTSIDE if shading else layers.setdefault(shape.layer, len(layers))
        rows.append((add(shape), layer, int(shape.closed), first_clip, len(clips)))
        fill = (0.0, 0.0, 0.0, 0.0) if shape.fill is None else (*shape.fill, shape.opacity)
        line = (0.0, 0.0, 0.0, 0.0) if shape.line is None else (*shape.line, shape.line_width)
        numbers.append((*fill, *line, shape.blur))
    lengths = [len(polygon) for polygon in polygons]
    return Packed(
        corners=np.concatenate([*polygons, np.zeros((0, 2))]),
        corner_layers=np.repeat(np.array(polygon_keys, float).reshape(-1, 2), lengths, axis=0),
        starts=np.cumsum([0, *lengths]).astype(np.int32),
        shapes=np.array(rows, np.int32).reshape(-1, 5),
        numbers=np.array(numbers, np.float32).reshape(-1, 9),
        clips=np.array(clips, np.int32),
        layers=tuple(layers),
    )


def paint(
    drawing: Packed, pose: Pose, *, size: int = SIZE
) -> tuple[UInt8[np.ndarray, "h w 4"], Int[np.ndarray, "h w"]]:
    """Returns the picture as straight-alpha RGBA, and the number of the layer seen at each pixel (-1: none)."""
    corners = drawing.corners.copy()
    motion.move_all(corners, drawing.corner_layers, motion.turns_of(pose))
    scale = size / SIZE
    numbers = drawing.numbers * np.array([1, 1, 1, 1, 1, 1, 1, scale, scale], np.float32)
    canvas = np.zeros((size, size, 4), np.float32)
    seen = np.full((size, size), raster.OUTSIDE, np.int16)
    raster.paint(canvas, seen, corners * scale, drawing.starts, drawing.shapes, numbers, drawing.clips)
    return raster.straight(canvas), seen


def picture(drawing: Sequence[Shape], pose: Pose, *, size: int = SIZE) -> Image.Image:
    """Returns a drawing in a pose as a straight-alpha RGBA picture, `size` x `size`."""
    return Image.fromarray(paint(pack(drawing), pose, size=size)[0])
