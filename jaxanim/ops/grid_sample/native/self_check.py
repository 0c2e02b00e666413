"""A few numbers that a compiled library must get right before it is used, without XLA and threads."""

import ctypes

import numpy as np

_CHANNELS = (1, 3, 4, 5, 16)  # each has code of its own
# A 3x4 image and positions inside, on a pixel, on the last corner, half outside, far outside, unknown.
_IMAGE_SHAPE = (3, 4)
_POSITIONS = np.array([[0.5, 0.25], [1, 1], [3, 2], [-0.5, 2.5], [1e30, -1e30], [np.nan, 1], [2.25, 0.75]], np.float32)
_TOLERANCE = 1e-5


def run(library: ctypes.CDLL) -> None:
    """Compares pixels and gradients with numpy's, for every number of channels that has its own code.

    Raises:
      NotImplementedError: they differ.
    """
    for channels in _CHANNELS:
        height, width = _IMAGE_SHAPE
        image = np.cos(np.arange(height * width * channels, dtype=np.float32)).reshape(height, width, channels)
        cotangent = np.sin(np.arange(len(_POSITIONS) * channels, dtype=np.float32)).reshape(-1, channels)
        results, expected = _call(library, image, cotangent), _expect(image, cotangent)
        for what, result, wanted in zip(("pixels", "image", "positions"), results, expected, strict=True):
            if not np.allclose(result, wanted, rtol=0.0, atol=_TOLERANCE, equal_nan=True):
                raise NotImplementedError(
                    f"implementation 'native' was compiled to something that computes wrong {what} with {channels} "
                    f"channels: another compiler may help ($CXX)"
                )


def _call(library: ctypes.CDLL, image: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    def pointer(array: np.ndarray) -> ctypes.c_void_p:
        return ctypes.c_void_p(array.ctypes.data)

    pixels, image_gradient = np.zeros_like(cotangent), np.zeros_like(image)
    grid_gradient = np.zeros_like(_POSITIONS)
    sizes = [ctypes.c_int64(size) for size in (1, *image.shape, len(_POSITIONS))]
    convention = [ctypes.c_int32(0), ctypes.c_bool(False), ctypes.c_bool(False)]
    given = [pointer(image), pointer(_POSITIONS)]
    library.jaxanim_warp_plain_read(*given, pointer(pixels), *sizes, *convention)
    gradients = [pointer(image_gradient), pointer(grid_gradient)]
    library.jaxanim_warp_plain_pullback(*given, pointer(cotangent), *gradients, *sizes, *convention)
    return pixels, image_gradient, grid_gradient


def _expect(image: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    height, width = image.shape[:2]
    pixels, image_gradient = np.zeros(cotangent.shape), np.zeros(image.shape)
    grid_gradient = np.zeros(_POSITIONS.shape)
    for point, (x, y) in enumerate(_POSITIONS.astype(np.float64)):
        if np.isnan(x) or np.isnan(y):
            pixels[point] = np.nan
            continue
        left, top = np.floor([x, y])
        for i, weight_y, slope_y in ((top, top + 1 - y, -1.0), (top + 1, y - top, 1.0)):
            for j, weight_x, slope_x in ((left, left + 1 - x, -1.0), (left + 1, x - left, 1.0)):
                if 0 <= i < height and 0 <= j < width:
                    value = image[int(i), int(j)]
                    pixels[point] += value * weight_x * weight_y
                    image_gradient[int(i), int(j)] += cotangent[point] * weight_x * weight_y
                    dot = float(value @ cotangent[point])
                    grid_gradient[point] += (slope_x * weight_y * dot, weight_x * slope_y * dot)
    return pixels, image_gradient, grid_gradient
