"""Wasserstein critics with a gradient penalty (Gulrajani et al. 2017), one number per example."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax

from jaxanim.core import checks
from jaxanim.core.types import Array, Float, Image

Reduction = Literal["sum", "mean"]
_SMALLEST = 1e-12  # under the root, whose slope at 0 is infinite


def score(patches: Float[Array, "b *n"]) -> Float[Array, " b"]:
    """Returns a critic's mean over its patches; high for what it takes for real."""
    return patches.mean(axis=tuple(range(1, patches.ndim)))


def gradient_penalty(
    critic: Callable[[Image], Float[Array, "b *n"]],
    real: Float[Array, "b h w c"],
    fake: Float[Array, "b h w c"],
    share: Float[Array, " b"],
    *,
    reduction: Reduction,
) -> Float[Array, " b"]:
    """Returns (|d critic / d x| - 1)^2 at x = share * real + (1 - share) * fake.

    Args:
      critic: pictures to patches.
      real: pictures; get no gradient.
      fake: generated pictures; get none either.
      share: of the real picture, in [0, 1], one for each example.
      reduction: what is differentiated: the sum of the patches or their mean.
    """
    checks.check_option("reduction", reduction, ("sum", "mean"))
    weight = share[:, None, None, None]
    mixed = lax.stop_gradient(weight * real + (1.0 - weight) * fake)

    def total(images: Image) -> Float[Array, ""]:
        patches = critic(images)
        return patches.sum() if reduction == "sum" else score(patches).sum()

    slope = jax.grad(total)(mixed)
    length = jnp.sqrt(jnp.square(slope).sum(axis=(1, 2, 3)) + _SMALLEST)
    return jnp.square(length - 1.0)
