"""H3R (Yu and Tao 2020, "Heatmap Regression via Randomized Rounding"): from a face to heatmaps of its 98 points.

Pictures are RGB in [0, 1], heights and widths multiples of 32 (the released weights: 256). Heatmaps have a quarter of
the size. HRNet-W18 is that of Sun et al. 2019, MobileNetV2 that of Sandler et al. 2018 without its last layers. Layers
from the released code; norms have fixed statistics.
"""

from typing import Literal

import flax.struct
import jax.numpy as jnp
from flax import linen as nn

from jaxanim.core import checks
from jaxanim.core.types import Array, Float
from jaxanim.nn import conv, norms, resnet
from jaxanim.ops import pyramid

Backbone = Literal["mobilenetv2", "hrnet18"]
BACKBONES: tuple[Backbone, ...] = ("mobilenetv2", "hrnet18")
POINTS = 98
STRIDE = 4  # pixels of the picture per pixel of a heatmap
SIZE_FACTOR = 32

STEM_CHANNELS = 32
INVERTED_RESIDUALS = (  # expansion, channels, stride of each block of MobileNetV2
    (1, 16, 1),
    *((6, 24, 2), (6, 24, 1)),
    *((6, 32, 2), (6, 32, 1), (6, 32, 1)),
    *((6, 64, 2), (6, 64, 1), (6, 64, 1), (6, 64, 1)),
    *((6, 96, 1), (6, 96, 1), (6, 96, 1)),
)
_TAPS = (2, 5, 12)  # blocks whose results are used: 1/4, 1/8 and 1/16 of the size

HRNET_WIDTHS = (18, 36, 72, 144)  # of its branches, at 1/4, 1/8, 1/16 and 1/32 of the size
HRNET_MODULES = (1, 4, 3)  # of the stages with two, three and four branches
HRNET_DEPTH = 4  # blocks of the first stage, and of a branch in each module
HRNET_FIRST_WIDTH = 64


@flax.struct.dataclass
class Heatmaps:
    """Logits for every point and cell: the chance that the point is there is sigmoid(present - absent).

    Attributes:
      absent: that the point is elsewhere.
      present: that it is in this cell; alone they give positions.
    """

    absent: Float[Array, "b h w 98"]
    present: Float[Array, "b h w 98"]


class InvertedResidual(nn.Module):
    """1x1 to more channels, 3x3 in each channel, 1x1 without activation; added to x where shapes are equal.

    Attributes:
      expansion: how many times more channels; 1 leaves the first convolution out.
      features: channels of the result.
      stride: of the 3x3 convolution.
    """

    expansion: int
    features: int
    stride: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b _ _ d"]:
        y, channels = x, x.shape[-1] * self.expansion
        if self.expansion != 1:
            y = nn.relu6(_conv_norm(y, channels, 1, "expand"))
        y = nn.relu6(_conv_norm(y, channels, 3, "depthwise", stride=self.stride, groups=channels))
        y = _conv_norm(y, self.features, 1, "project")
        return x + y if x.shape == y.shape else y


class MobileNetV2(nn.Module):
    """Results of three blocks, enlarged to the first one's size and joined: 152 channels."""

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> Float[Array, "b _ _ d"]:
        x = nn.relu6(_conv_norm(image, STEM_CHANNELS, 3, "stem", stride=2))
        taps = []
        for index, (expansion, features, stride) in enumerate(INVERTED_RESIDUALS):
            x = InvertedResidual(expansion, features, stride, name=f"block{index}")(x)
            if index in _TAPS:
                taps.append(x)
        return _join(taps)


