"""The refiner's network: a residual encoder, a decoder that finds landmarks, and a head that finds the expression.

Ours, not published. The decoder is the regressor's; the expression is read from all places of the coarsest features.
"""

import flax.struct
from flax import linen as nn

from jaxanim.core.types import Array, Float
from jaxanim.nn import conv, norms
from jaxanim.tracking.refiner.design import POINTS, Design
from jaxanim.tracking.regressor.networks import Decoder, centre_of_heat


@flax.struct.dataclass
class Seen:
    """What the network makes of pictures.

    Attributes:
      points: landmarks as shares of the picture's side, from its upper left corner.
      spread: how far each landmark's heat reaches around it, as a share of the side.
      expression: coefficients, not limited to [0, 1].
    """

    points: Float[Array, "b k 2"]
    spread: Float[Array, "b k"]
    expression: Float[Array, "b e"]


class Block(nn.Module):
    """Two 3x3 convolutions, each with a norm, added to the (projected) input.

    Attributes:
      features: channels of the result.
      stride: 1 or 2.
    """

    features: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b i j d"]:
        y = nn.relu(_norm(self.features, "norm0")(_conv(self.features, 3, self.stride, "conv0")(x)))
        y = _norm(self.features, "norm1")(_conv(self.features, 3, 1, "conv1")(y))
        if x.shape != y.shape:
            x = _conv(self.features, self.stride, self.stride, "shortcut")(x)
        return nn.relu(x + y)


class RefinerNetwork(nn.Module):
    """From pictures in [0, 1] to `Seen`.

    Attributes:
      design: its sizes.
    """

    design: Design

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> Seen:
        design, x = self.design, 2.0 * image - 1.0
        for number, (width, size) in enumerate(((design.widths[0] // 2, 5), (design.widths[0], 3))):
            x = nn.relu(_norm(width, f"stem_norm{number}")(_conv(width, size, 2, f"stem_conv{number}")(x)))
        scales = []
        for number, width in enumerate(design.widths):
            x = Block(width, 2 if number else 1, name=f"scale{number}_block0")(x)
            if number:
                x = Block(width, name=f"scale{number}_block1")(x)
            scales.append(x)
        hidden = nn.relu(nn.Dense(design.hidden, name="hidden")(x.reshape(x.shape[0], -1)))
        expression = nn.Dense(design.expression, kernel_init=conv.ZEROS, name="expression")(hidden)
        points, spread = centre_of_heat(Decoder(design.decoder, POINTS, name="decoder")(tuple(scales)))
        return Seen(points, spread, expression)


def _conv(features: int, size: int, stride: int, name: str) -> nn.Conv:
    kernel = (size, size)
    return nn.Conv(features, kernel, strides=stride, use_bias=False, kernel_init=conv.HE_NORMAL, name=name)


def _norm(channels: int, name: str) -> nn.GroupNorm:
    return norms.group_norm(channels, name, groups=8)
