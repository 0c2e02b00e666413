"""The semantics of the bilinear warp, for one image and one grid, in plain XLA. This file is the specification.

Coordinates. A grid holds (x, y) per output pixel, always float32. In pixel units, (0, 0) is the centre of the first
pixel and (w-1, h-1) the centre of the last. In normalised units the range is [-1, 1]; with `align_corners` its ends
are the centres of the corner pixels, without it they are the outer edges of the image:

    align_corners=True:   x_px = (x + 1) / 2 * (w - 1)
    align_corners=False:  x_px = ((x + 1) * w - 1) / 2

Padding. 'border' clips positions to the image; 'zeros' gives pixels outside the image the value 0, so that the last
half pixel fades out. Infinite coordinates lie far outside; a NaN coordinate gives a NaN pixel. Nothing is read out of
bounds.

Gradients. Weights are piecewise linear; at an integer position the derivative is that of the cell to the right and
below (the floor convention), and with 'border' it is zero on and beyond the outermost pixel centres. PyTorch does the
same. The image's gradient is summed in float32 whatever the image's type.
"""

from typing import Literal

import jax.numpy as jnp

from jaxanim.core.types import Array, Float, Int

Padding = Literal["zeros", "border"]
Units = Literal["normalised", "pixel"]


def sample_image(
    image: Float[Array, "h w c"],
    grid: Float[Array, "i j 2"],
    *,
    padding: Padding,
    align_corners: bool,
    units: Units,
) -> Float[Array, "i j c"]:
    """Samples one image at the positions of one grid (see the module docstring for the exact meaning)."""
    height, width, channels = image.shape
    x, y = grid[..., 0], grid[..., 1]
    if units == "normalised":
        x, y = to_pixels(x, width, align_corners), to_pixels(y, height, align_corners)
    left, right, weight_left, weight_right = _neighbours(x, width, padding)
    top, bottom, weight_top, weight_bottom = _neighbours(y, height, padding)
    rows = image.reshape(height * width, channels).astype(jnp.float32)

    def corner(row: Int[Array, "i j"], column: Int[Array, "i j"], weight: Float[Array, "i j"]) -> Float[Array, "i j c"]:
        return rows.at[row * width + column].get(mode="promise_in_bounds") * weight[..., None]

    out = (
        corner(top, left, weight_top * weight_left)
        + corner(top, right, weight_top * weight_right)
        + corner(bottom, left, weight_bottom * weight_left)
        + corner(bottom, right, weight_bottom * weight_right)
    )
    return out.astype(image.dtype)


def to_pixels(position: Float[Array, "*n"], size: int, align_corners: bool) -> Float[Array, "*n"]:
    """Converts normalised coordinates along one axis of `size` pixels to pixel units."""
    if align_corners:
        return (position + 1.0) * (0.5 * (size - 1))
    return ((position + 1.0) * size - 1.0) * 0.5


def _neighbours(
    position: Float[Array, "i j"], size: int, padding: Padding
) -> tuple[Int[Array, "i j"], Int[Array, "i j"], Float[Array, "i j"], Float[Array, "i j"]]:
    """Returns the two nearest pixel indices along one axis, both inside [0, size), and their weights."""
    low, high = (0.0, float(size - 1)) if padding == "border" else (-2.0, float(size + 1))
    # Not jnp.clip: its derivative at the ends is 1/2, and PyTorch's is 0.
    position = jnp.where(position <= low, low, jnp.where(position >= high, high, position))
    first = jnp.floor(position)
    fraction = position - first
    index = first.astype(jnp.int32)
    weight_first, weight_second = 1.0 - fraction, fraction
    if padding == "zeros":
        weight_first = jnp.where((index >= 0) & (index < size), weight_first, 0.0)
        weight_second = jnp.where((index >= -1) & (index < size - 1), weight_second, 0.0)
    return jnp.clip(index, 0, size - 1), jnp.clip(index + 1, 0, size - 1), weight_first, weight_second
