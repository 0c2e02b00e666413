"""Paints polygons with exact coverage, compiled by numba: fills, outlines, soft edges, and cuts to other polygons.

A drawing comes packed in flat arrays (`draw.Packed`). Corners are (x, y) in pixels of the picture; the picture is
float32 RGBA with premultiplied alpha, rows first.
"""

import math
from typing import Any

import numpy as np

from data_pipelines.compiled import compiled

OUTSIDE = -1  # in a map of layers: nothing is seen


@compiled
def paint(canvas: Any, seen: Any, corners: Any, starts: Any, shapes: Any, numbers: Any, clips: Any) -> None:
    """Paints shapes in their order.

    Args:
      canvas: float32 (h, w, 4), is written.
      seen: int16 (h, w), is written: the layer of the topmost shape that covers at least half of a pixel.
      corners: float64 (n, 2), all polygons one after another.
      starts: int32 (p + 1,), where each polygon begins.
      shapes: int32 (s, 5): polygon, layer (`OUTSIDE`: shading, leaves `seen` as it is), whether the outline returns
        to its beginning, first and last + 1 of its polygons in `clips`.
      numbers: float32 (s, 9): fill colour and opacity, line colour and width, blur; lengths in pixels.
      clips: int32 (c,), polygons that fills are cut to.
    """
    height, width = seen.shape
    mask, scratch = np.zeros((height, width + 2), np.float32), np.zeros((height, width + 2), np.float32)
    for number in range(shapes.shape[0]):
        polygon, layer, closed, first_clip, last_clip = shapes[number]
        opacity, line_width, blur = numbers[number, 3], numbers[number, 7], numbers[number, 8]
        points = corners[starts[polygon] : starts[polygon + 1]]
        left, top, right, bottom = _box(points, 1.0 + 0.5 * line_width + 3.0 * blur, height, width)
        if right <= left or bottom <= top:
            continue
        if opacity > 0.0:
            _cover(mask, points, left, top, right, bottom)
            if blur > 0.0:
                _soften(mask, scratch, blur, left, top, right, bottom)
            for clip in clips[first_clip:last_clip]:
                _cover(scratch, corners[starts[clip] : starts[clip + 1]], left, top, right, bottom)
                mask[top:bottom, left:right] *= scratch[top:bottom, left:right]
            _blend(canvas, seen, mask, numbers[number], opacity, layer, left, top, right, bottom)
        if line_width > 0.0:
            _stroke(mask, points, line_width, closed, left, top, right, bottom)
            _blend(canvas, seen, mask, numbers[number, 4:], 1.0, layer, left, top, right, bottom)


@compiled
def straight(canvas: Any) -> Any:
    """Returns the picture as 8 bit with straight alpha."""
    height, width = canvas.shape[:2]
    picture = np.zeros((height, width, 4), np.uint8)
    for y in range(height):
        for x in range(width):
            alpha = canvas[y, x, 3]
            if alpha >= 0.5 / 255.0:
                for channel in range(3):
                    picture[y, x, channel] = int(min(canvas[y, x, channel] / alpha, 1.0) * 255.0 + 0.5)
                picture[y, x, 3] = int(min(alpha, 1.0) * 255.0 + 0.5)
    return picture


@compiled
def _box(points: Any, margin: float, height: int, width: int) -> Any:
    left, top, right, bottom = points[0, 0], points[0, 1], points[0, 0], points[0, 1]
    for index in range(len(points)):
        left, right = min(left, points[index, 0]), max(right, points[index, 0])
        top, bottom = min(top, points[index, 1]), max(bottom, points[index, 1])
    return (
        max(0, math.floor(left - margin)),
        max(0, math.floor(top - margin)),
        min(width, math.ceil(right + margin) + 1),
        min(height, math.ceil(bottom + margin) + 1),
    )


@compiled
def _cover(mask: Any, points: Any, left: int, top: int, right: int, bottom: int) -> None:
    """Writes into a box of `mask` how much of each pixel a polygon covers: signed areas, summed along rows."""
    mask[top:bottom, left : right + 2] = 0.0
    count = len(points)
    for index in range(count):
        x0, y0 = points[index]
        x1, y1 = points[(index + 1) % count]
        if y0 < y1:
            _add_edge(mask, x0, y0, x1, y1, 1.0, left, top, right, bottom)
        elif y0 > y1:
            _add_edge(mask, x1, y1, x0, y0, -1.0, left, top, right, bottom)
    for y in range(top, bottom):
        total = 0.0
        for x in range(left, right):
            total += mask[y, x]
            mask[y, x] = min(abs(total), 1.0)


