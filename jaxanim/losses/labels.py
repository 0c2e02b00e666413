"""How far a predicted label is from the wanted one, one number per example."""

import jax
import jax.numpy as jnp

from jaxanim.core.types import Array, Float


def cross_entropy(logits: Float[Array, "b d"], wanted: Float[Array, "b d"]) -> Float[Array, " b"]:
    """Returns the cross entropy of classes; `wanted` holds one 1 per row, or shares that sum to 1."""
    return -(wanted * jax.nn.log_softmax(logits)).sum(axis=-1)


def squared_error(prediction: Float[Array, "b d"], wanted: Float[Array, "b d"]) -> Float[Array, " b"]:
    """Returns the mean squared difference of numbers, such as intensities of action units."""
    return jnp.square(prediction - wanted).mean(axis=-1)
