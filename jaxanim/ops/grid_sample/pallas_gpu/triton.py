"""The warp as Pallas kernels for NVIDIA GPUs (Ampere and newer, through Triton).

Forward, a program reads the four corners of a block of positions for a block of channels and adds them up. Backward,
one pass over the cotangent does both gradients: the image's by atomic adds of float32, the positions' in registers.
The images of a batch are one long image; a position knows which it belongs to.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from jaxanim.core.types import Array, Float

_MAX_ELEMENTS = 2**31  # indices are int32
_BLOCK = 2048  # positions times channels of a program
_MAX_CHANNELS = 64  # of a program


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def read(
    image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"], interpret: bool = False
) -> Float[Array, "n i j c"]:
    """Reads images that are 0 outside at resolved positions (see `positions.resolve`).

    Args:
      image: float32, bfloat16 or float16.
      position: float32 pixels.
      interpret: runs the kernel step by step on any platform, for tests.

    Raises:
      NotImplementedError: the arrays have 2^31 elements or more.
    """
    return _run_forward(image, position, interpret)


def _run_forward(image: Array, position: Array, interpret: bool) -> Array:
    shape = _Shape(image, position)
    kernel = functools.partial(_forward_kernel, shape=shape)
    return pl.pallas_call(
        kernel,
        grid=(pl.cdiv(shape.points, shape.block), pl.cdiv(shape.channels, shape.channel_block)),
        out_shape=jax.ShapeDtypeStruct((shape.points, shape.channels), image.dtype),
        compiler_params=None if interpret else triton.CompilerParams(num_warps=4, num_stages=2),
        interpret=interpret,
        name="grid_sample_forward",
    )(image.reshape(-1, shape.channels), position.reshape(-1, 2)).reshape(*position.shape[:-1], shape.channels)


def _run_backward(image: Array, position: Array, cotangent: Array, interpret: bool) -> tuple[Array, Array]:
    shape = _Shape(image, position)
    rows = image.reshape(-1, shape.channels)
    kernel = functools.partial(_backward_kernel, shape=shape, interpret=interpret)
    image_gradient, position_gradient = pl.pallas_call(
        kernel,
        grid=(pl.cdiv(shape.points, shape.block),),
        out_shape=(
            jax.ShapeDtypeStruct(rows.shape, jnp.float32),
            jax.ShapeDtypeStruct((shape.points, 2), jnp.float32),
        ),
        input_output_aliases={3: 0},
        compiler_params=None if interpret else triton.CompilerParams(num_warps=4, num_stages=2),
        interpret=interpret,
        name="grid_sample_backward",
    )(rows, position.reshape(-1, 2), cotangent.reshape(-1, shape.channels), jnp.zeros(rows.shape, jnp.float32))
    return image_gradient.reshape(image.shape).astype(image.dtype), position_gradient.reshape(position.shape)


class _Shape:
    """Sizes that both kernels need."""

    def __init__(self, image: Array, position: Array):
        count, self.height, self.width, self.channels = image.shape
        self.points = math.prod(position.shape[:-1])
        self.points_per_image = self.points // count
        if max(image.size, self.points * max(self.channels, 2)) >= _MAX_ELEMENTS:  # a position has two
            raise NotImplementedError(
                f"pallas_gpu takes fewer than 2^31 elements, got image {image.shape} and positions {position.shape}"
            )
        self.channel_block = min(pl.next_power_of_2(self.channels), _MAX_CHANNELS)
        self.block = max(16, min(256, _BLOCK // self.channel_block))


def _load_position(position_ref: Any, point: Array, exists: Array) -> tuple[Array, Array]:
    zero = jnp.zeros(point.shape, jnp.int32)
    x = triton.load(position_ref.at[point, zero], mask=exists, other=0.0)
    y = triton.load(position_ref.at[point, zero + 1], mask=exists, other=0.0)
    return x, y


def _corners(x: Array, y: Array, first: Array, exists: Array, shape: _Shape) -> list[tuple[Array, Array, Array]]:
    """Returns (index of the pixel, whether to read it, its weight) of the four pixels around each position."""
    left, top = jnp.floor(x), jnp.floor(y)
    right_weight, bottom_weight = x - left, y - top
    column, row = left.astype(jnp.int32), top.astype(jnp.int32)
    found = []
    for down in (0, 1):
        for right in (0, 1):
            i, j = row + down, column + right
            inside = (i >= 0) & (i < shape.height) & (j >= 0) & (j < shape.width) & exists
            weight_x = right_weight if right else 1.0 - right_weight
            weight_y = bottom_weight if down else 1.0 - bottom_weight
            found.append((first + i * shape.width + j, inside, weight_x * weight_y))
    return found


def _forward_kernel(image_ref: Any, position_ref: Any, out_ref: Any, *, shape: _Shape) -> None:
    point = pl.program_id(0) * shape.block + jnp.arange(shape.block, dtype=jnp.int32)
    channel = pl.program_id(1) * shape.channel_block + jnp.arange(shape.channel_block, dtype=jnp.int32)
    exists, wanted = point < shape.points, (channel < shape.channels)[None, :]
    x, y = _load_position(position_ref, point, exists)
    unknown = jnp.isnan(x) | jnp.isnan(y)
    first = (point // shape.points_per_image) * (shape.height * shape.width)
    total = jnp.zeros((shape.block, shape.channel_block), jnp.float32)
    for index, inside, weight in _corners(x, y, first, exists & ~unknown, shape):
        value = triton.load(image_ref.at[index[:, None], channel[None, :]], mask=inside[:, None] & wanted, other=0.0)
        total += value.astype(jnp.float32) * jnp.where(unknown, 0.0, weight)[:, None]
    total = jnp.where(unknown[:, None], jnp.float32(jnp.nan), total)
    target = out_ref.at[point[:, None], channel[None, :]]
    triton.store(target, total.astype(out_ref.dtype), mask=exists[:, None] & wanted)


def _backward_kernel(
    image_ref: Any,
    position_ref: Any,
    cotangent_ref: Any,
    zeros_ref: Any,
    image_gradient_ref: Any,
    position_gradient_ref: Any,
    *,
    shape: _Shape,
    interpret: bool,
) -> None:
    del zeros_ref  # the same memory as image_gradient_ref
    point = pl.program_id(0) * shape.block + jnp.arange(shape.block, dtype=jnp.int32)
    exists = point < shape.points
    x, y = _load_position(position_ref, point, exists)
    unknown = jnp.isnan(x) | jnp.isnan(y)
    x, y = jnp.where(unknown, 0.0, x), jnp.where(unknown, 0.0, y)
    first = (point // shape.points_per_image) * (shape.height * shape.width)
    four = _corners(x, y, first, exists & ~unknown, shape)

    def channels(block: Array, dots: tuple[Array, ...]) -> tuple[Array, ...]:
        channel = block * shape.channel_block + jnp.arange(shape.channel_block, dtype=jnp.int32)
        wanted = (channel < shape.channels)[None, :]
        source = cotangent_ref.at[point[:, None], channel[None, :]]
        # Where a position is NaN, the cotangent may be, too.
        cotangent = triton.load(source, mask=(exists & ~unknown)[:, None] & wanted, other=0.0).astype(jnp.float32)
        found = []
        for (index, inside, weight), dot in zip(four, dots, strict=True):
            mask = inside[:, None] & wanted
            value = triton.load(image_ref.at[index[:, None], channel[None, :]], mask=mask, other=0.0)
            found.append(dot + jnp.sum(value.astype(jnp.float32) * cotangent, axis=1))
            _atomic_add(image_gradient_ref, index, channel, cotangent * weight[:, None], mask, interpret)
        return tuple(found)

    zero = jnp.zeros((shape.block,), jnp.float32)
    a, b, c, d = lax.fori_loop(0, pl.cdiv(shape.channels, shape.channel_block), channels, (zero, zero, zero, zero))
    fraction_x, fraction_y = x - jnp.floor(x), y - jnp.floor(y)
    column = jnp.zeros(point.shape, jnp.int32)
    slope_x = (1.0 - fraction_y) * (b - a) + fraction_y * (d - c)
    slope_y = (1.0 - fraction_x) * (c - a) + fraction_x * (d - b)
    triton.store(position_gradient_ref.at[point, column], slope_x, mask=exists)
    triton.store(position_gradient_ref.at[point, column + 1], slope_y, mask=exists)


def _atomic_add(ref: Any, index: Array, channel: Array, value: Array, mask: Array, interpret: bool) -> None:
    """Adds to an array that other programs add to.

    Interpreted, Pallas's own refuses masks and loses all but one of equal indices; one program runs at a time there.
    """
    if interpret:
        rows, columns = jnp.where(mask, index[:, None], 0), jnp.where(mask, channel[None, :], 0)
        ref[...] = ref[...].at[rows, columns].add(jnp.where(mask, value, 0.0))
        return
    rows, columns = jnp.broadcast_to(index[:, None], value.shape), jnp.broadcast_to(channel[None, :], value.shape)
    triton.atomic_add(ref, (rows, columns), value, mask=mask)


def _forward(image: Array, position: Array, interpret: bool) -> tuple[Array, tuple[Array, Array]]:
    return _run_forward(image, position, interpret), (image, position)


def _backward(interpret: bool, residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    return _run_backward(*residuals, cotangent, interpret)


read.defvjp(_forward, _backward)
