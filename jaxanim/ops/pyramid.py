"""Exact factor-two resampling of images and feature maps. Any value range, NHWC, any leading batch axes.

Both functions are sums of shifted slices: unlike `jax.image.resize` they make no dense matrix, and they leave as
plain ONNX.
"""

import jax.numpy as jnp
from jax import lax

from jaxanim.core.types import Array, Float


def downsample_area(image: Float[Array, "*b h w c"]) -> Float[Array, "*b h/2 w/2 c"]:
    """Halves height and width: each output pixel is the mean of a 2x2 block.

    Equal to PyTorch's bilinear interpolation to half size with align_corners=False and no antialiasing.

    Raises:
      ValueError: height or width is odd.
    """
    *batch, height, width, channels = image.shape
    if height % 2 or width % 2:
        raise ValueError(f"downsample_area needs even height and width, got {height}x{width}")
    blocks = image.reshape(*batch, height // 2, 2, width // 2, 2, channels)
    return blocks.mean(axis=(-4, -2))


def upsample_bilinear(image: Float[Array, "*b h w c"]) -> Float[Array, "*b 2*h 2*w c"]:
    """Doubles height and width bilinearly with half-pixel centres and replicated edges.

    Equal to PyTorch's bilinear interpolation with align_corners=False.
    """
    return _double_axis(_double_axis(image, image.ndim - 3), image.ndim - 2)


def _double_axis(x: Array, axis: int) -> Array:
    n = x.shape[axis]
    before = jnp.concatenate([lax.slice_in_dim(x, 0, 1, axis=axis), lax.slice_in_dim(x, 0, n - 1, axis=axis)], axis)
    after = jnp.concatenate([lax.slice_in_dim(x, 1, n, axis=axis), lax.slice_in_dim(x, n - 1, n, axis=axis)], axis)
    near, far = jnp.asarray(0.75, x.dtype), jnp.asarray(0.25, x.dtype)
    pairs = jnp.stack([near * x + far * before, near * x + far * after], axis + 1)
    return pairs.reshape(*x.shape[:axis], 2 * n, *x.shape[axis + 1 :])
