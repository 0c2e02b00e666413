"""ResNet (He et al. 2016, table 1) as a network of features, without a classifier.

The stride of a block is in its (first) 3x3 convolution and padding is explicit, as in torchvision's; with the default
depths and blocks this is its `resnet50`, with `RESNET18` and `BasicBlock` its `resnet18`. Norms have fixed statistics
(`norms.FrozenBatchNorm`): for released weights, not for training.
"""

import flax.struct
from flax import linen as nn

from jaxanim.core.types import Array, Float
from jaxanim.nn import conv, norms

RESNET18 = (2, 2, 2, 2)
RESNET50 = (3, 4, 6, 3)
_EXPANSION = 4


@flax.struct.dataclass
class ResNetFeatures:
    """What a ResNet makes of a picture, from the first layer to the last.

    Attributes:
      stem: first convolution, half the size, before its norm.
      pooled: after the pooling, a quarter of the size.
      stages: of 1/4, 1/8, 1/16 and 1/32 of the size; 256, 512, 1024 and 2048 channels by default,
        a quarter of that with basic blocks.
      features: mean of the last stage over its pixels.
    """

    stem: Float[Array, "b h w c"]
    pooled: Float[Array, "b h w c"]
    stages: tuple[Float[Array, "b _ _ _"], ...]
    features: Float[Array, "b d"]


class Bottleneck(nn.Module):
    """relu(x + norm(conv1x1(relu(norm(conv3x3(relu(norm(conv1x1(x)))))))) with a projected x where shapes differ.

    Attributes:
      width: channels of the 3x3 convolution; the result has four times as many.
      stride: of the 3x3 convolution.
    """

    width: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b _ _ d"]:
        y = nn.relu(norms.FrozenBatchNorm(name="norm0")(_conv(self.width, 1, 1, "conv0")(x)))
        y = nn.relu(norms.FrozenBatchNorm(name="norm1")(_conv(self.width, 3, self.stride, "conv1")(y)))
        y = norms.FrozenBatchNorm(name="norm2")(_conv(self.width * _EXPANSION, 1, 1, "conv2")(y))
        if x.shape != y.shape:
            x = _conv(self.width * _EXPANSION, 1, self.stride, "shortcut_conv")(x)
            x = norms.FrozenBatchNorm(name="shortcut_norm")(x)
        return nn.relu(x + y)


class BasicBlock(nn.Module):
    """relu(x + norm(conv3x3(relu(norm(conv3x3(x)))))) with a projected x where shapes differ.

    Attributes:
      width: channels of both convolutions.
      stride: of the first convolution.
    """

    width: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b _ _ d"]:
        y = nn.relu(norms.FrozenBatchNorm(name="norm0")(_conv(self.width, 3, self.stride, "conv0")(x)))
        y = norms.FrozenBatchNorm(name="norm1")(_conv(self.width, 3, 1, "conv1")(y))
        if x.shape != y.shape:
            x = _conv(self.width, 1, self.stride, "shortcut_conv")(x)
            x = norms.FrozenBatchNorm(name="shortcut_norm")(x)
        return nn.relu(x + y)


class ResNet(nn.Module):
    """A ResNet up to the mean over pixels.

    Attributes:
      depths: blocks of each stage.
      width: channels of the first convolution and of the first stage's 3x3 convolutions; doubles with each stage.
      block: what the stages are made of.
    """

    depths: tuple[int, ...] = RESNET50
    width: int = 64
    block: type[Bottleneck | BasicBlock] = Bottleneck

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> ResNetFeatures:
        stem = _conv(self.width, 7, 2, "stem_conv")(image)
        x = nn.relu(norms.FrozenBatchNorm(name="stem_norm")(stem))
        pooled = x = nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        stages = []
        for stage, depth in enumerate(self.depths):
            for block in range(depth):
                stride = 2 if stage > 0 and block == 0 else 1
                x = self.block(self.width * 2**stage, stride, name=f"stage{stage}_block{block}")(x)
            stages.append(x)
        return ResNetFeatures(stem, pooled, tuple(stages), x.mean(axis=(1, 2)))


def _conv(features: int, size: int, stride: int, name: str) -> nn.Conv:
    padding = size // 2
    return nn.Conv(
        features,
        (size, size),
        strides=stride,
        padding=padding,
        use_bias=False,
        kernel_init=conv.HE_NORMAL,
        name=name,
    )
