"""Normalisation layers with the constants of PyTorch (epsilon 1e-5, biased variance)."""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxanim.core.types import Array, Float

EPSILON = 1e-5  # Flax's default, 1e-6, is 25 times the rounding noise away from the released networks
_IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of red, green and blue in [0, 1]
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def instance_norm(name: str) -> nn.GroupNorm:
    """Normalises each channel of each example over its pixels, then scales and shifts it."""
    # Two-pass variance: E[x^2] - E[x]^2 loses digits that the released networks keep.
    return nn.GroupNorm(num_groups=None, group_size=1, epsilon=EPSILON, use_fast_variance=False, name=name)


def group_norm(channels: int, name: str, *, groups: int = 32) -> nn.GroupNorm:
    """Normalises groups of channels of each example; `groups` is lowered to the number of channels where needed."""
    return nn.GroupNorm(num_groups=min(groups, channels), epsilon=EPSILON, use_fast_variance=False, name=name)


class FrozenBatchNorm(nn.Module):
    """Batch norm with fixed statistics: shifts and scales each channel by means and variances that are parameters.

    What `BatchNorm2d` does outside of training. `mean` and `var` are not to be trained.
    """

    @nn.compact
    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b c"]:
        shape = (x.shape[-1],)
        scale = self.param("scale", nn.initializers.ones_init(), shape)
        bias = self.param("bias", nn.initializers.zeros_init(), shape)
        mean = self.param("mean", nn.initializers.zeros_init(), shape)
        variance = self.param("var", nn.initializers.ones_init(), shape)
        factor = scale * lax.rsqrt(variance + EPSILON)
        axes = tuple(range(x.ndim - 1))
        return x * jnp.expand_dims(factor, axes) + jnp.expand_dims(bias - mean * factor, axes)


def imagenet_standardize(rgb01: Float[Array, "*b 3"]) -> Float[Array, "*b 3"]:
    """Subtracts ImageNet's mean colour and divides by its deviation, as torchvision's classifiers want pictures."""
    axes = tuple(range(rgb01.ndim - 1))
    mean, deviation = (jnp.asarray(colour, rgb01.dtype) for colour in (_IMAGENET_MEAN, _IMAGENET_DEVIATION))
    return (rgb01 - jnp.expand_dims(mean, axes)) / jnp.expand_dims(deviation, axes)
