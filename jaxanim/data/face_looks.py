"""How pictures of faces look: light, colours, occluders, brush, blur, grain. Nothing moves.

Pictures are RGB in [0, 1]. Every change is a pure function of a key and one picture; `paint` makes some of them.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Array, Float, Key

Change = Callable[[Key[Array, ""], Float[Array, "h w 3"]], Float[Array, "h w 3"]]
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def sometimes(key: Key[Array, ""], chance: float, change: Change, image: Float[Array, "h w 3"]) -> Array:
    """Makes a change by chance."""
    often, how = jax.random.split(key)
    return jnp.where(jax.random.uniform(often) < chance, change(how, image), image)


def paint(key: Key[Array, ""], image: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """Changes how a picture looks, not where anything is: light, colours, occluders, brush, blur and noise."""
    keys = jax.random.split(key, 9)
    image = sometimes(keys[0], 0.6, light, image)
    image = sometimes(keys[1], 0.8, colors, image)
    image = sometimes(keys[2], 0.35, brush, image)
    image = sometimes(keys[3], 0.35, cover, image)
    image = sometimes(keys[4], 0.4, blur, image)
    image = sometimes(keys[5], 0.2, coarsen, image)
    image = sometimes(keys[6], 0.25, canvas, image)
    noise = 0.05 * jax.random.uniform(keys[7]) ** 2 * jax.random.normal(keys[8], (*image.shape[:2], 1))
    return jnp.clip(image + noise, 0.0, 1.0)


def light(key: Key[Array, ""], image: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """Lights some parts of the picture more than others."""
    spots = 0.5 * jax.random.normal(key, (3, 3, 1))
    return jnp.clip(image * jnp.exp(jax.image.resize(spots, (*image.shape[:2], 1), "cubic")), 0.0, 1.0)


def colors(key: Key[Array, ""], image: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """Mixes colours, some to grey or a tint of it, and bends their curve."""
    keys = jax.random.split(key, 6)
    grey = jnp.where(jax.random.uniform(keys[0]) < 0.2, 1.0, 0.5 * jax.random.uniform(keys[1]))
    mixed = image @ (jnp.eye(3) + 0.08 * jax.random.normal(keys[2], (3, 3)))
    mixed = mixed + grey * ((mixed @ _LUMA)[..., None] - mixed)
    tint = jnp.exp(0.09 * jax.random.normal(keys[3], (3,)))
    curve = jnp.exp(0.35 * jax.random.normal(keys[4]))
    low, high = jnp.sort(jnp.array([0.0, 1.0]) + 0.15 * jax.random.normal(keys[5], (2,)))
    return jnp.clip(low + (high - low) * jnp.clip(mixed * tint[None, None], 1e-4, 1.0) ** curve, 0.0, 1.0)


def brush(key: Key[Array, ""], image: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """Paints: each pixel takes the mean of the calmest of four squares beside it (Kuwahara et al. 1976)."""
    del key
    reach = 3
    window = (reach, reach, 1)

    def mean(x: Array) -> Array:
        total = jax.lax.reduce_window(
            jnp.pad(x, ((2, 2), (2, 2), (0, 0)), "edge"), 0.0, jax.lax.add, window, (1, 1, 1), "VALID"
        )
        return total / reach**2  # (h + 2, w + 2): of the square that begins at each pixel of the padded picture

    grey = (image @ _LUMA)[..., None]
    means, spread = mean(image), mean(grey * grey) - mean(grey) ** 2
    height, width = image.shape[:2]
    corners = [(i, j) for i in (0, 2) for j in (0, 2)]
    choices = jnp.stack([means[i : i + height, j : j + width] for i, j in corners])
    calm = jnp.stack([spread[i : i + height, j : j + width] for i, j in corners])
    chosen = jnp.argmin(calm, axis=0)
    return jnp.take_along_axis(choices, chosen[None], axis=0)[0]


def cover(key: Key[Array, ""], image: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """Puts something in front: a turned ellipse or bar of one colour, with grain."""
    keys = jax.random.split(key, 5)
    axis = (jnp.arange(image.shape[0], dtype=jnp.float32) + 0.5) / image.shape[0]
    grid = jnp.stack(jnp.meshgrid(axis, axis), axis=-1) - jax.random.uniform(keys[0], (1, 1, 2))
    turn = jnp.pi * jax.random.uniform(keys[1])
    across = grid @ jnp.stack([jnp.cos(turn), jnp.sin(turn)])
    along = grid @ jnp.stack([-jnp.sin(turn), jnp.cos(turn)])
    radii = 0.04 + 0.2 * jax.random.uniform(keys[2], (2,))
    inside = jnp.hypot(across / radii[0], along / radii[1]) < 1.0
    color = jax.random.uniform(keys[3], (1, 1, 3)) + 0.08 * jax.random.normal(keys[4], (*image.shape[:2], 1))
    return jnp.where(inside[..., None], jnp.clip(color, 0.0, 1.0), image)


def blur(key: Key[Array, ""], image: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """Blurs by a Gaussian of up to 1.6 pixels."""
    sigma = 0.3 + 1.3 * jax.random.uniform(key)
    offsets = np.arange(-3, 4, dtype=np.float32)
    weights = jnp.exp(-0.5 * jnp.square(offsets / sigma))
    weights = weights / weights.sum()
    for axis in (0, 1):
        reach = [(3, 3) if each == axis else (0, 0) for each in range(3)]
        padded, length = jnp.pad(image, reach, "edge"), image.shape[axis]
        shifted = [jax.lax.slice_in_dim(padded, start, start + length, axis=axis) for start in range(len(offsets))]
        image = sum((weight * each for weight, each in zip(weights, shifted, strict=True)), jnp.zeros_like(image))
    return image


def coarsen(key: Key[Array, ""], image: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """Makes the picture small and large again: a face far away."""
    del key
    small = jax.image.resize(image, (image.shape[0] * 3 // 8, image.shape[1] * 3 // 8, 3), "linear")
    return jax.image.resize(small, image.shape, "linear")


def canvas(key: Key[Array, ""], image: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """Adds the grain of a canvas or of film."""
    fine, wide = jax.random.split(key)
    shape = image.shape[:2]
    grain = jax.random.normal(fine, shape)
    spots = jax.image.resize(jax.random.normal(wide, (shape[0] // 4, shape[1] // 4)), shape, "linear")
    return jnp.clip(image * (1.0 + 0.05 * grain[..., None] + 0.08 * spots[..., None]), 0.0, 1.0)
