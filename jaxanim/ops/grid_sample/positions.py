"""Where a grid reads: from the units and the padding a caller gives to plain pixel positions.

After `resolve`, one rule is left for every backend: a position is in pixels, the image is 0 outside, and NaN stays
NaN. Padding by 'border' and 'reflect' has moved positions inside; 'zeros' has pulled those far outside to just outside.
The derivatives of these moves are PyTorch's, and plain autodiff takes them from here.
"""

from typing import Literal, NamedTuple

import jax.numpy as jnp

from jaxanim.core.types import Array, Float

Padding = Literal["zeros", "border", "reflect"]
Units = Literal["normalised", "pixel"]


class Positions(NamedTuple):
    """Where to read, in pixels.

    Attributes:
      x: column of each output pixel, in [-2, width + 1], or NaN.
      y: its row, in [-2, height + 1], or NaN.
      inside: whether the padding has moved all of them into the image, to [0, size - 1].
    """

    x: Float[Array, "*b i j"]
    y: Float[Array, "*b i j"]
    inside: bool

    def stacked(self) -> Float[Array, "*b i j 2"]:
        """Returns x and y as one array."""
        return jnp.stack([self.x, self.y], axis=-1)


def resolve(
    grid: Float[Array, "*b i j 2"], height: int, width: int, *, padding: Padding, align_corners: bool, units: Units
) -> Positions:
    """Returns where a grid reads an image that is 0 outside."""
    x, y = grid[..., 0], grid[..., 1]
    if units == "normalised":
        x, y = to_pixels(x, width, align_corners), to_pixels(y, height, align_corners)
    if padding == "reflect":
        x, y = reflect(x, width, align_corners), reflect(y, height, align_corners)
    return Positions(pull_inside(x, width, padding), pull_inside(y, height, padding), inside=padding != "zeros")


def to_pixels(position: Float[Array, "*n"], size: int, align_corners: bool) -> Float[Array, "*n"]:
    """Converts normalised coordinates along one axis of `size` pixels to pixel units."""
    if align_corners:
        return (position + 1.0) * (0.5 * (size - 1))
    return ((position + 1.0) * size - 1.0) * 0.5


def reflect(position: Float[Array, "*n"], size: int, align_corners: bool) -> Float[Array, "*n"]:
    """Folds pixel positions at the ends of an axis, as often as needed; infinite positions become NaN.

    The ends are the outermost pixel centres with `align_corners` and the edges of the image without.
    """
    low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
    if span == 0.0:
        return jnp.where(jnp.isfinite(position), 0.0, jnp.nan)
    distance = position - low
    distance = jnp.where(distance < 0.0, -distance, distance)
    rest = jnp.fmod(distance, span)
    odd = jnp.fmod(jnp.floor(distance / span), 2.0) == 1.0
    return jnp.where(odd, span - rest, rest) + low


def pull_inside(position: Float[Array, "*n"], size: int, padding: Padding) -> Float[Array, "*n"]:
    """Clips pixel positions to the image, for 'zeros' to two pixels around it; NaN stays."""
    low, high = (-2.0, float(size + 1)) if padding == "zeros" else (0.0, float(size - 1))
    # Not jnp.clip: its derivative at the ends is 1/2, and PyTorch's is 0.
    return jnp.where(position <= low, low, jnp.where(position >= high, high, position))
