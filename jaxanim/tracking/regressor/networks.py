"""The regressor's network: PRNet's encoder, two dense layers, and where asked for a decoder that finds landmarks.

Paper: F3A-GAN, supplement (encoder and two fully connected layers). The decoder, and how sure the network is that there
is a face, are ours.
"""

import flax.struct
import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxanim.core.types import Array, Float
from jaxanim.nn import conv, norms, prnet
from jaxanim.tracking.regressor.design import GROUPS, Design

_FINEST = 1  # which of the encoder's scales the decoder ends at: a quarter of the picture's size


@flax.struct.dataclass
class Seen:
    """What the network makes of pictures.

    Attributes:
      scores: parameters in standard deviations from their mean, see `parameters.Statistics`.
      points: landmarks as shares of the picture's side, from its upper left corner; None without a decoder.
      spread: how far each landmark's heat reaches around it, as a share of the side; None without a decoder.
      face: logit of there being a face; None without a decoder.
    """

    scores: Float[Array, "b p"]
    points: Float[Array, "b k 2"] | None = None
    spread: Float[Array, "b k"] | None = None
    face: Float[Array, " b"] | None = None


class RegressorNetwork(nn.Module):
    """From pictures in [0, 1] to `Seen`.

    Attributes:
      design: its sizes.
    """

    design: Design

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> Seen:
        scales = prnet.PrnetEncoder(self.design.width, name="encoder")(image)
        last = scales[-1]
        hidden = nn.relu(nn.Dense(self.design.hidden, name="hidden")(last.reshape(last.shape[0], -1)))
        scores = nn.Dense(self.design.parameters, kernel_init=conv.ZEROS, name="scores")(hidden)
        if not self.design.decoder:
            return Seen(scores)
        heat = Decoder(self.design.decoder, self.design.points, name="decoder")(scales[_FINEST:])
        points, spread = centre_of_heat(heat)
        return Seen(scores, points, spread, nn.Dense(1, name="face")(last.mean(axis=(1, 2)))[:, 0])


class Decoder(nn.Module):
    """From features of several scales, finest first, to a map of heat for each landmark at the finest.

    Attributes:
      width: channels.
      points: landmarks.
    """

    width: int
    points: int

    @nn.compact
    def __call__(self, scales: tuple[Float[Array, "b _ _ _"], ...]) -> Float[Array, "b h w k"]:
        x = conv.conv1x1(self.width, "coarsest")(scales[-1])
        for number, finer in reversed(list(enumerate(scales[:-1]))):
            x = x.repeat(2, axis=1).repeat(2, axis=2) + conv.conv1x1(self.width, f"lateral{number}")(finer)
            x = nn.relu(norms.group_norm(self.width, f"norm{number}", groups=GROUPS)(x))
            x = conv.conv3x3(self.width, f"conv{number}")(x)
        return conv.conv1x1(self.points, "heat")(nn.relu(norms.group_norm(self.width, "norm", groups=GROUPS)(x)))


def centre_of_heat(heat: Float[Array, "b h w k"]) -> tuple[Float[Array, "b k 2"], Float[Array, "b k"]]:
    """Returns the mean place under softmax of each map, in shares of its size, and the standard deviation around it."""
    batch, height, width, points = heat.shape
    share = jax.nn.softmax(heat.reshape(batch, height * width, points), axis=1).reshape(heat.shape)
    x = (jnp.arange(width, dtype=heat.dtype) + 0.5) / width
    y = (jnp.arange(height, dtype=heat.dtype) + 0.5) / height
    across, down = share.sum(axis=1), share.sum(axis=2)  # (b, w, k), (b, h, k)

    def moments(marginal: Float[Array, "b n k"], place: Float[Array, " n"]) -> tuple[Array, Array]:
        mean = jnp.einsum("bnk,n->bk", marginal, place)
        away = jnp.expand_dims(place, (0, 2)) - mean[:, None]
        return mean, (marginal * away * away).sum(axis=1)

    (column, wide), (row, high) = moments(across, x), moments(down, y)
    return jnp.stack([column, row], axis=-1), jnp.sqrt(wide + high + 1e-12)
