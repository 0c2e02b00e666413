"""Which part of the image every tile of the output needs: the lists that the kernels walk, made by XLA.

A tile is 16x16 output pixels. Forward and for the gradient of the positions, its needs are cut into windows of 24x32
image pixels, anchored at the corner of their bounding box: a smooth flow needs one window per tile. For the gradient
of the image, they are the 16x16 tiles of the image that the bounding box touches. Positions outside the image and NaN
need nothing.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxanim.core.types import Array, Bool, Float, Int

TILE = 16
WINDOW_ROWS, WINDOW_COLUMNS = 24, 32


class Boxes(NamedTuple):
    """The image pixels that each output tile needs, both ends included; tiles are numbered image by image."""

    top: Int[Array, " t"]
    bottom: Int[Array, " t"]
    left: Int[Array, " t"]
    right: Int[Array, " t"]


class Windows(NamedTuple):
    """The list of windows, tile by tile. `tile`, `origin` and `state` are what the kernels are given.

    Attributes:
      tile: number of the output tile.
      origin: row << 16 | column of the window's first pixel.
      state: rows << 16 | columns << 1 | first: the window's first rows and columns to leave out (an earlier window had
        them), and whether it is the first of its tile.
      total: length of the list without its padding.
    """

    tile: Int[Array, " k"]
    origin: Int[Array, " k"]
    state: Int[Array, " k"]
    total: Int[Array, ""]


class Pairs(NamedTuple):
    """The list of (output tile, image tile), ordered by image tile, and its length without its padding."""

    tile: Int[Array, " k"]
    image_tile: Int[Array, " k"]
    total: Int[Array, ""]


def outside(position: Float[Array, "n i j 2"], height: int, width: int) -> Bool[Array, "n i j"]:
    """Returns which positions have neither weight nor slope in the image: a pixel or more outside, or NaN."""
    x, y = position[..., 0], position[..., 1]
    return ~((x >= -1.0) & (x < width) & (y >= -1.0) & (y < height))


def boxes(position: Float[Array, "n i j 2"], height: int, width: int, tile: tuple[int, int] = (TILE, TILE)) -> Boxes:
    """Returns the bounding box of each tile's needs (one pixel for tiles without any)."""
    n, rows, columns = position.shape[:3]
    down, across = tile
    nothing = outside(position, height, width)

    def ends(values: Float[Array, "n i j"], size: int) -> tuple[Int[Array, " t"], Int[Array, " t"]]:
        tiled = (n, rows // down, down, columns // across, across)
        low = jnp.where(nothing, jnp.float32(size), values).reshape(tiled).min(axis=(2, 4))
        high = jnp.where(nothing, jnp.float32(-2), values).reshape(tiled).max(axis=(2, 4))
        first = jnp.clip(jnp.floor(low), 0, size - 1).astype(jnp.int32).reshape(-1)
        last = jnp.clip(jnp.floor(high) + 1.0, 0, size - 1).astype(jnp.int32).reshape(-1)
        return first, jnp.maximum(first, last)

    top, bottom = ends(position[..., 1], height)
    left, right = ends(position[..., 0], width)
    return Boxes(top, bottom, left, right)


def windows(box: Boxes, height: int, width: int, *, column_step: int, capacity: int) -> Windows:
    """Lists the windows of all tiles; windows begin at columns that are multiples of `column_step`."""
    left = box.left // column_step * column_step
    across = (box.right - left) // WINDOW_COLUMNS + 1
    count = ((box.bottom - box.top) // WINDOW_ROWS + 1) * across
    tile, number, total = expand(count, capacity)
    row = box.top[tile] + number // across[tile] * WINDOW_ROWS
    column = left[tile] + number % across[tile] * WINDOW_COLUMNS
    # At the far edges a window is pushed inside; the pixels it then shares with the window before it are left out.
    first_row = jnp.clip(row, 0, height - WINDOW_ROWS)
    first_column = jnp.clip(column, 0, width - WINDOW_COLUMNS)
    is_first = (number == 0).astype(jnp.int32)
    state = (row - first_row) << 16 | (column - first_column) << 1 | is_first
    return Windows(tile, first_row << 16 | first_column, state, total)


def pairs(box: Boxes, height: int, width: int, *, tiles_per_image: int, capacity: int) -> Pairs:
    """Lists the image tiles that each output tile touches, ordered by image tile."""
    top, left = box.top // TILE, box.left // TILE
    across = box.right // TILE - left + 1
    count = (box.bottom // TILE - top + 1) * across
    tile, number, total = expand(count, capacity)
    per_row = width // TILE
    per_image = (height // TILE) * per_row
    within = (top[tile] + number // across[tile]) * per_row + left[tile] + number % across[tile]
    image_tile = tile // tiles_per_image * per_image + jnp.minimum(within, per_image - 1)
    padding = jnp.arange(capacity, dtype=jnp.int32) >= total
    last = count.size // tiles_per_image * per_image - 1
    key, ordered = lax.sort((jnp.where(padding, last + 1, image_tile), tile), num_keys=1)
    return Pairs(ordered, jnp.minimum(key, last), total)


def expand(count: Int[Array, " t"], capacity: int) -> tuple[Array, Array, Array]:
    """Returns the tile of every entry of a list with `count` entries per tile, its number in the tile, the length."""
    end = jnp.cumsum(count)
    tile = jnp.repeat(jnp.arange(count.size, dtype=jnp.int32), count, total_repeat_length=capacity)
    number = jnp.arange(capacity, dtype=jnp.int32) - (end - count)[tile]
    return tile, jnp.maximum(number, 0), end[-1]
