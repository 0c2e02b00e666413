"""What generators and critics are asked for, one number per example.

Wasserstein critics with a gradient penalty (Gulrajani et al. 2017), least squares (Mao et al. 2017, with 1 for real and
0 for fake), and the hinge (Lim and Ye 2017). Realness is a critic's numbers for patches, high for real ones.
"""

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


def least_squares_generator(realness: Float[Array, "b *n"]) -> Float[Array, " b"]:
    """Returns the mean of (1 - realness)^2 of fakes."""
    return score(jnp.square(1.0 - realness))


def least_squares_critic(real: Float[Array, "b *n"], fake: Float[Array, "b *n"]) -> Float[Array, " b"]:
    """Returns the mean of (1 - real)^2 + fake^2."""
    return score(jnp.square(1.0 - real)) + score(jnp.square(fake))


def hinge_generator(realness: Float[Array, "b *n"]) -> Float[Array, " b"]:
    """Returns the mean of -realness of fakes."""
    return -score(realness)


def hinge_critic(real: Float[Array, "b *n"], fake: Float[Array, "b *n"]) -> Float[Array, " b"]:
    """Returns the mean of max(0, 1 - real) + max(0, 1 + fake)."""
    return score(jnp.maximum(0.0, 1.0 - real)) + score(jnp.maximum(0.0, 1.0 + fake))
