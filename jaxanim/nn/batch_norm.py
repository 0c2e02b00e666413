"""Batch norm that is trained: normalised by the batch in training, by running statistics otherwise.

Constants are PyTorch's: epsilon 1e-5, running averages that take a tenth of each batch, with the unbiased variance. The
mean is over the whole batch of all devices. `norms.FrozenBatchNorm` is for networks that are never trained.
"""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxanim.core.types import Array, Float
from jaxanim.nn.norms import EPSILON

MOMENTUM = 0.1  # share of a batch in the running statistics


class BatchNorm(nn.Module):
    """Normalises each channel over batch and pixels.

    Attributes:
      affine: whether learnt numbers scale and shift the result.
    """

    affine: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], *, train: bool) -> Float[Array, "b h w c"]:
        channels = x.shape[-1]
        running_mean = self.variable("stats", "mean", lambda: jnp.zeros(channels, jnp.float32))
        running_variance = self.variable("stats", "var", lambda: jnp.ones(channels, jnp.float32))
        mean, variance = running_mean.value.astype(jnp.float32), running_variance.value.astype(jnp.float32)
        if train:
            wide = x.astype(jnp.float32)
            mean = wide.mean(axis=(0, 1, 2))
            variance = jnp.square(wide - mean[None, None, None, :]).mean(axis=(0, 1, 2))
            count = x.shape[0] * x.shape[1] * x.shape[2]
            unbiased = variance * (count / max(count - 1, 1))
            kept = lax.stop_gradient((mean, unbiased))
            running_mean.value = (1.0 - MOMENTUM) * running_mean.value.astype(jnp.float32) + MOMENTUM * kept[0]
            running_variance.value = (1.0 - MOMENTUM) * running_variance.value.astype(jnp.float32) + MOMENTUM * kept[1]
        factor, bias = lax.rsqrt(variance + EPSILON), jnp.zeros(channels, jnp.float32)
        if self.affine:
            factor = factor * self.param("scale", nn.initializers.ones_init(), (channels,)).astype(jnp.float32)
            bias = self.param("bias", nn.initializers.zeros_init(), (channels,)).astype(jnp.float32)
        # The mean goes first: of two large products little would be left.
        centred = x.astype(jnp.float32) - mean[None, None, None, :]
        return (centred * factor[None, None, None, :] + bias[None, None, None, :]).astype(x.dtype)
