"""The three TPU kernels for few channels: pixels and gradient of the positions by lane gathers, gradient of the image.

Arrays are float32 and planar here: one channel is a matrix. A tile is 8x128 output pixels, one vector register, and
the chip can permute the 128 lanes of a register, differently in each of its 8 rows. In step k, the pixels of row s of
the tile look at row k + s of the image: in a smooth flow neighbours look at neighbours, and three or four steps do
where going through the image row by row would take ten. What is gathered is exact; nothing is multiplied by zero to
get rid of it, so that an infinite pixel spoils no pixel that does not need it.

The gradient of the image is a product with hat weights as in `kernels`, its 16x16 tiles written as channels x 256.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample.pallas_tpu import kernels

ROWS, LANES = 8, 128  # of a tile
STEPS = 24  # of a window
WINDOW_ROWS = STEPS + ROWS
WINDOW_BLOCKS = 2  # of 128 columns: a smooth flow rarely begins at the first column of a block
MARGIN = ROWS  # rows of zeros above the image: the first step that finds a pixel may look above it


class _Place(NamedTuple):
    """Where the pixels of a tile look in a window.

    Attributes:
      step: in which the upper two corners are met; the lower two follow in the next one.
      column: of the left two corners.
      down, right: the distance from the upper left corner.
      known: whether the position is not NaN.
    """

    step: Array
    column: Array
    down: Array
    right: Array
    known: Array


def pixels(tile_ref: Any, origin_ref: Any, state_ref: Any, position_ref: Any, image_ref: Any, out_ref: Any) -> None:
    """Adds one window's part to its tile."""
    entry = pl.program_id(0)
    state = state_ref[entry]
    place = _place(position_ref, origin_ref[entry])

    def add(step: Array, totals: tuple[Array, ...]) -> tuple[Array, ...]:
        upper, lower = place.step == step, place.step == step - 1
        sums = []
        for channel, total in enumerate(totals):
            left, right = _read_row(image_ref, channel, step, place.column)
            across = left * (1.0 - place.right) + right * place.right
            sums.append(total + _choose(upper, across * (1.0 - place.down), lower, across * place.down))
        return tuple(sums)

    nothing = tuple(jnp.zeros((ROWS, LANES), jnp.float32) for _ in range(image_ref.shape[1]))
    sums = lax.fori_loop(*_steps(state), add, nothing)
    part = jnp.where(place.known, jnp.stack(sums), jnp.nan)
    kernels.accumulate(out_ref, part[None], (state & 1) == 1)


def position_gradient(
    tile_ref: Any,
    origin_ref: Any,
    state_ref: Any,
    position_ref: Any,
    image_ref: Any,
    cotangent_ref: Any,
    gradient_ref: Any,
) -> None:
    """Adds one window's part to the gradient of its tile's positions."""
    entry = pl.program_id(0)
    state = state_ref[entry]
    place = _place(position_ref, origin_ref[entry])

    def add(step: Array, totals: tuple[Array, Array]) -> tuple[Array, Array]:
        upper, lower = place.step == step, place.step == step - 1
        left, right = jnp.zeros((ROWS, LANES), jnp.float32), jnp.zeros((ROWS, LANES), jnp.float32)
        for channel in range(image_ref.shape[1]):
            cotangent = cotangent_ref[0, channel]
            corners = _read_row(image_ref, channel, step, place.column)
            left, right = left + corners[0] * cotangent, right + corners[1] * cotangent
        slope = right - left
        across = left * (1.0 - place.right) + right * place.right
        along_x = _choose(upper, slope * (1.0 - place.down), lower, slope * place.down)
        along_y = _choose(upper, -across, lower, across)
        return totals[0] + along_x, totals[1] + along_y

    nothing = jnp.zeros((ROWS, LANES), jnp.float32)
    sums = lax.fori_loop(*_steps(state), add, (nothing, nothing))
    part = jnp.where(place.known, jnp.stack(sums), 0.0)  # a cotangent there may be NaN, too
    kernels.accumulate(gradient_ref, part[None], (state & 1) == 1)