@compiled
def _add_edge(
    mask: Any, x0: float, y0: float, x1: float, y1: float, sign: float, left: int, top: int, right: int, bottom: int
) -> None:
    """Adds what an edge that goes down covers to its right, as differences between neighbours in a row."""
    slope = (x1 - x0) / (y1 - y0)
    for row in range(max(top, math.floor(y0)), min(bottom, math.ceil(y1))):
        start, stop = max(y0, float(row)), min(y1, float(row + 1))
        a, b = x0 + (start - y0) * slope, x0 + (stop - y0) * slope
        a, b = min(a, b), max(a, b)
        height = sign * (stop - start)
        if a < left or b > right:  # what lies beside the box
            low, high = min(max(a, float(left)), float(right)), min(max(b, float(left)), float(right))
            if b > a:
                mask[row, left] += height * max(0.0, min(b, float(left)) - a) / (b - a)
                height *= (high - low) / (b - a)
            a, b = low, high
        first, last = math.floor(a), math.ceil(b)
        if last <= first + 1:
            beyond = 0.5 * (a + b) - first
            mask[row, first] += height * (1.0 - beyond)
            mask[row, first + 1] += height * beyond
            continue
        steep, done = height / (b - a), 0.0
        for column in range(first, last):
            low, high = max(a, float(column)), min(b, column + 1.0)
            area = steep * (low - a + (high - low) * (column + 1.0 - 0.5 * (low + high)))
            mask[row, column] += area - done
            done = area
        mask[row, last] += height - done


@compiled
def _stroke(
    mask: Any, points: Any, line_width: float, closed: int, left: int, top: int, right: int, bottom: int
) -> None:
    """Writes into a box of `mask` the coverage of a line with round joints, from the distance to its middle."""
    mask[top:bottom, left : right + 2] = 0.0
    count = len(points)
    reach, strength = 0.5 * max(line_width, 1.0) + 0.5, min(line_width, 1.0)
    for index in range(count if closed else count - 1):
        ax, ay = points[index]
        bx, by = points[(index + 1) % count]
        dx, dy = bx - ax, by - ay
        length = max(dx * dx + dy * dy, 1e-9)
        for y in range(max(top, int(min(ay, by) - reach)), min(bottom, int(max(ay, by) + reach) + 1)):
            for x in range(max(left, int(min(ax, bx) - reach)), min(right, int(max(ax, bx) + reach) + 1)):
                px, py = x + 0.5 - ax, y + 0.5 - ay
                along = min(max((px * dx + py * dy) / length, 0.0), 1.0)
                distance = math.hypot(px - along * dx, py - along * dy)
                mask[y, x] = max(mask[y, x], strength * min(reach - distance, 1.0))


@compiled
def _soften(mask: Any, scratch: Any, blur: float, left: int, top: int, right: int, bottom: int) -> None:
    """Blurs a box of `mask` by a Gaussian; what lies beside the box counts as empty."""
    radius = math.ceil(2.5 * blur)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / blur) ** 2)
    kernel /= kernel.sum()
    for y in range(top, bottom):
        for x in range(left, right):
            total = 0.0
            for step in range(max(-radius, left - x), min(radius, right - 1 - x) + 1):
                total += kernel[step + radius] * mask[y, x + step]
            scratch[y, x] = total
    for y in range(top, bottom):
        for x in range(left, right):
            total = 0.0
            for step in range(max(-radius, top - y), min(radius, bottom - 1 - y) + 1):
                total += kernel[step + radius] * scratch[y + step, x]
            mask[y, x] = total


@compiled
def _blend(
    canvas: Any,
    seen: Any,
    mask: Any,
    color: Any,
    opacity: float,
    layer: int,
    left: int,
    top: int,
    right: int,
    bottom: int,
) -> None:
    """Lays a colour over the picture and notes where its layer is what one sees."""
    red, green, blue = color[0], color[1], color[2]
    for y in range(top, bottom):
        for x in range(left, right):
            covered = mask[y, x]
            if covered <= 0.0:
                continue
            if layer != OUTSIDE and covered >= 0.5:
                seen[y, x] = layer
            covered *= opacity
            pixel = canvas[y, x]
            pixel[0] += covered * (red - pixel[0])
            pixel[1] += covered * (green - pixel[1])
            pixel[2] += covered * (blue - pixel[2])
            pixel[3] += covered * (1.0 - pixel[3])
