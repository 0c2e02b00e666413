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

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxanim.core.types import Array, Bool, Float, Int
from jaxanim.ops.grid_sample.positions import Padding, Units, resolve


class Neighbour(NamedTuple):
    """The pixel before or after each position along one axis: its number (clipped), its weight, whether it exists."""

    number: Int[Array, "i j"]
    weight: Float[Array, "i j"]
    exists: Bool[Array, "*ij"]


class Corner(NamedTuple):
    """One of the four pixels around each position.

    Attributes:
      pixel: its number in the flattened image, or that of one on the edge where it lies outside.
      weight_x: of its column, 0 outside.
      weight_y: of its row, 0 outside.
      exists: whether it lies in the image.
    """

    pixel: Int[Array, "i j"]
    weight_x: Float[Array, "i j"]
    weight_y: Float[Array, "i j"]
    exists: Bool[Array, "*ij"]


def sample_image(
    image: Float[Array, "h w c"],
    grid: Float[Array, "i j 2"],
    *,
    padding: Padding,
    align_corners: bool,
    units: Units,
) -> Float[Array, "i j c"]:
    """Samples one image at the positions of one grid (see the module docstring for the exact meaning)."""
    x, y, inside = resolve(grid, *image.shape[:2], padding=padding, align_corners=align_corners, units=units)
    return read(image, x, y, inside)


def read(
    image: Float[Array, "h w c"], x: Float[Array, "i j"], y: Float[Array, "i j"], inside: bool
) -> Float[Array, "i j c"]:
    """Reads an image that is 0 outside at resolved positions."""
    height, width, channels = image.shape
    rows = image.reshape(-1, channels)

    def part(corner: Corner) -> Float[Array, "i j c"]:
        value = rows.at[corner.pixel].get(mode="promise_in_bounds").astype(jnp.float32)
        return value * (corner.weight_x * corner.weight_y)[..., None]

    top_left, top_right, bottom_left, bottom_right = map(part, corners(x, y, height, width, inside))
    return (top_left + top_right + bottom_left + bottom_right).astype(image.dtype)


def known_corners(
    image: Float[Array, "h w c"],
    x: Float[Array, "i j"],
    y: Float[Array, "i j"],
    cotangent: Float[Array, "i j c"],
    inside: bool,
) -> tuple[tuple[Corner, Corner, Corner, Corner], Float[Array, "i j c"]]:
    """Returns the corners as the gradients see them, and the cotangent in float32, 0 where a position is NaN."""
    known = ~(jnp.isnan(x) | jnp.isnan(y))
    cotangent = jnp.where(known[..., None], cotangent.astype(jnp.float32), 0.0)
    height, width = image.shape[:2]
    return corners(jnp.where(known, x, 0.0), jnp.where(known, y, 0.0), height, width, inside), cotangent


def slopes(
    image: Float[Array, "h w c"], four: tuple[Corner, Corner, Corner, Corner], dot: Callable[[Array], Array]
) -> tuple[Float[Array, "i j"], Float[Array, "i j"]]:
    """Returns the gradients of x and y; `dot` sums what pixels (i, j, c) and the cotangent have in common."""
    rows = image.reshape(-1, image.shape[2])

    def value(corner: Corner) -> Float[Array, "i j"]:
        values = rows.at[corner.pixel].get(mode="promise_in_bounds").astype(jnp.float32)
        return jnp.where(corner.exists, dot(values), 0.0)

    top_left, top_right, bottom_left, _ = four
    a, b, c, d = map(value, four)
    along_x = top_left.weight_y * (b - a) + bottom_left.weight_y * (d - c)
    along_y = top_left.weight_x * (c - a) + top_right.weight_x * (d - b)
    return along_x, along_y


def corners(
    x: Float[Array, "i j"], y: Float[Array, "i j"], height: int, width: int, inside: bool
) -> tuple[Corner, Corner, Corner, Corner]:
    """Returns the four pixels around each position: top left, top right, bottom left, bottom right."""
    left, right = _neighbours(x, width, inside)
    top, bottom = _neighbours(y, height, inside)

    def corner(row: Neighbour, column: Neighbour) -> Corner:
        return Corner(row.number * width + column.number, column.weight, row.weight, row.exists & column.exists)

    return corner(top, left), corner(top, right), corner(bottom, left), corner(bottom, right)


def _neighbours(position: Float[Array, "i j"], size: int, inside: bool) -> tuple[Neighbour, Neighbour]:
    """Returns the pixels before and after each position along one axis."""
    floor = jnp.floor(position)
    fraction = position - floor
    index = floor.astype(jnp.int32)
    # Clipped as integers: what NaN becomes is left to the device.
    before, after = jnp.clip(index, 0, size - 1), jnp.clip(index + 1, 0, size - 1)
    if inside:
        everywhere = jnp.ones((), bool)
        # At the last pixel the one after it does not exist; its weight is 0, and the padding has cut the slope.
        return Neighbour(before, 1.0 - fraction, everywhere), Neighbour(after, fraction, everywhere)
    # Asked the other way round, a NaN would have no weight.
    missing_before, missing_after = (floor < 0.0) | (floor >= size), (floor < -1.0) | (floor >= size - 1.0)
    return (
        Neighbour(before, jnp.where(missing_before, 0.0, 1.0 - fraction), ~missing_before),
        Neighbour(after, jnp.where(missing_after, 0.0, fraction), ~missing_after),
    )
