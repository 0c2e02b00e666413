"""The warp for few channels on TPUs: runs the lane-gather kernels, as one differentiable function.

An image of 3 channels whose channels lie in the lanes wastes 125 of 128 lanes, of memory and of every product. Here
each channel is a matrix, and what a tile of 8x128 output pixels needs of it is cut into windows of 24 steps (see
`lane_kernels`) and 256 columns: a smooth flow needs one or two. Where a flow needs more than the lists hold (a random
one on a large image), XLA's gather takes over at run time, channel by channel.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl

from jaxanim.core.types import Array, Float, Int
from jaxanim.ops.grid_sample.pallas_tpu import calls, lane_kernels, tiles, tiling
from jaxanim.ops.grid_sample.pallas_tpu.lane_kernels import LANES, MARGIN, ROWS, STEPS, WINDOW_BLOCKS, WINDOW_ROWS
from jaxanim.ops.grid_sample.pallas_tpu.parts import Parts
from jaxanim.ops.grid_sample.pallas_tpu.tiles import TILE

MAX_CHANNELS = 16  # the loop over channels is unrolled, and a sum of each is held in registers
MAX_TILES, WINDOWS_PER_TILE = 1024, 24  # of 8x128 in a part, and on average; 295 kB of scalar memory
MAX_SMALL_TILES, PAIRS_PER_TILE = 2048, 12  # of 16x16, for the image's gradient; a smooth flow needs four pairs


def read_lanes(
    image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"], interpret: calls.Interpret = False
) -> Float[Array, "n i j c"]:
    """Reads images of up to 16 channels that are 0 outside at resolved positions (see `positions.resolve`).

    Args:
      image: float32, bfloat16 or float16; computed in float32.
      position: float32 pixels.
      interpret: True or `pltpu.InterpretParams()` runs the kernels on any platform, for tests.

    Raises:
      NotImplementedError: the image has a side of more than 16384 or more than 16 channels.
    """
    if image.shape[3] > MAX_CHANNELS:
        raise NotImplementedError(f"read_lanes takes up to {MAX_CHANNELS} channels, got shape {image.shape}")
    whole = calls.pad_image(image.astype(jnp.float32), LANES)
    out = _read(whole, calls.pad_positions(position, LANES), interpret)
    return out[:, : position.shape[1], : position.shape[2]].astype(image.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _read(
    image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"], interpret: calls.Interpret
) -> Float[Array, "n i j c"]:
    """Reads float32 images; rows are multiples of 16, columns of 128."""
    return _forward(image, position, interpret)[0]


def _forward(image: Array, position: Array, interpret: calls.Interpret) -> tuple[Array, tuple[Array, Array]]:
    layout = _Windows(image.shape, position)
    out = lax.cond(
        layout.parts.fits,
        lambda: layout.run(lane_kernels.pixels, [(position, 2), (image, None)], image.shape[3], interpret),
        lambda: _gather(image, position),
    )
    return out, (image, position)


def _backward(interpret: calls.Interpret, residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    image, position = residuals
    windows, pairs = _Windows(image.shape, position), _Pairs(image.shape, position)
    along = [(position, 2), (image, None), (cotangent, image.shape[3])]
    return lax.cond(
        windows.parts.fits & pairs.parts.fits,
        lambda: (
            pairs.run(position, cotangent, interpret),
            windows.run(lane_kernels.position_gradient, along, 2, interpret),
        ),
        lambda: _scatter(image, position, cotangent),
    )


_read.defvjp(_forward, _backward)


def _gather(image: Array, position: Array) -> Array:
    """Reads by XLA, one channel at a time: of an image of few channels it would else fill rows of 128 lanes."""
    found = lax.map(lambda plane: calls.gather(plane[..., None], position)[..., 0], jnp.moveaxis(image, 3, 0))
    return jnp.moveaxis(found, 0, 3)


def _scatter(image: Array, position: Array, cotangent: Array) -> tuple[Array, Array]:
    """Returns both gradients by XLA, one channel at a time."""

    def add(total: Array, planes: tuple[Array, Array]) -> tuple[Array, Array]:
        plane, along = (array[..., None] for array in planes)
        image_gradient, position_gradient = calls.scatter(plane, position, along)
        return total + position_gradient, image_gradient[..., 0]

    planes = jnp.moveaxis(image, 3, 0), jnp.moveaxis(cotangent, 3, 0)
    position_gradient, image_gradient = lax.scan(add, jnp.zeros(position.shape, jnp.float32), planes)
    return jnp.moveaxis(image_gradient, 0, 3), position_gradient


class WindowList(NamedTuple):
    """The list of windows, tile by tile.

    Attributes:
      tile: number of the output tile.
      origin: row << 16 | block of 128 columns of the window's first pixel, in the image with its margin.
      state: first step << 16 | end of steps << 1 | whether it is the first window of its tile.
      total: length of the list without its padding.
    """

    tile: Int[Array, " k"]
    origin: Int[Array, " k"]
    state: Int[Array, " k"]
    total: Int[Array, ""]


def boxes(position: Float[Array, "n i j 2"], height: int, width: int) -> tiles.Boxes:
    """Returns which steps (as rows) and columns of the image with its margin each tile needs."""
    left, top = jnp.floor(position[..., 0]), jnp.floor(position[..., 1])
    row_of_tile = jnp.arange(position.shape[1], dtype=jnp.float32) % ROWS
    step = top + MARGIN - row_of_tile[None, :, None]
    return tiles.boxes(jnp.stack([left, step], axis=-1), height + MARGIN, width, (ROWS, LANES))


def count_windows(box: tiles.Boxes) -> Int[Array, " t"]:
    """Returns how many windows each tile needs."""
    across = (box.right // LANES - box.left // LANES) // WINDOW_BLOCKS + 1
    return jnp.maximum((box.bottom - box.top // ROWS * ROWS) // STEPS + 1, 0) * across


def list_windows(box: tiles.Boxes, first: Any, capacity: int) -> WindowList:
    """Lists the windows of tiles, the first of which is number `first`; they begin at rows that are multiples of 8."""
    first_row, first_block = box.top // ROWS * ROWS, box.left // LANES
    across = (box.right // LANES - first_block) // WINDOW_BLOCKS + 1
    tile, number, total = tiles.expand(count_windows(box), capacity)
    row = first_row[tile] + number // across[tile] * STEPS
    block = first_block[tile] + number % across[tile] * WINDOW_BLOCKS
    begin, end = jnp.maximum(box.top[tile] - row, 0), jnp.minimum(box.bottom[tile] - row + 1, STEPS)
    state = begin << 16 | end << 1 | (number == 0).astype(jnp.int32)
    return WindowList(first + tile, row << 16 | block, state, total)


class _Windows:
    """The list of windows of one call and the blocks that its kernels see."""

    def __init__(self, shape: tuple[int, ...], position: Array):
        _, height, width, self.channels = shape
        self.shape = position.shape[:3]
        self.per_row = self.shape[2] // LANES
        self.per_image = self.shape[1] // ROWS * self.per_row
        box = boxes(position, height, width)
        rooms = {"tiles_per_part": MAX_TILES, "entries_per_tile": WINDOWS_PER_TILE}
        self.parts: Parts[WindowList] = Parts(box, count_windows(box), list_windows, **rooms)

    def run(
        self,
        kernel: Callable[..., None],
        inputs: list[tuple[Array, int | None]],
        channels: int,
        interpret: calls.Interpret,
    ) -> Float[Array, "n i j c"]:
        """Runs a kernel once per window, on arrays given with their number of channels, or None for the image."""
        n, rows, columns = self.shape
        output = jax.ShapeDtypeStruct((n, channels, rows, columns), jnp.float32), self._tile(channels)
        blocked = [(_planar_image(a), self._window()) if c is None else (_planar(a), self._tile(c)) for a, c in inputs]

        def run(listed: WindowList, into: Array | None) -> Array:
            return calls.call_kernel(kernel, listed, blocked, output, interpret, into=into)

        # Every tile has a window, so that one part writes all of it.
        start = jnp.zeros(output[0].shape, jnp.float32) if self.parts.number > 1 else None
        return self.parts.fold(run, lambda: start).transpose(0, 2, 3, 1)

    def _tile(self, channels: int) -> pl.BlockSpec:
        def index(k: Any, tile: Any, *_: Any) -> tuple[Any, ...]:
            within = tile[k] % self.per_image
            return tile[k] // self.per_image, 0, within // self.per_row, within % self.per_row

        return pl.BlockSpec((1, channels, ROWS, LANES), index)

    def _window(self) -> pl.BlockSpec:
        def index(k: Any, tile: Any, origin: Any, _: Any) -> tuple[Any, ...]:
            row, column = origin[k] >> 16, (origin[k] & 0xFFFF) * LANES
            return tile[k] // self.per_image, 0, pl.multiple_of(row, ROWS), pl.multiple_of(column, LANES)

        sizes = (1, self.channels, WINDOW_ROWS, WINDOW_BLOCKS * LANES)
        return pl.BlockSpec(tuple(pl.Element(size) for size in sizes), index)


class _Pairs:
    """The list of pairs of an output tile and an image tile, both 16x16, for the gradient of the image."""

    def __init__(self, shape: tuple[int, ...], position: Array):
        self.shape = shape
        height, width = shape[1:3]
        per_image = position.shape[1] // TILE * (position.shape[2] // TILE)
        box = tiles.boxes(position, height, width)
        list_pairs = functools.partial(tiles.pairs, height=height, width=width, tiles_per_image=per_image)
        rooms = {"tiles_per_part": MAX_SMALL_TILES, "entries_per_tile": PAIRS_PER_TILE}
        self.parts: Parts[tiles.Pairs] = Parts(box, tiles.count_pairs(box), list_pairs, **rooms)

    def run(self, position: Array, cotangent: Array, interpret: calls.Interpret) -> Float[Array, "n h w c"]:
        """Returns the gradient of the image."""
        n, height, width, channels = self.shape
        shape = jax.ShapeDtypeStruct((n * height * width // TILE**2, channels, TILE**2), jnp.float32)

        def tile_of_output(k: Any, tile: Any, *_: Any) -> tuple[Any, ...]:
            return tile[k], 0, 0

        def tile_of_image(k: Any, _: Any, image_tile: Any, *__: Any) -> tuple[Any, ...]:
            return image_tile[k], 0, 0

        inputs = [
            (tiling.cut(_planar(position), interpret), pl.BlockSpec((1, 2, TILE**2), tile_of_output)),
            (tiling.cut(_planar(cotangent), interpret), pl.BlockSpec((1, channels, TILE**2), tile_of_output)),
        ]
        output = shape, pl.BlockSpec((1, channels, TILE**2), tile_of_image)
        adds = self.parts.number > 1
        kernel = lane_kernels.add_image_gradient if adds else lane_kernels.image_gradient

        def run(listed: tiles.Pairs, into: Array | None) -> Array:
            return calls.call_kernel(kernel, listed, inputs, output, interpret, into=into, adds=adds)

        # Image tiles that nothing touches stay 0.
        tiled = self.parts.fold(run, lambda: jnp.zeros(shape.shape, jnp.float32))
        return tiling.join(tiled, (n, channels, height, width), interpret).transpose(0, 2, 3, 1)


def _planar(pixels: Float[Array, "n h w c"]) -> Float[Array, "n c h w"]:
    return pixels.transpose(0, 3, 1, 2)


def _planar_image(image: Float[Array, "n h w c"]) -> Float[Array, "n c k l"]:
    """Adds zeros, so that windows that begin at the last rows or columns end inside."""
    below, right = WINDOW_ROWS - ROWS, (WINDOW_BLOCKS - 1) * LANES
    return jnp.pad(_planar(image), ((0, 0), (0, 0), (MARGIN, below), (0, right)))
