"""The bilinear warp and its gradients as plain loops over pixels, in float64: slow, and easy to check by eye."""

import math

import numpy as np


def to_pixels(position: float, size: int, *, align_corners: bool) -> float:
    if align_corners:
        return (position + 1.0) / 2.0 * (size - 1)
    return ((position + 1.0) * size - 1.0) / 2.0


def _axis(position: float, size: int, padding: str, *, align_corners: bool) -> tuple[float, float]:
    """Returns where to sample along one axis, and the derivative of that with respect to the given position."""
    if padding == "zeros":
        return position, 1.0
    if padding == "reflect":
        low, high = (0.0, size - 1.0) if align_corners else (-0.5, size - 0.5)
        slope = 1.0
        if low == high:
            return 0.0, 0.0
        while not low <= position <= high:
            position, slope = (2 * low - position if position < low else 2 * high - position), -slope
        inside, kept = _axis(position, size, "border", align_corners=align_corners)
        return inside, slope * kept
    if position <= 0.0:
        return 0.0, 0.0
    if position >= size - 1.0:
        return size - 1.0, 0.0
    return position, 1.0


def _pixel(image: np.ndarray, row: int, column: int) -> np.ndarray:
    height, width, channels = image.shape
    if 0 <= row < height and 0 <= column < width:
        return image[row, column]
    return np.zeros(channels)


def sample(image: np.ndarray, grid: np.ndarray, *, padding: str, align_corners: bool, units: str) -> np.ndarray:
    """Samples an image (h, w, c) at a grid (i, j, 2) of (x, y)."""
    image = np.asarray(image, np.float64)
    out = np.zeros((*grid.shape[:2], image.shape[2]))
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            x, y = (float(v) for v in grid[i, j])
            if units == "normalised":
                x = to_pixels(x, image.shape[1], align_corners=align_corners)
                y = to_pixels(y, image.shape[0], align_corners=align_corners)
            x, _ = _axis(x, image.shape[1], padding, align_corners=align_corners)
            y, _ = _axis(y, image.shape[0], padding, align_corners=align_corners)
            left, top = math.floor(x), math.floor(y)
            fx, fy = x - left, y - top
            out[i, j] = (
                _pixel(image, top, left) * (1 - fx) * (1 - fy)
                + _pixel(image, top, left + 1) * fx * (1 - fy)
                + _pixel(image, top + 1, left) * (1 - fx) * fy
                + _pixel(image, top + 1, left + 1) * fx * fy
            )
    return out


def gradients(
    image: np.ndarray, grid: np.ndarray, cotangent: np.ndarray, *, padding: str, align_corners: bool, units: str
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the gradients of sum(cotangent * sample(image, grid)) with respect to image and grid."""
    image = np.asarray(image, np.float64)
    height, width, _ = image.shape
    image_gradient, grid_gradient = np.zeros_like(image), np.zeros(grid.shape)
    scale_x = scale_y = 1.0
    if units == "normalised":
        scale_x, scale_y = ((width - 1) / 2, (height - 1) / 2) if align_corners else (width / 2, height / 2)
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            x, y = (float(v) for v in grid[i, j])
            if units == "normalised":
                x = to_pixels(x, width, align_corners=align_corners)
                y = to_pixels(y, height, align_corners=align_corners)
            x, slope_x = _axis(x, width, padding, align_corners=align_corners)
            y, slope_y = _axis(y, height, padding, align_corners=align_corners)
            left, top = math.floor(x), math.floor(y)
            fx, fy = x - left, y - top
            g = cotangent[i, j]
            for row, column, weight in (
                (top, left, (1 - fx) * (1 - fy)),
                (top, left + 1, fx * (1 - fy)),
                (top + 1, left, (1 - fx) * fy),
                (top + 1, left + 1, fx * fy),
            ):
                if 0 <= row < height and 0 <= column < width:
                    image_gradient[row, column] += weight * g
            a, b = _pixel(image, top, left) @ g, _pixel(image, top, left + 1) @ g
            c, d = _pixel(image, top + 1, left) @ g, _pixel(image, top + 1, left + 1) @ g
            grid_gradient[i, j, 0] = slope_x * scale_x * ((1 - fy) * (b - a) + fy * (d - c))
            grid_gradient[i, j, 1] = slope_y * scale_y * ((1 - fx) * (c - a) + fx * (d - b))
    return image_gradient, grid_gradient
