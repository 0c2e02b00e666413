"""Runs the TPU kernels on images and positions of whole tiles, as one differentiable function.

The lists of windows have a length that must be known when compiling. Where a flow needs more than fits (a random flow
on a large image), XLA's gather takes over at run time: slower, never wrong.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample import xla
from jaxanim.ops.grid_sample.pallas_tpu import kernels
from jaxanim.ops.grid_sample.pallas_tpu.tiles import TILE, WINDOW_COLUMNS, WINDOW_ROWS, Boxes, boxes, pairs, windows

WINDOWS_PER_TILE = 12  # on average, in the lists; a smooth flow needs one, and four image tiles
_POINTS = TILE * TILE
_LANES = 128
Interpret = Any  # False, True, or pltpu.InterpretParams


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def read_tiles(
    image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"], interpret: Interpret
) -> Float[Array, "n i j c"]:
    """Reads images that are 0 outside at positions; all sizes are multiples of 16, images at least 32, no NaN."""
    return _forward(image, position, interpret)[0]


def _forward(image: Array, position: Array, interpret: Interpret) -> tuple[Array, tuple[Array, Array]]:
    layout = _Layout(image, position)

    def kernel() -> Array:
        return layout.run_windows(
            kernels.pixels,
            [(into_tiles(position), layout.positions), (image, layout.window)],
            (jax.ShapeDtypeStruct(layout.out_shape, image.dtype), layout.tile),
            pltpu.VMEM((_POINTS, layout.channels), jnp.float32),
            interpret,
        )

    return lax.cond(layout.fits_windows, kernel, lambda: gather(image, position)), (image, position)


def _backward(interpret: Interpret, residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    image, position = residuals
    layout = _Layout(image, position)
    tiled = into_tiles(position)

    def kernel() -> tuple[Array, Array]:
        along = layout.run_windows(
            kernels.position_gradient,
            [(tiled, layout.positions), (image, layout.window), (cotangent, layout.tile)],
            (jax.ShapeDtypeStruct(tiled.shape, jnp.float32), layout.positions),
            pltpu.VMEM((_POINTS, _LANES), jnp.float32),
            interpret,
        )
        return layout.run_pairs(tiled, cotangent, interpret), from_tiles(along, position.shape)

    fits = layout.fits_windows & layout.fits_pairs
    image_gradient, position_gradient = lax.cond(fits, kernel, lambda: scatter(image, position, cotangent))
    return image_gradient.astype(image.dtype), position_gradient


read_tiles.defvjp(_forward, _backward)


def gather(image: Array, position: Array) -> Array:
    """Reads by XLA, a band of 16 rows at a time: what is reserved for it stays small."""
    return _join_bands(lax.map(lambda band: xla.read_stacked(image, band), _bands(position)))


def scatter(image: Array, position: Array, cotangent: Array) -> tuple[Array, Array]:
    """Returns both gradients by XLA, a band at a time."""

    def add(total: Array, band: tuple[Array, Array]) -> tuple[Array, Array]:
        image_gradient, position_gradient = xla.pullback_stacked(image, *band)
        return total + image_gradient, position_gradient

    zeros = jnp.zeros(image.shape, jnp.float32)
    image_gradient, position_gradient = lax.scan(add, zeros, (_bands(position), _bands(cotangent)))
    return image_gradient, _join_bands(position_gradient)


def _bands(array: Float[Array, "n i j c"]) -> Float[Array, "k n 16 j c"]:
    n, rows, columns, channels = array.shape
    return jnp.moveaxis(array.reshape(n, rows // TILE, TILE, columns, channels), 1, 0)


def _join_bands(bands: Float[Array, "k n 16 j c"]) -> Float[Array, "n i j c"]:
    k, n, rows, columns, channels = bands.shape
    return jnp.moveaxis(bands, 0, 1).reshape(n, k * rows, columns, channels)


class _Layout:
    """The lists of one call and the blocks that its kernels see."""

    def __init__(self, image: Array, position: Array):
        self.count, self.height, self.width, self.channels = image.shape
        rows, columns = position.shape[1:3]
        self.out_shape = (*position.shape[:-1], self.channels)
        self.per_row = columns // TILE
        self.per_image = rows // TILE * self.per_row
        self.column_step = 8 if image.dtype == jnp.float32 else 16
        self.capacity = self.count * self.per_image * WINDOWS_PER_TILE
        self.box: Boxes = boxes(position, self.height, self.width)
        self.windows = windows(self.box, self.height, self.width, column_step=self.column_step, capacity=self.capacity)
        self.pairs = pairs(self.box, self.height, self.width, tiles_per_image=self.per_image, capacity=self.capacity)
        self.fits_windows = self.windows.total <= self.capacity
        self.fits_pairs = self.pairs.total <= self.capacity
        self.positions = pl.BlockSpec((1, 2, _POINTS), lambda k, tile, *_: (tile[k], 0, 0))
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
        inputs: Sequence[tuple[Array, pl.BlockSpec]],
        output: tuple[jax.ShapeDtypeStruct, pl.BlockSpec],
        scratch: Any,
        interpret: Interpret,
    ) -> Array:
        """Runs a kernel once per window."""
        listed = (self.windows.tile, self.windows.origin, self.windows.state)
        return call_kernel(kernel, self.windows.total, listed, inputs, output, scratch, interpret)

    def run_pairs(self, tiled: Array, cotangent: Array, interpret: Interpret) -> Array:
        """Returns the image's gradient, in float32."""
        per_row = self.width // TILE
        within = self.pairs.image_tile % (self.height // TILE * per_row)
        corner = (within // per_row * TILE) << 16 | within % per_row * TILE
        shape = (self.count, self.height, self.width, self.channels)
        block = pl.BlockSpec((1, TILE, TILE, self.channels), self._image_tile_index)
        inputs = [
            (tiled, self.positions),
            (cotangent, self.tile),
            (jnp.zeros(shape, jnp.float32), pl.BlockSpec(memory_space=pl.ANY)),
        ]
        listed = (self.pairs.tile, self.pairs.image_tile, corner)
        output = (jax.ShapeDtypeStruct(shape, jnp.float32), block)
        scratch = pltpu.VMEM((_POINTS, self.channels), jnp.float32)
        return call_kernel(kernels.image_gradient, self.pairs.total, listed, inputs, output, scratch, interpret, {5: 0})


def call_kernel(
    kernel: Callable[..., None],
    steps: Array,
    listed: tuple[Array, ...],
    inputs: Sequence[tuple[Array, pl.BlockSpec]],
    output: tuple[jax.ShapeDtypeStruct, pl.BlockSpec],
    scratch: Any | None,
    interpret: Interpret,
    aliases: dict[int, int] | None = None,
) -> Array:
    """Runs a kernel `steps` times, over lists that it and its block indices read; inputs and output have blocks."""
    return pl.pallas_call(
        kernel,
        out_shape=output[0],
        grid_spec=pltpu.PrefetchScalarGridSpec(
            num_scalar_prefetch=len(listed),
            grid=(steps,),
            in_specs=[spec for _, spec in inputs],
            out_specs=output[1],
            scratch_shapes=[] if scratch is None else [scratch],
        ),
        input_output_aliases=aliases or {},
        compiler_params=pltpu.CompilerParams(dimension_semantics=("arbitrary",)),
        interpret=interpret,
        name=f"grid_sample_{kernel.__name__}",
    )(*listed, *(array for array, _ in inputs))


def into_tiles(pixels: Float[Array, "n i j c"]) -> Float[Array, "t c 256"]:
    """Returns 16x16 tiles, every channel (x and y of positions) in a row of its own."""
    n, rows, columns, channels = pixels.shape
    tiled = pixels.reshape(n, rows // TILE, TILE, columns // TILE, TILE, channels)
    return tiled.transpose(0, 1, 3, 5, 2, 4).reshape(-1, channels, _POINTS)


def from_tiles(tiled: Float[Array, "t c 256"], shape: tuple[int, ...]) -> Float[Array, "n i j c"]:
    """Puts tiles back together to a shape (n, i, j, c)."""
    n, rows, columns, channels = shape
    apart = tiled.reshape(n, rows // TILE, columns // TILE, channels, TILE, TILE)
    return apart.transpose(0, 1, 4, 2, 5, 3).reshape(shape)
