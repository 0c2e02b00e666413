"""Chooses between the two sets of TPU kernels by the number of channels."""

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample.pallas_tpu import calls, lanes, products

# Products with hat weights have the channels in the 128 lanes, and cost the same for 1 channel as for 128, in time and
# in memory; lane gathers cost in proportion to the channels. In instruction bundles of a v5e for 1024 positions of a
# flow with four steps (docs/warp.md): 626 for 4 channels, 1555 for 16, 5451 for 64; products 12324 up to 128.
# Beyond 16, the unrolled loop over channels takes more than a minute to compile.
MAX_LANE_CHANNELS = 16


def read(
    image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"], interpret: calls.Interpret = False
) -> Float[Array, "n i j c"]:
    """Reads images that are 0 outside at resolved positions: by lane gathers up to 16 channels, else by products.

    Raises:
      NotImplementedError: the image has a side of more than 16384 or more than 1024 channels.
    """
    kernel = lanes.read_lanes if image.shape[3] <= MAX_LANE_CHANNELS else products.read_products
    return kernel(image, position, interpret)
