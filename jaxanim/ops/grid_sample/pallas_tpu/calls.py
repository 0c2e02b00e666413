"""What both sets of TPU kernels share: how a kernel is run over a list, padding, tiles, and the way out by XLA."""

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
from jaxanim.ops.grid_sample.pallas_tpu.tiles import TILE, WINDOW_COLUMNS

POINTS = TILE * TILE
MAX_SIDE = 16384  # rows and columns are packed into 16 bits
_FAR_OUTSIDE = -2.0
Interpret = Any  # False, True, or pltpu.InterpretParams
Blocked = tuple[Array, pl.BlockSpec]


def call_kernel(
    kernel: Callable[..., None],
    listed: tuple[Array, ...],
    inputs: Sequence[Blocked],
    output: tuple[jax.ShapeDtypeStruct, pl.BlockSpec],
    interpret: Interpret,
    *,
    sum_shape: tuple[int, ...] | None = None,
    into: Array | None = None,
    adds: bool = False,
) -> Array:
    """Runs a kernel once per entry of a list, whose last array is the number of its entries.

    Args:
      kernel: takes references to the arrays of the list, the inputs, the output, and its sum.
      listed: see `tiles`; also given to the index maps of the blocks.
      inputs: arrays and which blocks of them an entry sees.
      output: what is written, and which block.
      interpret: see `read_products`.
      sum_shape: of a float32 array that the kernel keeps from entry to entry; None for none.
      into: the array that is written to, in place; None for a new one, of which every block must be written.
      adds: the kernel also takes the block of `into`, as its last input, to add to it.
    """
    *scalars, total = listed
    given = list(inputs)
    if into is not None:
        given.append((into, output[1] if adds else pl.BlockSpec(memory_space=pl.ANY)))
    last = len(scalars) + len(given) - 1
    body = kernel if into is None or adds else functools.partial(_without, last, kernel)
    return pl.pallas_call(
        body,
        out_shape=output[0],
        grid_spec=pltpu.PrefetchScalarGridSpec(
            num_scalar_prefetch=len(scalars),
            grid=(total,),
            in_specs=[spec for _, spec in given],
            out_specs=output[1],
            scratch_shapes=[] if sum_shape is None else [pltpu.VMEM(sum_shape, jnp.float32)],
        ),
        input_output_aliases={} if into is None else {last: 0},
        compiler_params=pltpu.CompilerParams(dimension_semantics=("arbitrary",)),
        interpret=interpret,
        name=f"grid_sample_{getattr(kernel, 'func', kernel).__name__}",
    )(*scalars, *(array for array, _ in given))


def _without(position: int, kernel: Callable[..., None], *references: Any) -> None:
    """Runs a kernel without one of the references: the array that it writes in place."""
    kernel(*references[:position], *references[position + 1 :])


def pad_image(image: Float[Array, "n h w c"], columns: int) -> Float[Array, "n i j c"]:
    """Adds zeros below and to the right, which is what lies there anyway, up to a multiple of 16 rows and `columns`.

    Raises:
      NotImplementedError: the image has a side of more than 16384.
    """
    height, width = image.shape[1:3]
    if max(height, width) > MAX_SIDE:
        raise NotImplementedError(f"pallas_tpu takes images up to {MAX_SIDE}x{MAX_SIDE}, got shape {image.shape}")
    below = max(_round_up(height, TILE), WINDOW_COLUMNS) - height
    right = max(_round_up(width, columns), WINDOW_COLUMNS) - width
    return jnp.pad(image, ((0, 0), (0, below), (0, right), (0, 0)))


def pad_positions(position: Float[Array, "n i j 2"], columns: int) -> Float[Array, "n k l 2"]:
    """Adds positions that need nothing, up to a multiple of 16 rows and `columns`."""
    height, width = position.shape[1:3]
    padding = ((0, 0), (0, _round_up(height, TILE) - height), (0, _round_up(width, columns) - width), (0, 0))
    return jnp.pad(position, padding, constant_values=_FAR_OUTSIDE)


def _round_up(size: int, step: int) -> int:
    return -(-size // step) * step


def into_tiles(pixels: Float[Array, "n i j c"]) -> Float[Array, "t c 256"]:
    """Returns 16x16 tiles, every channel (x and y of positions) in a row of its own."""
    n, rows, columns, channels = pixels.shape
    tiled = pixels.reshape(n, rows // TILE, TILE, columns // TILE, TILE, channels)
    return tiled.transpose(0, 1, 3, 5, 2, 4).reshape(-1, channels, POINTS)


def from_tiles(tiled: Float[Array, "t c 256"], shape: tuple[int, ...]) -> Float[Array, "n i j c"]:
    """Puts tiles back together to a shape (n, i, j, c)."""
    n, rows, columns, channels = shape
    apart = tiled.reshape(n, rows // TILE, columns // TILE, channels, TILE, TILE)
    return apart.transpose(0, 1, 4, 2, 5, 3).reshape(shape)


def gather(image: Array, position: Array) -> Array:
    """Reads by XLA, a band of 16 rows at a time: what is reserved for it stays small."""
    return _join_bands(lax.map(lambda band: xla.read_stacked(image, band), _bands(position)))


def scatter(image: Array, position: Array, cotangent: Array) -> tuple[Array, Array]:
    """Returns both gradients by XLA, a band at a time."""

    def add(total: Array, band: tuple[Array, Array]) -> tuple[Array, Array]:
        image_gradient, position_gradient = xla.pull_stacked(image, *band)
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
