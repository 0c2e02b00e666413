"""PIPNet (Jin, Liao and Shao 2021, "Pixel-in-Pixel Net"): from a face to a grid of guesses for each of its 98 points.

Pictures are RGB in [0, 1], heights and widths multiples of 32 (the released weights: 256, a grid of 8x8). ResNet-18
with a grid of 1/32 of the size. Layers from the released code; norms have fixed statistics.
"""

import flax.struct
import jax.numpy as jnp
from flax import linen as nn

from jaxanim.core import checks
from jaxanim.core.types import Array, Float
from jaxanim.nn import conv, norms, resnet

POINTS = 98
NEIGHBOURS = 10
STRIDE = 32  # pixels of the picture per cell


@flax.struct.dataclass
class Guesses:
    """What every cell says of every point; offsets are (x, y) from the cell's corner, in cells.

    Attributes:
      scores: how surely the point is in the cell; the network learns 1 there and 0 elsewhere.
      offsets: where the point is, if it is there.
      neighbours: where the ten points are that lie next to it on a mean face.
    """

    scores: Float[Array, "b h w 98"]
    offsets: Float[Array, "b h w 98 2"]
    neighbours: Float[Array, "b h w 98 10 2"]


class PIPNet(nn.Module):
    """ResNet-18 and five 1x1 convolutions."""

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> Guesses:
        checks.check_trailing_shape("image", image, (None, None, 3))
        if image.shape[-3] % STRIDE or image.shape[-2] % STRIDE:
            raise ValueError(f"height and width must be multiples of {STRIDE}, got {image.shape}")
        network = resnet.ResNet(resnet.RESNET18, block=resnet.BasicBlock, name="backbone")
        x = network(norms.imagenet_standardize(image)).stages[-1]
        offsets = [conv.conv1x1(POINTS, axis)(x) for axis in ("x", "y")]
        neighbours = [conv.conv1x1(POINTS * NEIGHBOURS, f"neighbour_{axis}")(x) for axis in ("x", "y")]
        return Guesses(
            scores=conv.conv1x1(POINTS, "score")(x),
            offsets=jnp.stack(offsets, axis=-1),
            neighbours=jnp.stack(neighbours, axis=-1).reshape(*x.shape[:-1], POINTS, NEIGHBOURS, 2),
        )
