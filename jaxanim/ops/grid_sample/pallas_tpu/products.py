"""The warp for many channels on TPUs: runs the product kernels, as one differentiable function.

Where a flow needs more windows than the lists hold, XLA's gather takes over at run time: slower, never wrong.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample.pallas_tpu import calls, kernels, tiles
from jaxanim.ops.grid_sample.pallas_tpu.parts import Parts
from jaxanim.ops.grid_sample.pallas_tpu.tiles import TILE, WINDOW_COLUMNS, WINDOW_ROWS

MAX_TILES = 2048  # of 16x16 in a part: three lists of 12 numbers per tile, 295 kB of scalar memory
MAX_CHANNELS = 1024  # a window, a tile and a sum of so many fit the vector memory twice
WINDOWS_PER_TILE = 12  # on average, in the lists; a smooth flow needs one, and four image tiles
_LANES = 128


def read_products(
    image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"], interpret: calls.Interpret = False
) -> Float[Array, "n i j c"]:
    """Reads images that are 0 outside at resolved positions (see `positions.resolve`) by products with hat weights.

    An infinite or NaN pixel spoils the whole output tiles whose windows it lies in: it is multiplied by 0.

    Args:
      image: float32 or bfloat16 (float16 is computed in float32).
      position: float32 pixels.
      interpret: True or `pltpu.InterpretParams()` runs the kernels on any platform, for tests.

    Raises:
      NotImplementedError: the image has a side of more than 16384 or more than 1024 channels.
    """
    if image.shape[3] > MAX_CHANNELS:
        raise NotImplementedError(f"pallas_tpu takes up to {MAX_CHANNELS} channels, got shape {image.shape}")
    whole = image.astype(jnp.float32) if image.dtype == jnp.float16 else image
    out = _read(calls.pad_image(whole, TILE), calls.pad_positions(position, TILE), interpret)
    return out[:, : position.shape[1], : position.shape[2]].astype(image.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _read(
    image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"], interpret: calls.Interpret
) -> Float[Array, "n i j c"]:
    """Reads images of at least 32 pixels a side; all sizes are multiples of 16."""
    return _forward(image, position, interpret)[0]


def _forward(image: Array, position: Array, interpret: calls.Interpret) -> tuple[Array, tuple[Array, Array]]:
    layout = _Layout(image, position)

    def kernel() -> Array:
        return layout.run_windows(
            kernels.pixels,
            [(calls.into_tiles(position), layout.positions), (image, layout.window)],
            (jax.ShapeDtypeStruct(layout.out_shape, image.dtype), layout.tile),
            layout.channels,
            interpret,
        )

    return lax.cond(layout.windows.fits, kernel, lambda: calls.gather(image, position)), (image, position)


def _backward(interpret: calls.Interpret, residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    image, position = residuals
    layout = _Layout(image, position)

    def kernel() -> tuple[Array, Array]:
        tiled = calls.into_tiles(position)
        along = layout.run_windows(
            kernels.position_gradient,
            [(tiled, layout.positions), (image, layout.window), (cotangent, layout.tile)],
            (jax.ShapeDtypeStruct(tiled.shape, jnp.float32), layout.positions),
            _LANES,
            interpret,
        )
        return layout.run_pairs(tiled, cotangent, interpret), calls.from_tiles(along, position.shape)

    fits = layout.windows.fits & layout.pairs.fits
    image_gradient, gradient = lax.cond(fits, kernel, lambda: calls.scatter(image, position, cotangent))
    return image_gradient.astype(image.dtype), gradient


_read.defvjp(_forward, _backward)


class _Layout:
    """The lists of one call and the blocks that its kernels see."""

    def __init__(self, image: Array, position: Array):
        self.count, self.height, self.width, self.channels = image.shape
        rows, columns = position.shape[1:3]
        self.out_shape = (*position.shape[:-1], self.channels)
        self.per_row = columns // TILE
        self.per_image = rows // TILE * self.per_row
        self.column_step = 8 if image.dtype == jnp.float32 else 16
        height, width = self.height, self.width
        box = tiles.boxes(position, height, width)
        rooms = {"tiles_per_part": MAX_TILES, "entries_per_tile": WINDOWS_PER_TILE}
        count_windows = tiles.count_windows(box, column_step=self.column_step)
        list_windows = functools.partial(tiles.windows, height=height, width=width, column_step=self.column_step)
        self.windows: Parts[tiles.Windows] = Parts(box, count_windows, list_windows, **rooms)
        list_pairs = functools.partial(tiles.pairs, height=height, width=width, tiles_per_image=self.per_image)
        self.pairs: Parts[tiles.Pairs] = Parts(box, tiles.count_pairs(box), list_pairs, **rooms)
        self.positions = pl.BlockSpec((1, 2, calls.POINTS), lambda k, tile, *_: (tile[k], 0, 0))
        self.tile = pl.BlockSpec((1, TILE, TILE, self.channels), self._tile_index)
        self.window = pl.BlockSpec(
            (pl.Element(1), pl.Element(WINDOW_ROWS), pl.Element(WINDOW_COLUMNS), pl.Element(self.channels)),
            self._window_index,
        )

    def _tile_index(self, k: Any, tile: Any, *_: Any) -> tuple[Any, ...]:
        within = tile[k] % self.per_image
        return tile[k] // self.per_image, within // self.per_row, within % self.per_row, 0

    def _window_index(self, k: Any, tile: Any, origin: Any, _: Any) -> tuple[Any, ...]:
        column = pl.multiple_of(origin[k] & 0xFFFF, self.column_step)
        return tile[k] // self.per_image, origin[k] >> 16, column, 0

    def _image_tile_index(self, k: Any, _: Any, image_tile: Any, *__: Any) -> tuple[Any, ...]:
        per_row = self.width // TILE
        per_image = self.height // TILE * per_row
        within = image_tile[k] % per_image
        return image_tile[k] // per_image, within // per_row, within % per_row, 0

    def run_windows(
        self,
        kernel: Callable[..., None],
        inputs: Sequence[calls.Blocked],
        output: tuple[jax.ShapeDtypeStruct, pl.BlockSpec],
        sum_columns: int,
        interpret: calls.Interpret,
    ) -> Array:
        """Runs a kernel once per window."""

        def run(listed: tiles.Windows, into: Array | None) -> Array:
            sums = (calls.POINTS, sum_columns)
            return calls.call_kernel(kernel, listed, inputs, output, interpret, sum_shape=sums, into=into)

        # Every tile has a window, so that one part writes all of it.
        return self.windows.fold(run, lambda: _zeros(output[0]) if self.windows.number > 1 else None)

    def run_pairs(self, tiled: Array, cotangent: Array, interpret: calls.Interpret) -> Array:
        """Returns the image's gradient, in float32."""
        shape = jax.ShapeDtypeStruct((self.count, self.height, self.width, self.channels), jnp.float32)
        block = pl.BlockSpec((1, TILE, TILE, self.channels), self._image_tile_index)
        adds = self.pairs.number > 1
        kernel = kernels.add_image_gradient if adds else kernels.image_gradient
        inputs = [(tiled, self.positions), (cotangent, self.tile)]

        def run(listed: tiles.Pairs, into: Array | None) -> Array:
            sums = (calls.POINTS, self.channels)
            return calls.call_kernel(
                kernel, listed, inputs, (shape, block), interpret, sum_shape=sums, into=into, adds=adds
            )

        return self.pairs.fold(run, lambda: _zeros(shape))  # image tiles that nothing touches stay 0


def _zeros(shape: jax.ShapeDtypeStruct) -> Array:
    return jnp.zeros(shape.shape, shape.dtype)
