"""Draws posed shapes: an antialiased RGBA picture, and a map of which layer is seen at each pixel."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from data_pipelines.procedural_anime.design import Color
from data_pipelines.procedural_anime.motion import Layer, Points, Pose, move
from data_pipelines.procedural_anime.shapes import Shape

SIZE = 512
OVERSAMPLING = 3
Box = tuple[int, int, int, int]


def paint(drawing: Sequence[Shape], pose: Pose, *, size: int = SIZE) -> Image.Image:
    """Returns the picture as straight-alpha RGBA, `size` x `size`, `OVERSAMPLING`^2 samples a pixel."""
    scale = size / SIZE * OVERSAMPLING
    canvas = Image.new("RGBA", (size * OVERSAMPLING, size * OVERSAMPLING), (0, 0, 0, 0))
    pen = ImageDraw.Draw(canvas)
    for shape in drawing:
        corners = move(shape.points, shape.layer, pose) * scale
        if shape.fill is not None:
            _fill(canvas, pen, shape, corners, pose, scale)
        if shape.line is not None:
            path = [*map(tuple, corners), *(map(tuple, corners[:2]) if shape.closed else ())]
            pen.line(path, fill=_ink(shape.line), width=max(1, round(shape.line_width * scale)), joint="curve")
    return canvas.convert("RGBa").reduce(OVERSAMPLING).convert("RGBA")


def layer_map(drawing: Sequence[Shape], pose: Pose) -> tuple[Int[np.ndarray, "512 512"], list[Layer]]:
    """Returns, per pixel, the index of the topmost opaque shape's layer (-1 where there is none), and the layers."""
    layers: list[Layer] = []
    canvas = Image.new("I", (SIZE, SIZE), -1)
    pen = ImageDraw.Draw(canvas)
    for shape in drawing:
        if shape.fill is None or shape.opacity < 1.0 or shape.clip:
            continue
        if shape.layer not in layers:
            layers.append(shape.layer)
        index = layers.index(shape.layer)
        corners = [tuple(corner) for corner in move(shape.points, shape.layer, pose)]
        pen.polygon(corners, fill=index, outline=index)
    return np.asarray(canvas, np.int32), layers


def _fill(
    canvas: Image.Image, pen: ImageDraw.ImageDraw, shape: Shape, corners: Points, pose: Pose, scale: float
) -> None:
    assert shape.fill is not None
    if shape.opacity == 1.0 and not shape.clip and not shape.blur:
        pen.polygon([tuple(corner) for corner in corners], fill=_ink(shape.fill))
        return
    box = _bounding_box(corners, canvas.size, margin=2.0 + 3.0 * shape.blur * scale)
    if box is None:
        return
    mask = _mask(corners, box, round(255 * shape.opacity))
    if shape.blur:
        mask = mask.filter(ImageFilter.GaussianBlur(shape.blur * scale))
    for clip in shape.clip:
        mask = ImageChops.multiply(mask, _mask(move(clip.points, clip.layer, pose) * scale, box, 255))
    canvas.paste(_ink(shape.fill), box, mask)


def _mask(corners: Points, box: Box, value: int) -> Image.Image:
    mask = Image.new("L", (box[2] - box[0], box[3] - box[1]), 0)
    ImageDraw.Draw(mask).polygon([(x - box[0], y - box[1]) for x, y in corners], fill=value)
    return mask


def _bounding_box(corners: Points, size: tuple[int, int], *, margin: float) -> Box | None:
    low = np.maximum(np.floor(corners.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0) + margin), size).astype(int)
    if (high <= low).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _ink(color: Color | Float[np.ndarray, "3"]) -> tuple[int, int, int, int]:
    red, green, blue = (round(255 * min(max(channel, 0.0), 1.0)) for channel in color)
    return red, green, blue, 255
