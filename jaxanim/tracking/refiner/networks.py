"""The refiner's network: a residual encoder, a decoder that finds landmarks, and a head that finds the expression.

Ours, not published. The decoder is the regressor's. The expression is read from where the landmarks are, from fine
features at each of them, and from all places of the coarsest features: the last alone found how open mouth and eyes
are, and little else.
"""

import flax.struct
import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxanim.core.types import Array, Float
from jaxanim.nn import conv, norms
from jaxanim.ops.grid_sample import grid_sample
from jaxanim.tracking.refiner.design import POINTS, Design
from jaxanim.tracking.regressor.design import GROUPS
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


class Reader(nn.Module):
    """Finds the expression from landmarks, which it takes as they are, and from features.

    Attributes:
      local: features of each landmark.
      hidden: features of each of the layers before the last.
      expression: coefficients.
    """

    local: int
    hidden: int
    expression: int

    @nn.compact
    def __call__(
        self,
        points: Float[Array, "b k 2"],
        fine: tuple[Float[Array, "b _ _ _"], ...],
        coarse: Float[Array, "b i j d"],
    ) -> Float[Array, "b e"]:
        points = jax.lax.stop_gradient(points)
        at = jnp.concatenate([_look_up(each, points) for each in fine], axis=-1)
        local = nn.relu(nn.Dense(self.local, name="local")(at))
        whole = nn.relu(nn.Dense(self.hidden, name="whole")(_flat(coarse)))
        x = jnp.concatenate([_flat(_centred(points)), _flat(local), whole], axis=-1)
        x = nn.LayerNorm(name="norm")(x)
        for number in range(2):
            x = nn.relu(nn.Dense(self.hidden, name=f"hidden{number}")(x))
        return nn.Dense(self.expression, kernel_init=conv.ZEROS, name="expression")(x)


class RefinerNetwork(nn.Module):
    """From pictures in [0, 1] to `Seen`.

    Attributes:
      design: its sizes.
    """

    design: Design

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> Seen:
        design, x = self.design, 2.0 * image - 1.0
        width = design.widths[0]
        half = nn.relu(_norm(width // 2, "stem_norm0")(_conv(width // 2, 5, 2, "stem_conv0")(x)))
        x = nn.relu(_norm(width, "stem_norm1")(_conv(width, 3, 2, "stem_conv1")(half)))
        scales = []
        for number, width in enumerate(design.widths):
            x = Block(width, 2 if number else 1, name=f"scale{number}_block0")(x)
            if number:
                x = Block(width, name=f"scale{number}_block1")(x)
            scales.append(x)
        points, spread = centre_of_heat(Decoder(design.decoder, POINTS, name="decoder")(tuple(scales)))
        reader = Reader(design.local, design.hidden, design.expression, name="reader")
        return Seen(points, spread, reader(points, (half, *scales[:2]), scales[-1]))


def _conv(features: int, size: int, stride: int, name: str) -> nn.Conv:
    kernel = (size, size)
    return nn.Conv(features, kernel, strides=stride, use_bias=False, kernel_init=conv.HE_NORMAL, name=name)


def _norm(channels: int, name: str) -> nn.GroupNorm:
    return norms.group_norm(channels, name, groups=GROUPS)


def _flat(x: Float[Array, "b *n"]) -> Float[Array, "b m"]:
    return x.reshape(x.shape[0], -1)


def _look_up(features: Float[Array, "b h w c"], points: Float[Array, "b k 2"]) -> Float[Array, "b k c"]:
    """Returns the features at points, which are shares of the picture's side."""
    grid = (2 * points.astype(jnp.float32) - 1)[:, :, None]
    return grid_sample(features, grid, padding="border", align_corners=False, units="normalised")[:, :, 0]


def _centred(points: Float[Array, "b k 2"]) -> Float[Array, "b k 2"]:
    """Returns points around their mean, their mean distance along an axis about 1."""
    away = points - points.mean(axis=1, keepdims=True)
    return away / (jnp.sqrt(jnp.square(away).mean(axis=(1, 2), keepdims=True)) + 1e-6)
