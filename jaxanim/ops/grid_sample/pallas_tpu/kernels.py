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
_NOWHERE, _FAR_AWAY = -1e6, 1e6  # of a pixel and of a position; they have no weight for any other, nor for each other


def pixels(
    tile_ref: Any, origin_ref: Any, state_ref: Any, position_ref: Any, image_ref: Any, out_ref: Any, sum_ref: Any
) -> None:
    """Adds one window's part to its tile."""
    step = pl.program_id(0)
    state = state_ref[step]
    channels = image_ref.shape[-1]
    positions, known = _columns(position_ref)
    part = jnp.zeros(sum_ref.shape, jnp.float32)
    for row, (weight_x, _, weight_y, _) in _window_weights(positions, origin_ref[step], state):
        strip = image_ref[0, row : row + _LANES // WINDOW_COLUMNS].reshape(_LANES, channels)
        part += product(weight_x * weight_y, strip, (1, 0))
    total = jnp.where(known, accumulate(sum_ref, part, (state & 1) == 1), jnp.nan)
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
    step = pl.program_id(0)
    state = state_ref[step]
    channels, points = image_ref.shape[-1], position_ref.shape[-1]
    positions, known = _columns(position_ref)
    cotangent = cotangent_ref[0].reshape(points, channels)
    along_x = jnp.zeros((points, _LANES), jnp.float32)
    along_y = along_x
    for row, (weight_x, slope_x, weight_y, slope_y) in _window_weights(positions, origin_ref[step], state):
        strip = image_ref[0, row : row + _LANES // WINDOW_COLUMNS].reshape(_LANES, channels)
        alike = product(cotangent.astype(jnp.float32), strip, (1, 1))
        along_x += alike * slope_x * weight_y
        along_y += alike * weight_x * slope_y
    sums = [jnp.sum(values, axis=1, keepdims=True) for values in (along_x, along_y)]
    part = jnp.concatenate([*sums, jnp.zeros((points, _LANES - 2), jnp.float32)], axis=1)
    part = jnp.where(known, part, 0.0)  # a cotangent there may be NaN, too
    total = accumulate(sum_ref, part, (state & 1) == 1)
    gradient_ref[0] = jnp.transpose(total)[0:2]


def image_gradient(
    tile_ref: Any,
    image_tile_ref: Any,
    corner_ref: Any,
    position_ref: Any,
    cotangent_ref: Any,
    gradient_ref: Any,
    sum_ref: Any,
) -> None:
    """Adds one output tile's part to the gradient of one image tile."""
    part = _image_tile_part(corner_ref, position_ref, cotangent_ref)
    total = accumulate(sum_ref, part, begins_image_tile(image_tile_ref, pl.program_id(0)))
    gradient_ref[0] = total.reshape(gradient_ref.shape[1:])


def add_image_gradient(
    tile_ref: Any,
    image_tile_ref: Any,
    corner_ref: Any,
    position_ref: Any,
    cotangent_ref: Any,
    before_ref: Any,
    gradient_ref: Any,
    sum_ref: Any,
) -> None:
    """The same, added to what other lists have found for the image tile."""
    part = _image_tile_part(corner_ref, position_ref, cotangent_ref)
    is_first = begins_image_tile(image_tile_ref, pl.program_id(0))
    part += jnp.where(is_first, before_ref[0].reshape(part.shape), 0.0)
    gradient_ref[0] = accumulate(sum_ref, part, is_first).reshape(gradient_ref.shape[1:])


def _image_tile_part(corner_ref: Any, position_ref: Any, cotangent_ref: Any) -> Float[Array, "256 c"]:
    points, channels = position_ref.shape[-1], cotangent_ref.shape[-1]
    weights = image_tile_weights(position_ref, corner_ref[pl.program_id(0)])
    cotangent = cotangent_ref[0].reshape(points, channels)
    _, known = _columns(position_ref)
    return product(weights, jnp.where(known, cotangent, jnp.zeros((), cotangent.dtype)), (1, 0))


def image_tile_weights(position_ref: Any, corner: Array) -> Float[Array, "256 p"]:
    """Returns the weight of each pixel of an image tile, whose corner is row << 16 | column, at each position."""
    pixel = lax.broadcasted_iota(jnp.int32, (TILE * TILE, 1), 0)
    column = (corner & 0xFFFF) + pixel % TILE
    row = (corner >> 16) + pixel // TILE
    x, y = position_ref[0, 0:1], position_ref[0, 1:2]
    weight_x, _ = hat(column.astype(jnp.float32) - x)
    weight_y, _ = hat(row.astype(jnp.float32) - y)
    return jnp.where(is_known(x, y), weight_x * weight_y, 0.0)


def is_known(x: Array, y: Array) -> Array:
    """Returns where positions are not NaN. Resolved ones are at least -2; x != x is for compilers to do away with."""
    return (x >= -2.0) & (y >= -2.0)


def begins_image_tile(image_tile_ref: Any, step: Array) -> Array:
    """Returns whether a step of the list is the first of its image tile."""
    return (step == 0) | (image_tile_ref[jnp.maximum(step - 1, 0)] != image_tile_ref[step])


def accumulate(sum_ref: Any, part: Array, is_first: Array) -> Array:
    """Adds a part to the sum kept from one grid step to the next, which begins anew with the first; returns it."""
    total = jnp.where(is_first, 0.0, sum_ref[...]) + part
    sum_ref[...] = total
    return total


def _columns(position_ref: Any) -> tuple[Float[Array, "p 8"], Array]:
    """Returns x and y of a tile's positions as columns, and where they are known; unknown ones are far away."""
    points = position_ref.shape[-1]
    positions = jnp.transpose(jnp.concatenate([position_ref[0], jnp.zeros((6, points), jnp.float32)], axis=0))
    known = is_known(positions[:, 0:1], positions[:, 1:2])
    return jnp.where(known, positions, _FAR_AWAY), known


def _window_weights(positions: Float[Array, "p 8"], origin: Array, state: Array) -> list[tuple[int, tuple[Array, ...]]]:
    """Returns, for each strip of 128 window pixels, its first row and weights and slopes along x and y (P x 128)."""
    rows_per_strip = _LANES // WINDOW_COLUMNS
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
