"""The warp in plain XLA with a backward pass of its own: the default, and what every other backend falls back to.

Forward it is `reference.read`, which XLA turns into one fused gather. Backward, autodiff would scatter four times,
and in the image's type; here one scatter adds all four corners of a pixel one after the other (they are neighbours in
memory, and the cotangent is read once), in float32.
"""

import jax
import jax.numpy as jnp

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample import reference


@jax.custom_vjp
def read(image: Float[Array, "h w c"], position: Float[Array, "i j 2"]) -> Float[Array, "i j c"]:
    """Reads an image that is 0 outside at resolved positions (see `positions.resolve`)."""
    return reference.read(image, position)


def _forward(image: Array, position: Array) -> tuple[Array, tuple[Array, Array]]:
    return reference.read(image, position), (image, position)


def pullback(
    image: Float[Array, "h w c"], position: Float[Array, "i j 2"], cotangent: Float[Array, "i j c"]
) -> tuple[Float[Array, "h w c"], Float[Array, "i j 2"]]:
    """Returns the gradients of the image and of the positions, both float32."""
    height, width, channels = image.shape
    known = ~jnp.isnan(position[..., :1])
    cotangent = jnp.where(known, cotangent.astype(jnp.float32), 0.0)
    four = reference.corners(jnp.where(known, position, 0.0), height, width)

    indices = jnp.stack([corner.pixel for corner in four], axis=-1)
    weights = jnp.stack([corner.weight_x * corner.weight_y for corner in four], axis=-1)
    updates = cotangent[..., None, :] * weights[..., None]
    rows = jnp.zeros((height * width, channels), jnp.float32)
    rows = rows.at[indices.reshape(-1)].add(updates.reshape(-1, channels), mode="promise_in_bounds")
    return rows.reshape(image.shape), _position_gradient(image, four, cotangent)


def _position_gradient(
    image: Float[Array, "h w c"], four: tuple[reference.Corner, ...], cotangent: Float[Array, "i j c"]
) -> Float[Array, "i j 2"]:
    rows = image.reshape(-1, image.shape[2])

    def value(corner: reference.Corner) -> Float[Array, "i j"]:
        values = rows.at[corner.pixel].get(mode="promise_in_bounds").astype(jnp.float32)
        return jnp.where(corner.inside, (values * cotangent).sum(axis=-1), 0.0)

    top_left, top_right, bottom_left, _ = four
    a, b, c, d = map(value, four)
    x = top_left.weight_y * (b - a) + bottom_left.weight_y * (d - c)
    y = top_left.weight_x * (c - a) + top_right.weight_x * (d - b)
    return jnp.stack([x, y], axis=-1)


def _backward(residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    image_gradient, position_gradient = pullback(*residuals, cotangent)
    return image_gradient.astype(residuals[0].dtype), position_gradient


read.defvjp(_forward, _backward)
