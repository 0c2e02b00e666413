"""How far two arrays are apart, one number per example."""

from collections.abc import Sequence

import jax.numpy as jnp

from jaxanim.core.types import Array, Float


def l1(prediction: Float[Array, "b *n"], target: Float[Array, "b *n"]) -> Float[Array, " b"]:
    """Returns the mean absolute difference of each example."""
    return jnp.abs(prediction - target).mean(axis=tuple(range(1, prediction.ndim)))


def masked_l1(
    prediction: Float[Array, "b *n c"], target: Float[Array, "b *n c"], mask: Float[Array, "b *n 1"]
) -> Float[Array, " b"]:
    """Returns the mean over all elements of the absolute difference times a mask.

    It is not divided by the area of the mask: a smaller mask makes a smaller loss, as in the released THA4 code.
    """
    return l1(prediction * mask, target * mask)


def masked_l2(
    prediction: Float[Array, "b *n c"], target: Float[Array, "b *n c"], mask: Float[Array, "b *n 1"]
) -> Float[Array, " b"]:
    """Returns the mean over all elements of the squared difference times a mask, not divided by the mask's area."""
    return (jnp.square(prediction - target) * mask).mean(axis=tuple(range(1, prediction.ndim)))


def feature_matching(
    prediction: Sequence[Float[Array, "b ..."]], target: Sequence[Float[Array, "b ..."]]
) -> Float[Array, " b"]:
    """Returns the mean absolute differences of features, summed over the layers of a network.

    Raises:
      ValueError: there are no layers, or not as many of both.
    """
    if not prediction or len(prediction) != len(target):
        raise ValueError(f"as many layers of both are needed, got {len(prediction)} and {len(target)}")
    distances = [l1(first, second) for first, second in zip(prediction, target, strict=True)]
    return jnp.stack(distances).sum(axis=0)
