"""The three TPU kernels: pixels, gradient of the positions, gradient of the image.

Interpolating a tile of P output pixels from Q image pixels is a product with the P x Q matrix of bilinear weights

    W[p, q] = hat(x_q - x_p) hat(y_q - y_p),   hat(d) = max(1 - |d|, 0)

which is built in registers and multiplied on the matrix unit: out = W image. Its derivative with respect to the
positions is a sum over (cotangent image^T) dW/dx, with respect to the image W^T cotangent: no gather, no scatter.
What lies outside the image has no pixel, so that its weight is lost, as it must be.
"""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample.pallas_tpu.tiles import TILE, WINDOW_COLUMNS, WINDOW_ROWS

_LANES = 128
_NOWHERE = -1e6  # a pixel there has no weight


def pixels(
    tile_ref: Any, origin_ref: Any, state_ref: Any, position_ref: Any, image_ref: Any, out_ref: Any, sum_ref: Any
) -> None:
    """Adds one window's part to its tile."""
    del tile_ref
    step = pl.program_id(0)
    state = state_ref[step]
    channels = image_ref.shape[-1]
    part = jnp.zeros(sum_ref.shape, jnp.float32)
    for row, (weight_x, _, weight_y, _) in _window_weights(position_ref, origin_ref[step], state):
        strip = image_ref[0, row : row + _LANES // WINDOW_COLUMNS].reshape(_LANES, channels)
        part += product(weight_x * weight_y, strip, (1, 0))
    total = accumulate(sum_ref, part, (state & 1) == 1)
    out_ref[0] = total.reshape(out_ref.shape[1:]).astype(out_ref.dtype)


def position_gradient(
    tile_ref: Any,
    origin_ref: Any,
    state_ref: Any,
    position_ref: Any,
    image_ref: Any,
    cotangent_ref: Any,
    gradient_ref: Any,
    sum_ref: Any,
) -> None:
    """Adds one window's part to the gradient of its tile's positions."""
    del tile_ref
    step = pl.program_id(0)
    state = state_ref[step]
    channels, points = image_ref.shape[-1], position_ref.shape[-1]
    cotangent = cotangent_ref[0].reshape(points, channels)
    along_x = jnp.zeros((points, _LANES), jnp.float32)
    along_y = along_x
    for row, (weight_x, slope_x, weight_y, slope_y) in _window_weights(position_ref, origin_ref[step], state):
        strip = image_ref[0, row : row + _LANES // WINDOW_COLUMNS].reshape(_LANES, channels)
        alike = product(cotangent.astype(jnp.float32), strip, (1, 1))
        along_x += alike * slope_x * weight_y
        along_y += alike * weight_x * slope_y
    sums = [jnp.sum(values, axis=1, keepdims=True) for values in (along_x, along_y)]
    part = jnp.concatenate([*sums, jnp.zeros((points, _LANES - 2), jnp.float32)], axis=1)
    total = accumulate(sum_ref, part, (state & 1) == 1)
    gradient_ref[0] = jnp.transpose(total)[0:2]


def image_gradient(
    tile_ref: Any,
    image_tile_ref: Any,
    corner_ref: Any,
    position_ref: Any,
    cotangent_ref: Any,
    zeros_ref: Any,
    gradient_ref: Any,
    sum_ref: Any,
) -> None:
    """Adds one output tile's part to the gradient of one image tile."""
    del tile_ref, zeros_ref  # zeros_ref is the same memory as gradient_ref: image tiles that nothing touches stay 0
    step = pl.program_id(0)
    points, channels = position_ref.shape[-1], cotangent_ref.shape[-1]
    weights = image_tile_weights(position_ref, corner_ref[step])
    part = product(weights, cotangent_ref[0].reshape(points, channels), (1, 0))
    total = accumulate(sum_ref, part, begins_image_tile(image_tile_ref, step))
    gradient_ref[0] = total.reshape(gradient_ref.shape[1:])


def image_tile_weights(position_ref: Any, corner: Array) -> Float[Array, "256 p"]:
    """Returns the weight of each pixel of an image tile, whose corner is row << 16 | column, at each position."""
    pixel = lax.broadcasted_iota(jnp.int32, (TILE * TILE, 1), 0)
    column = (corner & 0xFFFF) + pixel % TILE
    row = (corner >> 16) + pixel // TILE
    weight_x, _ = hat(column.astype(jnp.float32) - position_ref[0, 0:1])
    weight_y, _ = hat(row.astype(jnp.float32) - position_ref[0, 1:2])
    return weight_x * weight_y


def begins_image_tile(image_tile_ref: Any, step: Array) -> Array:
    """Returns whether a step of the list is the first of its image tile."""
    return (step == 0) | (image_tile_ref[jnp.maximum(step - 1, 0)] != image_tile_ref[step])


def accumulate(sum_ref: Any, part: Array, is_first: Array) -> Array:
    """Adds a part to the sum kept from one grid step to the next, which begins anew with the first; returns it."""
    total = jnp.where(is_first, 0.0, sum_ref[...]) + part
    sum_ref[...] = total
    return total


def _window_weights(position_ref: Any, origin: Array, state: Array) -> list[tuple[int, tuple[Array, ...]]]:
    """Returns, for each strip of 128 window pixels, its first row and weights and slopes along x and y (P x 128)."""
    points = position_ref.shape[-1]
    rows_per_strip = _LANES // WINDOW_COLUMNS
    positions = jnp.transpose(jnp.concatenate([position_ref[0], jnp.zeros((6, points), jnp.float32)], axis=0))
    x = positions[:, 0:1] - (origin & 0xFFFF).astype(jnp.float32)
    y = positions[:, 1:2] - (origin >> 16).astype(jnp.float32)
    lane = lax.broadcasted_iota(jnp.int32, (1, _LANES), 1)
    column, row = lane % WINDOW_COLUMNS, lane // WINDOW_COLUMNS
    skipped_columns, skipped_rows = (state >> 1) & 0x7FFF, state >> 16
    weight_x, slope_x = hat(jnp.where(column >= skipped_columns, column.astype(jnp.float32), _NOWHERE) - x)
    strips: list[tuple[int, tuple[Array, ...]]] = []
    for first in range(0, WINDOW_ROWS, rows_per_strip):
        here = row + first
        weight_y, slope_y = hat(jnp.where(here >= skipped_rows, here.astype(jnp.float32), _NOWHERE) - y)
        strips.append((first, (weight_x, slope_x, weight_y, slope_y)))
    return strips


def hat(distance: Array) -> tuple[Array, Array]:
    """Returns the weight of a pixel at pixel - position, and its slope along the position (floor convention)."""
    weight = jnp.maximum(1.0 - jnp.abs(distance), 0.0)
    right, left = (distance > 0.0) & (distance <= 1.0), (distance > -1.0) & (distance <= 0.0)
    return weight, jnp.where(right, 1.0, jnp.where(left, -1.0, 0.0))


def product(weights: Array, values: Array, contract: tuple[int, int]) -> Array:
    """Multiplies float32 by float32 or bfloat16 on the matrix unit, to float32 accuracy (2^-16 for bfloat16)."""
    dimensions = (((contract[0],), (contract[1],)), ((), ()))
    if values.dtype == jnp.bfloat16:
        high = weights.astype(jnp.bfloat16)
        low = (weights - high.astype(jnp.float32)).astype(jnp.bfloat16)
        return _dot(high, values, dimensions) + _dot(low, values, dimensions)
    return _dot(weights, values, dimensions, lax.Precision.HIGHEST)


def _dot(a: Array, b: Array, dimensions: Any, precision: lax.Precision | None = None) -> Array:
    return lax.dot_general(a, b, dimensions, precision=precision, preferred_element_type=jnp.float32)
