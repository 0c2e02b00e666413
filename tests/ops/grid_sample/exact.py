"""The bilinear warp of a batch and its gradients in float64 with numpy: for sizes at which loops take too long."""

import numpy as np


def everything(
    image: np.ndarray, position: np.ndarray, cotangent: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns pixels, the image's gradient and the positions' gradient of images (n, h, w, c) that are 0 outside.

    Positions (n, i, j, 2) are resolved, in pixels. A NaN among them gives NaN pixels and takes part in no gradient.
    """
    parts = [_one(*arrays) for arrays in zip(image, position, cotangent, strict=True)]
    pixels, image_gradient, position_gradient = (np.stack(arrays) for arrays in zip(*parts, strict=True))
    return pixels, image_gradient, position_gradient


def _one(image: np.ndarray, position: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    height, width, channels = image.shape
    rows, where, values = (
        array.reshape(-1, array.shape[-1]).astype(np.float64) for array in (image, position, cotangent)
    )
    unknown: np.ndarray = np.asarray(np.isnan(where).any(axis=1))
    where, values = np.where(unknown[:, None], -9.0, where), np.where(unknown[:, None], 0.0, values)
    left, top = np.floor(where).T
    right_weight, bottom_weight = (where - np.floor(where)).T
    pixels, image_gradient = np.zeros(values.shape), np.zeros((height * width, channels))
    position_gradient = np.zeros(where.shape)
    for down in (0, 1):
        for right in (0, 1):
            i, j = top + down, left + right
            exists = (i >= 0) & (i < height) & (j >= 0) & (j < width)
            number = np.where(exists, i * width + j, 0).astype(np.int64)
            weight_x = np.where(exists, right_weight if right else 1.0 - right_weight, 0.0)
            weight_y = np.where(exists, bottom_weight if down else 1.0 - bottom_weight, 0.0)
            found = rows[number]
            pixels += found * (weight_x * weight_y)[:, None]
            for channel in range(channels):
                update = values[:, channel] * weight_x * weight_y
                image_gradient[:, channel] += np.bincount(number, update, minlength=height * width)
            alike = np.where(exists, (found * values).sum(axis=1), 0.0)
            position_gradient[:, 0] += (1.0 if right else -1.0) * alike * weight_y
            position_gradient[:, 1] += (1.0 if down else -1.0) * alike * weight_x
    pixels[unknown] = np.nan
    return (
        pixels.reshape(cotangent.shape),
        image_gradient.reshape(image.shape),
        position_gradient.reshape(position.shape),
    )
