"""The convolutional encoder-decoder of Talking Head Anime 3 and 4: three halvings, six blocks, three doublings.

Paper: THA4 section 3 (the networks of THA3, unchanged); layer by layer from the released code. No skip connections.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxanim.core.types import Array, Float
from jaxanim.nn import conv, norms


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), without a non-linearity after the sum."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        features = x.shape[-1]
        y = conv.conv3x3(features, "conv0", use_bias=False)(x)
        y = nn.relu(norms.instance_norm("norm0")(y))
        y = conv.conv3x3(features, "conv1", use_bias=False)(y)
        return x + norms.instance_norm("norm1")(y)


class EncoderDecoder(nn.Module):
    """Maps images, and optionally a pose, to feature maps of the same size.

    Attributes:
      width: channels of the result; the bottleneck has 8 times as many.
      blocks: how many blocks the bottleneck has, the first of which takes in the pose.
    """

    width: int = 64
    blocks: int = 6

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"], pose: Float[Array, "b p"] | None) -> Float[Array, "b h w d"]:
        x = conv.conv3x3(self.width, "down0_conv", use_bias=False)(image)
        x = nn.relu(norms.instance_norm("down0_norm")(x))
        for level in (1, 2, 3):
            x = conv.halving_conv(self.width * 2**level, f"down{level}_conv")(x)
            x = nn.relu(norms.instance_norm(f"down{level}_norm")(x))
        if pose is not None:
            x = append_pose(x, pose)
        x = conv.conv3x3(self.width * 8, "bottleneck0_conv", use_bias=False)(x)
        x = nn.relu(norms.instance_norm("bottleneck0_norm")(x))
        for block in range(1, self.blocks):
            x = ResidualBlock(name=f"bottleneck{block}")(x)
        for level in (0, 1, 2):
            x = conv.doubling_conv(self.width * 2 ** (2 - level), f"up{level}_conv")(x)
            x = nn.relu(norms.instance_norm(f"up{level}_norm")(x))
        return x


def append_pose(features: Float[Array, "b h w d"], pose: Float[Array, "b p"]) -> Float[Array, "b h w d+p"]:
    """Writes the pose behind the channels of every pixel."""
    b, h, w, _ = features.shape
    planes = jnp.broadcast_to(pose[:, None, None, :], (b, h, w, pose.shape[-1]))
    return jnp.concatenate([features, planes], axis=-1)
