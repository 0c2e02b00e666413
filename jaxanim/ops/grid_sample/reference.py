"""The semantics of the bilinear warp, for one image and one grid, in plain XLA. This file is the specification.

Coordinates. A grid holds (x, y) per output pixel, always float32. In pixel units, (0, 0) is the centre of the first
pixel and (w-1, h-1) the centre of the last. In normalised units the range is [-1, 1]; with `align_corners` its ends
are the centres of the corner pixels, without it they are the outer edges of the image:

    align_corners=True:   x_px = (x + 1) / 2 * (w - 1)
    align_corners=False:  x_px = ((x + 1) * w - 1) / 2

Padding. 'border' clips positions to the image; 'zeros' gives pixels outside the image the value 0, so that the last
half pixel fades out; 'reflect' folds positions back at the ends of the range [-1, 1] (in pixel units, too,
`align_corners` says where these are), then clips.

Not finite. A NaN coordinate gives a NaN pixel and takes part in no gradient. An infinite one lies far outside: the
edge with 'border', 0 with 'zeros', NaN with 'reflect'. Nothing is ever read out of bounds.

Gradients. Weights are piecewise linear; at an integer position the derivative is that of the cell to the right and
below (the floor convention), and with 'border' it is zero on and beyond the outermost pixel centres. PyTorch does the
same. The image's gradient is summed in float32 whatever the image's type. There is no forward mode (`jax.jvp`).
"""

from typing import NamedTuple

import jax.numpy as jnp

from jaxanim.core.types import Array, Bool, Float, Int
from jaxanim.ops.grid_sample.positions import Padding, Units, resolve


class Corner(NamedTuple):
    """One of the four pixels around each position.

    Attributes:
      pixel: its number in the flattened image, or that of one on the edge where it lies outside.
      weight_x: of its column, 0 outside.
      weight_y: of its row, 0 outside.
      inside: whether the pixel exists.
    """

    pixel: Int[Array, "i j"]
    weight_x: Float[Array, "i j"]
    weight_y: Float[Array, "i j"]
    inside: Bool[Array, "i j"]


def sample_image(
    image: Float[Array, "h w c"],
    grid: Float[Array, "i j 2"],
    *,
    padding: Padding,
    align_corners: bool,
    units: Units,
) -> Float[Array, "i j c"]:
    """Samples one image at the positions of one grid (see the module docstring for the exact meaning)."""
    position = resolve(grid, *image.shape[:2], padding=padding, align_corners=align_corners, units=units)
    return read(image, position)


def read(image: Float[Array, "h w c"], position: Float[Array, "i j 2"]) -> Float[Array, "i j c"]:
    """Reads an image that is 0 outside at resolved positions."""
    rows = image.reshape(-1, image.shape[2])

    def part(corner: Corner) -> Float[Array, "i j c"]:
        value = rows.at[corner.pixel].get(mode="promise_in_bounds").astype(jnp.float32)
        return value * (corner.weight_x * corner.weight_y)[..., None]

    top_left, top_right, bottom_left, bottom_right = map(part, corners(position, *image.shape[:2]))
    return (top_left + top_right + bottom_left + bottom_right).astype(image.dtype)


def corners(position: Float[Array, "i j 2"], height: int, width: int) -> tuple[Corner, Corner, Corner, Corner]:
    """Returns the four pixels around each position: top left, top right, bottom left, bottom right."""
    floor = jnp.floor(position)
    x, y = position[..., 0] - floor[..., 0], position[..., 1] - floor[..., 1]
    first = jnp.nan_to_num(floor).astype(jnp.int32)
    column, row = first[..., 0], first[..., 1]

    def one(down: int, right: int) -> Corner:
        inside_x = (column >= -right) & (column < width - right)
        inside_y = (row >= -down) & (row < height - down)
        return Corner(
            pixel=jnp.clip(row + down, 0, height - 1) * width + jnp.clip(column + right, 0, width - 1),
            weight_x=jnp.where(inside_x, x if right else 1.0 - x, 0.0),
            weight_y=jnp.where(inside_y, y if down else 1.0 - y, 0.0),
            inside=inside_x & inside_y,
        )

    return one(0, 0), one(0, 1), one(1, 0), one(1, 1)
