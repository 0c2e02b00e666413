"""The warp in plain XLA with a backward pass of its own: the default, and what every other backend falls back to.

Forward it is `reference.read`, which XLA turns into one fused gather. Backward, autodiff would scatter four times,
and in the image's type; here one scatter adds all four corners of a pixel one after the other (they are neighbours in
memory, and the cotangent is read once), in float32.
"""

import functools

import jax
import jax.numpy as jnp

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample import reference


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def read(
    image: Float[Array, "h w c"], x: Float[Array, "i j"], y: Float[Array, "i j"], inside: bool
) -> Float[Array, "i j c"]:
    """Reads an image that is 0 outside at resolved positions (see `positions.resolve`)."""
    return reference.read(image, x, y, inside)


def pullback(
    image: Float[Array, "h w c"],
    x: Float[Array, "i j"],
    y: Float[Array, "i j"],
    cotangent: Float[Array, "i j c"],
    inside: bool,
) -> tuple[Float[Array, "h w c"], Float[Array, "i j"], Float[Array, "i j"]]:
    """Returns the gradients of the image and of the positions, all float32."""
    height, width, channels = image.shape
    known = ~(jnp.isnan(x) | jnp.isnan(y))
    cotangent = jnp.where(known[..., None], cotangent.astype(jnp.float32), 0.0)
    four = reference.corners(jnp.where(known, x, 0.0), jnp.where(known, y, 0.0), height, width, inside)

    pixels = jnp.stack([corner.pixel for corner in four], axis=-1)
    weights = jnp.stack([corner.weight_x * corner.weight_y for corner in four], axis=-1)
    updates = cotangent[..., None, :] * weights[..., None]
    rows = jnp.zeros((height * width, channels), jnp.float32)
    rows = rows.at[pixels.reshape(-1)].add(updates.reshape(-1, channels), mode="promise_in_bounds")
    return rows.reshape(image.shape), *_slopes(image, four, cotangent)


def _slopes(
    image: Float[Array, "h w c"], four: tuple[reference.Corner, ...], cotangent: Float[Array, "i j c"]
) -> tuple[Float[Array, "i j"], Float[Array, "i j"]]:
    rows = image.reshape(-1, image.shape[2])

    def value(corner: reference.Corner) -> Float[Array, "i j"]:
        values = rows.at[corner.pixel].get(mode="promise_in_bounds").astype(jnp.float32)
        return jnp.where(corner.exists, (values * cotangent).sum(axis=-1), 0.0)

    top_left, top_right, bottom_left, _ = four
    a, b, c, d = map(value, four)
    along_x = top_left.weight_y * (b - a) + bottom_left.weight_y * (d - c)
    along_y = top_left.weight_x * (c - a) + top_right.weight_x * (d - b)
    return along_x, along_y


def _forward(image: Array, x: Array, y: Array, inside: bool) -> tuple[Array, tuple[Array, Array, Array]]:
    return reference.read(image, x, y, inside), (image, x, y)


def _backward(inside: bool, residuals: tuple[Array, Array, Array], cotangent: Array) -> tuple[Array, Array, Array]:
    image_gradient, *slopes = pullback(*residuals, cotangent, inside)
    return image_gradient.astype(residuals[0].dtype), slopes[0], slopes[1]


read.defvjp(_forward, _backward)


def read_stacked(image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"]) -> Float[Array, "n i j c"]:
    """`read` for a batch with x and y in one array, as the kernels take them and fall back."""
    return jax.vmap(lambda image, x, y: read(image, x, y, False))(image, position[..., 0], position[..., 1])


def pullback_stacked(
    image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"], cotangent: Float[Array, "n i j c"]
) -> tuple[Float[Array, "n h w c"], Float[Array, "n i j 2"]]:
    """`pullback` for a batch with x and y in one array."""

    def one(image: Array, position: Array, cotangent: Array) -> tuple[Array, Array]:
        image_gradient, *slopes = pullback(image, position[..., 0], position[..., 1], cotangent, False)
        return image_gradient, jnp.stack(slopes, axis=-1)

    return jax.vmap(one)(image, position, cotangent)