class HRModule(nn.Module):
    """Blocks on each branch by itself; then every branch becomes the sum of all, at its own size.

    As in the released code smaller maps are enlarged by repeating their pixels here, and bilinearly in the end.

    Attributes:
      widths: channels of the branches, each half the size of the one before.
    """

    widths: tuple[int, ...]

    @nn.compact
    def __call__(self, branches: tuple[Float[Array, "b _ _ _"], ...]) -> tuple[Float[Array, "b _ _ _"], ...]:
        after = []
        for index, (branch, width) in enumerate(zip(branches, self.widths, strict=True)):
            x = branch
            for block in range(HRNET_DEPTH):
                x = resnet.BasicBlock(width, name=f"branch{index}_block{block}")(x)
            after.append(x)
        return tuple(self._fuse(after, target) for target in range(len(after)))

    def _fuse(self, branches: list[Float[Array, "b _ _ _"]], target: int) -> Float[Array, "b _ _ _"]:
        same = branches[target]
        for source, branch in enumerate(branches):
            x, name = branch, f"fuse{source}to{target}"
            if source > target:
                x = _repeat(_conv_norm(x, self.widths[target], 1, name), 2 ** (source - target))
            for step in range(target - source):
                last = source + step == target - 1
                x = _conv_norm(x, self.widths[target if last else source], 3, f"{name}_step{step}", stride=2)
                x = x if last else nn.relu(x)
            same = same if source == target else same + x
        return nn.relu(same)


class HRNet(nn.Module):
    """HRNet-W18: branches of four sizes that exchange what they see; enlarged and joined, 270 channels."""

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> Float[Array, "b _ _ d"]:
        x = nn.relu(_conv_norm(image, HRNET_FIRST_WIDTH, 3, "stem0", stride=2))
        x = nn.relu(_conv_norm(x, HRNET_FIRST_WIDTH, 3, "stem1", stride=2))
        for block in range(HRNET_DEPTH):
            x = resnet.Bottleneck(HRNET_FIRST_WIDTH, name=f"first_block{block}")(x)
        first = nn.relu(_conv_norm(x, HRNET_WIDTHS[0], 3, "enter0"))
        branches: tuple[Array, ...] = (first, nn.relu(_conv_norm(x, HRNET_WIDTHS[1], 3, "enter1", stride=2)))
        for stage, modules in enumerate(HRNET_MODULES):
            if stage > 0:
                smaller = _conv_norm(branches[-1], HRNET_WIDTHS[stage + 1], 3, f"enter{stage + 1}", stride=2)
                branches = (*branches, nn.relu(smaller))
            for module in range(modules):
                name = f"stage{stage}_module{module}"
                branches = HRModule(HRNET_WIDTHS[: len(branches)], name=name)(branches)
        return _join(list(branches))


class H3R(nn.Module):
    """A backbone, and two 1x1 convolutions to a pair of heatmaps for each point.

    Attributes:
      backbone: which.
    """

    backbone: Backbone

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> Heatmaps:
        checks.check_option("backbone", self.backbone, BACKBONES)
        checks.check_trailing_shape("image", image, (None, None, 3))
        if image.shape[-3] % SIZE_FACTOR or image.shape[-2] % SIZE_FACTOR:
            raise ValueError(f"height and width must be multiples of {SIZE_FACTOR}, got {image.shape}")
        network = MobileNetV2 if self.backbone == "mobilenetv2" else HRNet
        x = network(name="backbone")(norms.imagenet_standardize(image))
        x = nn.relu(_conv_norm(x, x.shape[-1], 1, "head"))
        logits = nn.Conv(2 * POINTS, (1, 1), use_bias=False, kernel_init=conv.HE_NORMAL, name="logits")(x)
        absent, present = jnp.split(logits, 2, axis=-1)
        return Heatmaps(absent, present)


def _conv_norm(x: Array, features: int, size: int, name: str, *, stride: int = 1, groups: int = 1) -> Array:
    convolution = nn.Conv(
        features,
        (size, size),
        strides=stride,
        padding=size // 2,
        feature_group_count=groups,
        use_bias=False,
        kernel_init=conv.HE_NORMAL,
        name=f"{name}_conv",
    )
    return norms.FrozenBatchNorm(name=f"{name}_norm")(convolution(x))


def _repeat(x: Float[Array, "b h w c"], factor: int) -> Float[Array, "b _ _ c"]:
    return x.repeat(factor, axis=1).repeat(factor, axis=2)


def _join(maps: list[Float[Array, "b _ _ _"]]) -> Float[Array, "b _ _ d"]:
    """Enlarges maps, each half the size of the one before, to the first one's size and joins their channels."""
    enlarged = [pyramid.upsample_bilinear(x, (2**level, 2**level)) for level, x in enumerate(maps)]
    return jnp.concatenate(enlarged, axis=-1)
