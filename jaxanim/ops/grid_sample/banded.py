"""The backward pass in plain XLA as CPUs like it: a band of the output at a time, all images as one row of numbers.

Three things cost XLA most on CPUs. Sums along the last axis are slow, with jax 0.10 all of them and since of few
numbers: they are written out. Arrays that do not fit the caches cost more than what is done with them: a band's do.
A scatter of single pixels has four places to find for each position: here all images lie one behind the other, with a
row of pixels above and below each, and every position adds two runs of two pixels. docs/warp.md has the numbers.

`jit` cannot split this over devices by itself: under `jax.set_mesh`, every device of the mesh takes its part of the
images, otherwise `grid_sample_sharded` says what to split.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import AxisType, PartitionSpec

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample import reference

_MAX_NUMBERS = 2**31  # indices are int32
_BAND_NUMBERS = 2**19  # that the positions of a band add: 2 MB
_FEW_CHANNELS = 16
_RUNS = lax.ScatterDimensionNumbers(update_window_dims=(1,), inserted_window_dims=(), scatter_dims_to_operand_dims=(0,))


def fits(shape: tuple[int, ...]) -> bool:
    """Returns whether the numbers of images of a shape (n, h, w, c) can be counted."""
    return _count(shape) < _MAX_NUMBERS


def pull(
    image: Float[Array, "n h w c"],
    x: Float[Array, "n i j"],
    y: Float[Array, "n i j"],
    cotangent: Float[Array, "n i j c"],
    inside: bool,
) -> tuple[Float[Array, "n h w c"], Float[Array, "n i j"], Float[Array, "n i j"]]:
    """Returns the gradients of images and positions (see `xla.pull`), all float32."""
    work = functools.partial(_pull, inside=inside)
    mesh = jax.sharding.get_abstract_mesh()
    # Those that a surrounding shard_map has split are no longer automatic.
    axes = [name for name, kind in zip(mesh.axis_names, mesh.axis_types, strict=True) if kind == AxisType.Auto]
    parts = math.prod(mesh.shape[name] for name in axes)
    if parts == 1 or image.shape[0] % parts:
        return work(image, x, y, cotangent)
    part = PartitionSpec(tuple(axes))
    return jax.shard_map(work, in_specs=part, out_specs=part, axis_names=set(axes), check_vma=False)(
        image, x, y, cotangent
    )


def _pull(
    image: Float[Array, "n h w c"],
    x: Float[Array, "n i j"],
    y: Float[Array, "n i j"],
    cotangent: Float[Array, "n i j c"],
    inside: bool,
) -> tuple[Float[Array, "n h w c"], Float[Array, "n i j"], Float[Array, "n i j"]]:
    n, height, width, channels = image.shape
    rows = x.shape[1]
    wanted = max(1, _BAND_NUMBERS // max(1, 4 * n * x.shape[2] * channels))
    bands = max(1, -(-rows // wanted))
    size = -(-rows // bands)

    def cut(array: Array) -> Array:
        """Into bands; positions that are added are NaN, which need nothing."""
        missing = ((0, 0), (0, bands * size - rows), *((0, 0),) * (array.ndim - 2))
        padded = jnp.pad(array, missing, constant_values=jnp.nan)
        return jnp.moveaxis(padded.reshape(n, bands, size, *array.shape[2:]), 1, 0)

    def step(numbers: Array, band: tuple[Array, Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        x, y, cotangent = band
        runs, *slopes = jax.vmap(functools.partial(_pull_one, inside=inside))(image, x, y, cotangent)
        first = _first_numbers(x, y, image.shape)
        pairs = jnp.stack([first, first + width * channels], axis=-1).reshape(-1, 1)
        runs = runs.reshape(-1, 2 * channels)
        return lax.scatter_add(numbers, pairs, runs, _RUNS, mode="promise_in_bounds"), (slopes[0], slopes[1])

    zeros = jnp.zeros((_count(image.shape),), jnp.float32)
    numbers, slopes = lax.scan(step, zeros, (cut(x), cut(y), cut(cotangent)))
    along_x, along_y = (jnp.moveaxis(along, 0, 1).reshape(n, bands * size, -1)[:, :rows] for along in slopes)
    return numbers[channels:-channels].reshape(n, height + 2, width, channels)[:, 1:-1], along_x, along_y


def _count(shape: tuple[int, ...]) -> int:
    n, height, width, channels = shape
    return (n * (height + 2) * width + 2) * channels


def _first_numbers(x: Float[Array, "n i j"], y: Float[Array, "n i j"], shape: tuple[int, ...]) -> Array:
    """Returns where the upper run of each position begins: at the pixel before it, or just outside."""
    n, height, width, channels = shape
    # Clipped as integers: what NaN becomes is left to the device.
    column = jnp.clip(jnp.floor(x).astype(jnp.int32), -1, width - 1)
    row = jnp.clip(jnp.floor(y).astype(jnp.int32), -1, height - 1) + 1
    row += (height + 2) * jnp.arange(n, dtype=jnp.int32)[:, None, None]
    return (row * width + column + 1) * channels


def _pull_one(
    image: Float[Array, "h w c"],
    x: Float[Array, "i j"],
    y: Float[Array, "i j"],
    cotangent: Float[Array, "i j c"],
    inside: bool,
) -> tuple[Float[Array, "i j 4 c"], Float[Array, "i j"], Float[Array, "i j"]]:
    """Returns what each position adds to its four corners, and its own gradient."""
    four, cotangent = reference.known_corners(image, x, y, cotangent, inside)
    weights = jnp.stack([corner.weight_x * corner.weight_y for corner in four], axis=-1)
    # A corner that a position does not need gets nothing even of an infinite cotangent.
    runs = jnp.where(weights[..., None] == 0.0, 0.0, cotangent[..., None, :] * weights[..., None])
    return runs, *reference.slopes(image, four, lambda values: _dot(values, cotangent))


def _dot(values: Float[Array, "i j c"], others: Float[Array, "i j c"]) -> Float[Array, "i j"]:
    channels = values.shape[-1]
    if channels <= _FEW_CHANNELS:
        return sum((values[..., k] * others[..., k] for k in range(1, channels)), values[..., 0] * others[..., 0])
    if jax.__version_info__ < (0, 11):  # its sums along the last axis are slow, however long it is
        return jnp.dot(values * others, jnp.ones((channels,), jnp.float32), precision=lax.Precision.HIGHEST)
    return (values * others).sum(axis=-1)
