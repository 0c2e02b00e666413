"""VGG-19 (Simonyan and Zisserman 2015, table 1, E) as far as perceptual losses look, in torchvision's layout."""

import flax.struct
from flax import linen as nn

from jaxanim.core.types import Array, Float
from jaxanim.nn import conv, norms

# Convolutions of each block at a size, and their channels; of the last block the first is all that is needed.
BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (1, 512))
SMALLEST = 2 ** (len(BLOCKS) - 1)  # side of a picture


@flax.struct.dataclass
class VggFeatures:
    """Features behind the first convolution and rectifier of each block, from the full size to a sixteenth of it.

    Attributes:
      relu1_1, relu2_1, relu3_1, relu4_1, relu5_1: 64, 128, 256, 512 and 512 channels.
    """

    relu1_1: Float[Array, "b h w c"]
    relu2_1: Float[Array, "b _ _ _"]
    relu3_1: Float[Array, "b _ _ _"]
    relu4_1: Float[Array, "b _ _ _"]
    relu5_1: Float[Array, "b _ _ _"]

    @property
    def layers(self) -> tuple[Float[Array, "b _ _ _"], ...]:
        """All five, in order."""
        return (self.relu1_1, self.relu2_1, self.relu3_1, self.relu4_1, self.relu5_1)


class Vgg19(nn.Module):
    """Features of pictures in [0, 1]; they are standardised here. Sizes that 2 does not divide lose their last row."""

    @nn.compact
    def __call__(self, rgb01: Float[Array, "b h w 3"]) -> VggFeatures:
        """Runs the network.

        Raises:
          ValueError: a side is shorter than 16 pixels.
        """
        if min(rgb01.shape[1:3]) < SMALLEST:
            raise ValueError(f"pictures of {SMALLEST} pixels or more are needed, got {rgb01.shape[1:3]}")
        x, firsts = norms.imagenet_standardize(rgb01), []
        for block, (convolutions, channels) in enumerate(BLOCKS, start=1):
            if block > 1:
                x = nn.max_pool(x, (2, 2), strides=(2, 2))
            for index in range(1, convolutions + 1):
                x = nn.relu(conv.conv3x3(channels, f"conv{block}_{index}")(x))
                if index == 1:
                    firsts.append(x)
        return VggFeatures(*firsts)
