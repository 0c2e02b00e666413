"""PRNet's encoder (Feng et al. 2018, released code): from a picture to features of a thirty-second of its size.

Group norm takes the place of batch norm, so that a face's features do not depend on whom it was trained beside.
"""

from flax import linen as nn

from jaxanim.core.types import Array, Float
from jaxanim.nn import conv, norms

HALVINGS = 5


class PrnetBlock(nn.Module):
    """A residual block: 1x1, 4x4 with stride, 1x1, added to the (projected) input, then norm and ReLU.

    Attributes:
      features: channels of the result; half as many inside.
      stride: 1 or 2.
    """

    features: int
    stride: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b i j d"]:
        inner = self.features // 2
        y = nn.relu(_norm(inner, "norm0")(_conv(inner, 1, 1, "conv0")(x)))
        y = nn.relu(_norm(inner, "norm1")(_conv(inner, 4, self.stride, "conv1")(y)))
        y = _conv(self.features, 1, 1, "conv2")(y)
        if x.shape != y.shape:
            x = _conv(self.features, 1, self.stride, "shortcut_conv")(x)
        return nn.relu(_norm(self.features, "norm2")(x + y))


class PrnetEncoder(nn.Module):
    """A 4x4 convolution and ten blocks, the last with 32 times as many channels as the first layer.

    Attributes:
      width: channels of the first layer; 16 as released.
    """

    width: int = 16

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> tuple[Float[Array, "b _ _ _"], ...]:
        """Returns the features of 1/2, 1/4 ... 1/32 of the picture's size."""
        x = nn.relu(_norm(self.width, "stem_norm")(_conv(self.width, 4, 1, "stem_conv")(image)))
        scales = []
        for halving in range(HALVINGS):
            features = self.width * 2 ** (halving + 1)
            x = PrnetBlock(features, 2, name=f"halving{halving}_block0")(x)
            x = PrnetBlock(features, 1, name=f"halving{halving}_block1")(x)
            scales.append(x)
        return tuple(scales)


def _conv(features: int, size: int, stride: int, name: str) -> nn.Conv:
    return nn.Conv(
        features,
        (size, size),
        strides=stride,
        padding="SAME",
        use_bias=False,
        kernel_init=conv.HE_NORMAL,
        name=name,
    )


def _norm(channels: int, name: str) -> nn.GroupNorm:
    return norms.group_norm(channels, name, groups=8)
