"""Makes any sizes fit the TPU kernels: pads to whole tiles, and cuts large outputs into calls with bounded lists."""

from collections.abc import Callable

import jax.numpy as jnp

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample.pallas_tpu import calls
from jaxanim.ops.grid_sample.pallas_tpu.tiles import TILE, WINDOW_COLUMNS

MAX_TILES = 2048  # of 16x16 in a call: three lists of 12 numbers per tile, 295 kB of scalar memory
MAX_SIDE = 16384  # rows and columns are packed into 16 bits
MAX_CHANNELS = 1024  # a window, a tile and a sum of so many fit the vector memory twice
_FAR_OUTSIDE = -2.0
Kernel = Callable[[Array, Array, calls.Interpret], Array]


def read_products(
    image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"], interpret: calls.Interpret = False
) -> Float[Array, "n i j c"]:
    """Reads images that are 0 outside at resolved positions (see `positions.resolve`) by products with hat weights.

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
    return read_in_chunks(calls.read_tiles, whole, position, interpret, columns=TILE).astype(image.dtype)


def read_in_chunks(
    kernel: Kernel,
    image: Float[Array, "n h w c"],
    position: Float[Array, "n i j 2"],
    interpret: calls.Interpret,
    *,
    columns: int,
) -> Float[Array, "n i j c"]:
    """Reads images of any size with a kernel that wants rows in multiples of 16, columns in multiples of `columns`.

    Raises:
      NotImplementedError: the image has a side of more than 16384.
    """
    if max(image.shape[1:3]) > MAX_SIDE:
        raise NotImplementedError(f"pallas_tpu takes images up to {MAX_SIDE}x{MAX_SIDE}, got shape {image.shape}")
    unknown = jnp.isnan(position).any(axis=-1, keepdims=True)
    known = _pad_positions(jnp.where(unknown, _FAR_OUTSIDE, position), columns)
    out = _call_in_chunks(kernel, _pad_image(image, columns), known, interpret)
    return jnp.where(unknown, jnp.nan, out[:, : position.shape[1], : position.shape[2]])


def _pad_image(image: Float[Array, "n h w c"], columns: int) -> Float[Array, "n i j c"]:
    """Adds zeros below and to the right, which is what lies there anyway."""
    height, width = image.shape[1:3]
    below = max(_round_up(height, TILE), WINDOW_COLUMNS) - height
    right = max(_round_up(width, columns), WINDOW_COLUMNS) - width
    return jnp.pad(image, ((0, 0), (0, below), (0, right), (0, 0)))


def _pad_positions(position: Float[Array, "n i j 2"], columns: int) -> Float[Array, "n k l 2"]:
    """Adds positions that need nothing."""
    height, width = position.shape[1:3]
    padding = ((0, 0), (0, _round_up(height, TILE) - height), (0, _round_up(width, columns) - width), (0, 0))
    return jnp.pad(position, padding, constant_values=_FAR_OUTSIDE)


def _round_up(size: int, step: int) -> int:
    return -(-size // step) * step


def _call_in_chunks(kernel: Kernel, image: Array, position: Array, interpret: calls.Interpret) -> Array:
    """Calls a kernel for as many images, or as many rows of one image, as the lists may hold."""
    tiles_per_row = position.shape[2] // TILE
    tiles_per_image = position.shape[1] // TILE * tiles_per_row
    if tiles_per_image <= MAX_TILES:
        step = MAX_TILES // tiles_per_image
        groups = [slice(start, start + step) for start in range(0, image.shape[0], step)]
        parts = [kernel(image[group], position[group], interpret) for group in groups]
        return jnp.concatenate(parts, axis=0) if len(parts) > 1 else parts[0]
    rows = max(1, MAX_TILES // tiles_per_row) * TILE
    bands = [slice(start, start + rows) for start in range(0, position.shape[1], rows)]
    images = [slice(index, index + 1) for index in range(image.shape[0])]
    whole = [
        jnp.concatenate([kernel(image[one], position[one, band], interpret) for band in bands], axis=1)
        for one in images
    ]
    return jnp.concatenate(whole, axis=0)
