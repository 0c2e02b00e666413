"""Which part of the image every tile of the output needs: the lists that the kernels walk, made by XLA.

A tile is 16x16 output pixels. Forward and for the gradient of the positions, its needs are cut into windows of 24x32
image pixels, anchored at the corner of their bounding box: a smooth flow needs one window per tile. For the gradient
of the image, they are the 16x16 tiles of the image that the bounding box touches. Positions outside the image and NaN
need nothing.
"""

from typing import Any, NamedTuple

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
    """The list of (output tile, image tile), ordered by image tile.

    Attributes:
      tile: number of the output tile.
      image_tile: number of the image tile.
      corner: row << 16 | column of the image tile's first pixel.
      total: length of the list without its padding.
    """

    tile: Int[Array, " k"]
    image_tile: Int[Array, " k"]
    corner: Int[Array, " k"]
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
        # Rows first: arrays whose last axis has 16 numbers take eight times the memory.
        tall, wide = (n, rows // down, down, columns), (n, rows // down, columns // across, across)
        low = jnp.where(nothing, jnp.float32(size), values).reshape(tall).min(axis=2).reshape(wide).min(axis=3)
        high = jnp.where(nothing, jnp.float32(-2), values).reshape(tall).max(axis=2).reshape(wide).max(axis=3)
        first = jnp.clip(jnp.floor(low), 0, size - 1).astype(jnp.int32).reshape(-1)
        last = jnp.clip(jnp.floor(high) + 1.0, 0, size - 1).astype(jnp.int32).reshape(-1)
        return first, jnp.maximum(first, last)

    top, bottom = ends(position[..., 1], height)
    left, right = ends(position[..., 0], width)
    return Boxes(top, bottom, left, right)


def count_windows(box: Boxes, *, column_step: int) -> Int[Array, " t"]:
    """Returns how many windows each tile needs, when windows begin at columns that are multiples of `column_step`."""
    across = (box.right - box.left // column_step * column_step) // WINDOW_COLUMNS + 1
    return jnp.maximum((box.bottom - box.top) // WINDOW_ROWS + 1, 0) * across


def windows(box: Boxes, first: Any, capacity: int, *, height: int, width: int, column_step: int) -> Windows:
    """Lists the windows of tiles, the first of which is number `first`."""
    left = box.left // column_step * column_step
    across = (box.right - left) // WINDOW_COLUMNS + 1
    tile, number, total = expand(count_windows(box, column_step=column_step), capacity)
    row = box.top[tile] + number // across[tile] * WINDOW_ROWS
    column = left[tile] + number % across[tile] * WINDOW_COLUMNS
    # At the far edges a window is pushed inside; the pixels it then shares with the window before it are left out.
    first_row = jnp.clip(row, 0, height - WINDOW_ROWS)
    first_column = jnp.clip(column, 0, width - WINDOW_COLUMNS)
    is_first = (number == 0).astype(jnp.int32)
    state = (row - first_row) << 16 | (column - first_column) << 1 | is_first
    return Windows(first + tile, first_row << 16 | first_column, state, total)


def count_pairs(box: Boxes) -> Int[Array, " t"]:
    """Returns how many image tiles each output tile touches."""
    across = box.right // TILE - box.left // TILE + 1
    return jnp.maximum(box.bottom // TILE - box.top // TILE + 1, 0) * across


def pairs(box: Boxes, first: Any, capacity: int, *, height: int, width: int, tiles_per_image: int) -> Pairs:
    """Lists the image tiles that each output tile touches, ordered by image tile; the first tile is number `first`."""
    top, left = box.top // TILE, box.left // TILE
    across = box.right // TILE - left + 1
    tile, number, total = expand(count_pairs(box), capacity)
    per_row = width // TILE
    per_image = (height // TILE) * per_row
    within = (top[tile] + number // across[tile]) * per_row + left[tile] + number % across[tile]
    image_tile = (first + tile) // tiles_per_image * per_image + jnp.minimum(within, per_image - 1)
    padding = jnp.arange(capacity, dtype=jnp.int32) >= total
    key, ordered = lax.sort((jnp.where(padding, jnp.int32(2**30), image_tile), first + tile), num_keys=1)
    image_tile = jnp.where(padding, 0, key)
    return Pairs(ordered, image_tile, _corners(image_tile % per_image, per_row), total)


def _corners(tile: Int[Array, " k"], per_row: int) -> Int[Array, " k"]:
    return (tile // per_row * TILE) << 16 | tile % per_row * TILE


def expand(count: Int[Array, " t"], capacity: int) -> tuple[Array, Array, Array]:
    """Returns the tile of every entry of a list with `count` entries per tile, its number in the tile, the length."""
    end = jnp.cumsum(count)
    entry = jnp.arange(capacity, dtype=jnp.int32)
    tile = jnp.repeat(jnp.arange(count.size, dtype=jnp.int32), count, total_repeat_length=capacity)
    tile = jnp.where(entry < end[-1], tile, 0)  # behind the end nothing is looked at, but it must be somewhere
    return tile, jnp.maximum(entry - (end - count)[tile], 0), end[-1]
