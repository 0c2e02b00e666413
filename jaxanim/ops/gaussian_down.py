"""Smaller pictures without aliasing: a Gaussian, then every n-th pixel. Any value range and number of channels.

Sigma is (n - 1) / 2 pixels, the kernel reaches to four sigmas, what lies outside the picture is 0, and the first pixel
that is kept is the first one: GDPW's `AntiAliasDownsample2d`. Both directions are one product with a matrix each.
"""

import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Array, Float


def gaussian_down(image: Float[Array, "*b h w c"], factor: int) -> Float[Array, "*b i j c"]:
    """Returns the picture at a `factor`-th of its size; 1 returns it as it is.

    Raises:
      ValueError: the factor is not positive, or does not divide the picture's sides.
    """
    height, width = image.shape[-3:-1]
    if factor < 1 or height % factor or width % factor:
        raise ValueError(f"the factor must divide both sides, got {factor} for {height}x{width} pixels")
    if factor == 1:
        return image
    rows = jnp.asarray(_matrix(height, factor), image.dtype)
    columns = jnp.asarray(_matrix(width, factor), image.dtype)
    return jnp.einsum("iy,...yxc,jx->...ijc", rows, image, columns, precision="highest")


def kernel(factor: int) -> Float[np.ndarray, " k"]:
    """Returns the Gaussian of a factor of 2 or more: 2 round(4 sigma) + 1 weights that sum to 1."""
    sigma = (factor - 1) / 2
    reach = round(4 * sigma)
    weights = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
    return np.asarray(weights / weights.sum())


def _matrix(size: int, factor: int) -> np.ndarray:
    weights = kernel(factor)
    reach = len(weights) // 2
    centres = np.arange(0, size, factor)
    offsets = np.arange(size)[None, :] - centres[:, None] + reach
    inside = (offsets >= 0) & (offsets < len(weights))
    return np.where(inside, weights[np.clip(offsets, 0, len(weights) - 1)], 0.0).astype(np.float32)
