"""Self-attention over the pixels of a feature map, as in the diffusion U-Nets that THA4 adopts."""

import jax.numpy as jnp
from flax import linen as nn

from jaxanim.core.types import Array, Float
from jaxanim.nn import conv, norms


class SelfAttention(nn.Module):
    """x + conv(attention(norm(x))) over all pixels.

    The 1x1 convolution `qkv` makes channels in the order [all queries | all keys | all values], each split into heads;
    queries and keys are each scaled by (channels per head) ** -1/4.

    Attributes:
      heads: number of attention heads; must divide the channels.
    """

    heads: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        b, h, w, c = x.shape
        qkv = conv.conv1x1(3 * c, "qkv")(norms.group_norm(c, "norm")(x))
        query, key, value = jnp.split(qkv.reshape(b, h * w, 3 * self.heads, c // self.heads), 3, axis=2)
        scale = (c // self.heads) ** -0.25
        logits = jnp.einsum("bqnd,bknd->bnqk", query * scale, key * scale)
        mixed = jnp.einsum("bnqk,bknd->bqnd", nn.softmax(logits, axis=-1), value)
        return x + conv.conv1x1(c, "out", kernel_init=conv.ZEROS)(mixed.reshape(b, h, w, c))
