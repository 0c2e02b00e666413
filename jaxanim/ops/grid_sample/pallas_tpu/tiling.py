"""Planar arrays cut into tiles of 16x16 and put back together, on TPUs.

XLA would do it with arrays whose last axis has 16 numbers, each row of which fills 128 lanes.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample.pallas_tpu.tiles import TILE

_LANES = 128
_ABREAST = _LANES // TILE  # tiles of a block
_POINTS = TILE * TILE


def cut(planes: Float[Array, "n c h w"], interpret: Any) -> Float[Array, "t c 256"]:
    """Returns tiles, row by row and image by image; the height is a multiple of 16, the width of 128."""
    n, channels, height, width = planes.shape
    shape = (n * height * width // _POINTS, channels, _POINTS)
    return _run(_cut, planes, shape, planes.shape, interpret)


def join(tiles: Float[Array, "t c 256"], shape: tuple[int, ...], interpret: Any) -> Float[Array, "n c h w"]:
    """Puts tiles back together to planes of a shape (n, c, h, w)."""
    return _run(_join, tiles, shape, shape, interpret)


def _run(kernel: Any, array: Array, out_shape: tuple[int, ...], planes: tuple[int, ...], interpret: Any) -> Array:
    n, channels, height, width = planes
    down, across = height // TILE, width // _LANES
    of_planes = pl.BlockSpec((1, channels, TILE, _LANES), lambda image, i, j: (image, 0, i, j))
    of_tiles = pl.BlockSpec((_ABREAST, channels, _POINTS), lambda image, i, j: ((image * down + i) * across + j, 0, 0))
    specs = (of_planes, of_tiles) if kernel is _cut else (of_tiles, of_planes)
    return pl.pallas_call(
        kernel,
        out_shape=jax.ShapeDtypeStruct(out_shape, array.dtype),
        grid=(n, down, across),
        in_specs=[specs[0]],
        out_specs=specs[1],
        interpret=interpret,
        name=f"grid_sample{kernel.__name__}_tiles",
    )(array)


def _cut(planes_ref: Any, tiles_ref: Any) -> None:
    for channel in range(planes_ref.shape[1]):
        plane = planes_ref[0, channel]
        for tile in range(_ABREAST):
            columns = slice(tile * TILE, (tile + 1) * TILE)
            rows = [plane[row : row + 1, columns] for row in range(TILE)]
            tiles_ref[tile, channel : channel + 1, :] = jnp.concatenate(rows, axis=1)


def _join(tiles_ref: Any, planes_ref: Any) -> None:
    for channel in range(planes_ref.shape[1]):
        tiles = [tiles_ref[tile, channel : channel + 1, :] for tile in range(_ABREAST)]
        for row in range(TILE):
            columns = slice(row * TILE, (row + 1) * TILE)
            whole = jnp.concatenate([tile[:, columns] for tile in tiles], axis=1)
            planes_ref[0, channel, row : row + 1, :] = whole
