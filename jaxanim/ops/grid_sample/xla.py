"""The warp in plain XLA with a backward pass of its own: the default, and what every other backend falls back to.

Forward it is `reference.read`, which XLA turns into one fused gather. Backward, autodiff would scatter four times, and
in the image's type; here one scatter adds all four corners of a pixel one after the other (they are neighbours in
memory, and the cotangent is read once), in float32. CPUs have a form of their own, `banded`.
"""

import functools

import jax
import jax.numpy as jnp

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample import banded, reference


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def read(
    image: Float[Array, "n h w c"], x: Float[Array, "n i j"], y: Float[Array, "n i j"], inside: bool, on_cpu: bool
) -> Float[Array, "n i j c"]:
    """Reads images that are 0 outside at resolved positions (see `positions.resolve`).

    Args:
      image: float32, bfloat16 or float16.
      x: columns.
      y: rows.
      inside: whether all positions lie in the image.
      on_cpu: which of the two forms the backward pass takes; both run everywhere.
    """
    # vmap over images, not one flat index: XLA then splits the gather over a sharded batch, no all-gather.
    return jax.vmap(functools.partial(reference.read, inside=inside))(image, x, y)


def pull(
    image: Float[Array, "n h w c"],
    x: Float[Array, "n i j"],
    y: Float[Array, "n i j"],
    cotangent: Float[Array, "n i j c"],
    inside: bool,
    on_cpu: bool,
) -> tuple[Float[Array, "n h w c"], Float[Array, "n i j"], Float[Array, "n i j"]]:
    """Returns the gradients of images and positions, all float32."""
    if cotangent.size == 0:
        return jnp.zeros(image.shape, jnp.float32), jnp.zeros_like(x), jnp.zeros_like(y)
    if on_cpu and banded.fits(image.shape):
        return banded.pull(image, x, y, cotangent, inside)
    return jax.vmap(functools.partial(_pull_one, inside=inside))(image, x, y, cotangent)


def _pull_one(
    image: Float[Array, "h w c"],
    x: Float[Array, "i j"],
    y: Float[Array, "i j"],
    cotangent: Float[Array, "i j c"],
    inside: bool,
) -> tuple[Float[Array, "h w c"], Float[Array, "i j"], Float[Array, "i j"]]:
    height, width, channels = image.shape
    four, cotangent = reference.known_corners(image, x, y, cotangent, inside)
    pixels = jnp.stack([corner.pixel for corner in four], axis=-1)
    weights = jnp.stack([corner.weight_x * corner.weight_y for corner in four], axis=-1)
    updates = cotangent[..., None, :] * weights[..., None]
    rows = jnp.zeros((height * width, channels), jnp.float32)
    rows = rows.at[pixels.reshape(-1)].add(updates.reshape(-1, channels), mode="promise_in_bounds")
    slopes = reference.slopes(image, four, lambda values: (values * cotangent).sum(axis=-1))
    return rows.reshape(image.shape), *slopes


def _forward(image: Array, x: Array, y: Array, inside: bool, on_cpu: bool) -> tuple[Array, tuple[Array, Array, Array]]:
    return read(image, x, y, inside, on_cpu), (image, x, y)


def _backward(
    inside: bool, on_cpu: bool, residuals: tuple[Array, Array, Array], cotangent: Array
) -> tuple[Array, Array, Array]:
    image_gradient, *slopes = pull(*residuals, cotangent, inside, on_cpu)
    return image_gradient.astype(residuals[0].dtype), slopes[0], slopes[1]


read.defvjp(_forward, _backward)


def read_stacked(image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"]) -> Float[Array, "n i j c"]:
    """`read` with x and y in one array, as the kernels take them and fall back."""
    return read(image, position[..., 0], position[..., 1], False, False)


def pull_stacked(
    image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"], cotangent: Float[Array, "n i j c"]
) -> tuple[Float[Array, "n h w c"], Float[Array, "n i j 2"]]:
    """`pull` with x and y in one array."""
    image_gradient, *slopes = pull(image, position[..., 0], position[..., 1], cotangent, False, False)
    return image_gradient, jnp.stack(slopes, axis=-1)
