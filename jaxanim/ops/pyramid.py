"""Exact resampling of images and feature maps by whole factors. Any value range, NHWC, any leading batch axes.

Down is the mean of blocks; up is bilinear with half-pixel centres and repeated edges. What an image loses on the way
down and up again is its residual band (ATW, section 3.3); bands plus the smallest image give back the whole.

The functions are sums of shifted slices: unlike `jax.image.resize` they make no dense matrix, and they leave as plain
ONNX.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxanim.core.types import Array, Float, Image

Factors = tuple[int, int]  # of height and width


def downsample_area(image: Float[Array, "*b h w c"], factors: Factors = (2, 2)) -> Float[Array, "*b _ _ c"]:
    """Divides height and width by whole factors: each output pixel is the mean of a block.

    With factors of 2 equal to PyTorch's bilinear interpolation to half size with align_corners=False and no
    antialiasing.

    Raises:
      ValueError: height or width is no multiple of its factor.
    """
    *batch, height, width, channels = image.shape
    rows, columns = _checked(factors)
    if height % rows or width % columns:
        wanted = "even height and width" if factors == (2, 2) else f"multiples of {rows}x{columns} pixels"
        raise ValueError(f"downsample_area needs {wanted}, got {height}x{width}")
    blocks = image.reshape(*batch, height // rows, rows, width // columns, columns, channels)
    return blocks.mean(axis=(-4, -2))


def upsample_bilinear(image: Float[Array, "*b h w c"], factors: Factors = (2, 2)) -> Float[Array, "*b _ _ c"]:
    """Multiplies height and width by whole factors, bilinearly with half-pixel centres and replicated edges.

    Equal to PyTorch's bilinear interpolation with align_corners=False and to OpenCV's INTER_LINEAR.
    """
    rows, columns = _checked(factors)
    return _enlarge_axis(_enlarge_axis(image, image.ndim - 3, rows), image.ndim - 2, columns)


def halving_steps(factors: Factors) -> tuple[Factors, ...]:
    """Splits whole factors into steps of a pyramid, finest first: halvings while one is possible, then the odd rest.

    An axis that can no longer be halved waits for the other; (6, 4) is halved by (2, 2) and (1, 2), then (3, 1).
    """
    rows, columns = _checked(factors)
    steps = []
    while rows % 2 == 0 or columns % 2 == 0:
        step = (2 - rows % 2, 2 - columns % 2)
        steps.append(step)
        rows, columns = rows // step[0], columns // step[1]
    return (*steps, (rows, columns)) if (rows, columns) != (1, 1) else tuple(steps)


def residual_bands(
    image: Image, steps: tuple[Factors, ...]
) -> tuple[Float[Array, "*b _ _ c"], tuple[Float[Array, "*b _ _ c"], ...]]:
    """Takes an image apart.

    Returns:
      The smallest image and, finest first, what each step down loses: I^k - Up(I^(k+1)).

    Raises:
      ValueError: a size is no multiple of its factor.
    """
    bands = []
    for step in steps:
        smaller = downsample_area(image, step)
        bands.append(image - upsample_bilinear(smaller, step))
        image = smaller
    return image, tuple(bands)


def _checked(factors: Factors) -> Factors:
    if min(factors) < 1:
        raise ValueError(f"factors must be 1 or more, got {factors}")
    return factors


def _enlarge_axis(x: Array, axis: int, factor: int) -> Array:
    """Puts `factor` values in place of each, at -1/2 + (j + 1/2) / factor around it."""
    if factor == 1:
        return x
    n = x.shape[axis]
    before = jnp.concatenate([lax.slice_in_dim(x, 0, 1, axis=axis), lax.slice_in_dim(x, 0, n - 1, axis=axis)], axis)
    after = jnp.concatenate([lax.slice_in_dim(x, 1, n, axis=axis), lax.slice_in_dim(x, n - 1, n, axis=axis)], axis)
    offsets = (np.arange(factor) + 0.5) / factor - 0.5
    parts = []
    for offset in offsets:
        near, far = jnp.asarray(1.0 - abs(offset), x.dtype), jnp.asarray(abs(offset), x.dtype)
        parts.append(near * x + far * (before if offset < 0 else after))
    return jnp.stack(parts, axis + 1).reshape(*x.shape[:axis], factor * n, *x.shape[axis + 1 :])