def image_gradient(
    tile_ref: Any, image_tile_ref: Any, corner_ref: Any, position_ref: Any, cotangent_ref: Any, gradient_ref: Any
) -> None:
    """Adds one 16x16 output tile's part to the gradient of one 16x16 image tile."""
    part = _image_tile_part(corner_ref, position_ref, cotangent_ref)
    kernels.accumulate(gradient_ref, part, kernels.begins_image_tile(image_tile_ref, pl.program_id(0)))


def add_image_gradient(
    tile_ref: Any,
    image_tile_ref: Any,
    corner_ref: Any,
    position_ref: Any,
    cotangent_ref: Any,
    before_ref: Any,
    gradient_ref: Any,
) -> None:
    """The same, added to what other lists have found for the image tile."""
    part = _image_tile_part(corner_ref, position_ref, cotangent_ref)
    is_first = kernels.begins_image_tile(image_tile_ref, pl.program_id(0))
    kernels.accumulate(gradient_ref, part + jnp.where(is_first, before_ref[...], 0.0), is_first)


def _image_tile_part(corner_ref: Any, position_ref: Any, cotangent_ref: Any) -> Float[Array, "1 c 256"]:
    weights = kernels.image_tile_weights(position_ref, corner_ref[pl.program_id(0)])
    known = kernels.is_known(position_ref[0, 0:1], position_ref[0, 1:2])
    return kernels.product(jnp.where(known, cotangent_ref[0], 0.0), weights, (1, 1))[None]


def _steps(state: Array) -> tuple[Array, Array]:
    """Returns the first step of a window that finds something, and the first after it that does not."""
    return state >> 16, (state >> 1) & 0x7FFF


def _place(position_ref: Any, origin: Array) -> _Place:
    x, y = position_ref[0, 0], position_ref[0, 1]
    known = kernels.is_known(x, y)
    x, y = jnp.where(known, x, -2.0), jnp.where(known, y, -2.0)
    left, top = jnp.floor(x), jnp.floor(y)
    # All of it in whole numbers, so that a position just below one does not move to the next cell by rounding.
    row = lax.broadcasted_iota(jnp.int32, (ROWS, LANES), 0)
    step = top.astype(jnp.int32) + MARGIN - row - (origin >> 16)
    column = left.astype(jnp.int32) - (origin & 0xFFFF) * LANES
    return _Place(step, column, y - top, x - left, known)


def _read_row(image_ref: Any, channel: int, step: Array, column: Array) -> tuple[Array, Array]:
    """Returns the pixels at a column and at the next one, in row step + s for row s; 0 outside the window."""
    first = step // ROWS * ROWS
    shift = step - first
    row = lax.broadcasted_iota(jnp.int32, (ROWS, LANES), 0)
    blocks = []
    for block in range(WINDOW_BLOCKS):
        lanes = slice(block * LANES, (block + 1) * LANES)
        above = image_ref[0, channel, pl.ds(pl.multiple_of(first, ROWS), ROWS), lanes]
        below = image_ref[0, channel, pl.ds(pl.multiple_of(first + ROWS, ROWS), ROWS), lanes]
        # Registers are loaded from every eighth row only; row `shift` of the two is turned up to be the first.
        blocks.append(pltpu.roll(jnp.where(row >= shift, above, below), (ROWS - shift) % ROWS, 0))
    return _gather(blocks, column), _gather(blocks, column + 1)


def _gather(blocks: list[Array], column: Array) -> Array:
    lane = column & (LANES - 1)
    values = jnp.zeros((ROWS, LANES), jnp.float32)
    for number, block in enumerate(blocks):
        found = jnp.take_along_axis(block, lane, axis=1, mode="promise_in_bounds")
        values = jnp.where(column >> 7 == number, found, values)
    return values


def _choose(first: Array, value_first: Array, second: Array, value_second: Array) -> Array:
    return jnp.where(first, value_first, jnp.where(second, value_second, 0.0))
