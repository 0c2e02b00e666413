"""ResWarp for a stream of frames of one photo: 8 bits in, 8 bits out, in bands of rows. RGB, one picture at a time.

The same numbers as `residual_warp` up to the float16 of its residuals (less than a tenth of a level of 255), in a
fraction of the time and memory: a band of rows is enlarged, moved, added and rounded before the next one is begun, so
that no picture of the photo's size exists but the residuals and the result. Frames are in [-1, 1], photos in 0 to 255.

Enlarging by a large factor is a product with a matrix of bilinear weights, which is what makes this fast on CPUs; by a
small one (the halvings of a pyramid) it is a sum of shifted rows.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxanim.core import checks
from jaxanim.core.types import Array, Float, Int, UInt8
from jaxanim.ops import pyramid, residual_warp
from jaxanim.ops.residual_warp import Fit, Mode, Residuals

BAND_ROWS = 64  # measured best among 16 to 136 on two cores of a Xeon: a band of 4K is 3 MB of float32
STORED = jnp.float16
_LARGEST_SUM = 4  # factors up to here are enlarged by sums, larger ones by products
_HALF_RANGE = 127.5


RowsOf = Callable[[Int[Array, ""], int], Float[Array, "r w 3"]]  # the first row and how many -> rows of a picture


class Rows(NamedTuple):
    """Some rows of a picture: the first one's number, and how many."""

    first: int
    number: int


def take_apart(photo: UInt8[Array, "h w 3"], small_size: tuple[int, int], *, mode: Mode, fit: Fit = "pad") -> Residuals:
    """`residual_warp.take_apart` of an 8-bit photo, into residuals of float16.

    Args:
      photo: any size.
      small_size: height and width of the network's pictures, which are float32 in [-1, 1].
      mode: which residuals.
      fit: how a photo becomes a multiple of the small size.
    """
    size = (photo.shape[0], photo.shape[1])
    layout = residual_warp.lay_out(*size, small_size, mode=mode, fit=fit)
    height, width = (small_size[axis] * layout.factors[axis] for axis in (0, 1))
    left = layout.corner[1]

    def padded(row: Int[Array, ""], count: int) -> Float[Array, "r w 3"]:
        numbers = jnp.clip(row + jnp.arange(count) - layout.corner[0], 0, size[0] - 1)
        rows = photo[numbers].astype(jnp.float32) / _HALF_RANGE - 1.0
        return jnp.pad(rows, ((0, 0), (left, width - size[1] - left), (0, 0)), mode="edge")

    rows_of: RowsOf = padded
    bands = []
    for step in layout.steps:
        smaller = _shrunk(rows_of, (height, width), step)
        if mode != "none":
            lost = functools.partial(_lost_rows, rows_of, _Enlarged(smaller, step, first=0, height=height // step[0]))
            bands.append(_in_bands(lost, Rows(0, height), jnp.zeros((height, width, 3), STORED)))
        rows_of = functools.partial(_rows_of, smaller)
        height, width = smaller.shape[:2]
    return Residuals(rows_of(jnp.asarray(0), height), tuple(bands), layout.steps, size, layout.corner)


def assemble(
    residuals: Residuals, image: Float[Array, "i j 3"], flow_px: Float[Array, "k l 2"], *, align_corners: bool
) -> UInt8[Array, "h w 3"]:
    """`residual_warp.assemble` of one frame, rounded to 8 bits.

    Args:
      residuals: of `take_apart`.
      image: a small frame in [-1, 1].
      flow_px: its backward flow in pixels of the small size, finite.
      align_corners: how displacements grow, see `residual_warp.assemble`.

    Raises:
      ValueError: sizes do not fit.
    """
    checks.check_trailing_shape("image", image, residuals.small.shape)
    checks.check_trailing_shape("flow_px", flow_px, (*image.shape[:2], 2))
    (height, width), (top, left) = residuals.size, residuals.corner
    # What is not finite would be read out of bounds.
    flow_px = jnp.clip(jnp.nan_to_num(flow_px), -float(max(image.shape[:2])), float(max(image.shape[:2])))
    if not residuals.steps:
        return _to_bytes(image[top : top + height, left : left + width])
    needed = _needed_rows(residuals)
    rows = Rows(0, image.shape[0])
    for level in reversed(range(len(residuals.steps))):
        image = _level(residuals, level, image, rows, needed[level], flow_px, align_corners)
        rows = needed[level]
    return image


def _level(
    residuals: Residuals, level: int, image: Array, have: Rows, rows: Rows, flow_px: Array, align_corners: bool
) -> Float[Array, "i j 3"] | UInt8[Array, "h w 3"]:
    """Computes rows of one level from rows of the next smaller one.

    The finest level comes in 8 bits and without what was padded.
    """
    step = residuals.steps[level]
    height = residuals.small.shape[0] * math.prod(step[0] for step in residuals.steps[level:])
    width = image.shape[1] * step[1]
    columns = slice(residuals.corner[1], residuals.corner[1] + residuals.size[1]) if level == 0 else slice(0, width)
    base = _Enlarged(image, step, first=have.first, height=height // step[0], columns=columns)
    band = residuals.bands[level] if residuals.bands else None
    growth = residual_warp.growth_of(flow_px.shape[:2], (height, width), align_corners=align_corners)
    # Displacements of all columns along x, then of all columns along y: planes, not pairs.
    weights = _weights(flow_px.shape[1], width)[:, columns]
    along = jnp.concatenate([_product(flow_px[..., axis] * growth[axis], weights) for axis in (0, 1)], axis=1)
    place = jnp.arange(width, dtype=jnp.float32)[None, columns]

    def compute(row: Int[Array, ""], count: int) -> Array:
        result = base.rows(row, count)
        if band is not None:
            x, y = jnp.split(_rows_between(along, 0, along.shape[0], height, row, count), 2, axis=1)
            y += (row + jnp.arange(count)).astype(jnp.float32)[:, None]
            result += _read(band, x + place, y)
        return result if level else _to_bytes(result)

    kind = jnp.float32 if level else jnp.uint8
    return _in_bands(compute, rows, jnp.zeros((rows.number, place.shape[1], 3), kind))


def _read(band: Float[Array, "h w 3"], x: Float[Array, "r n"], y: Float[Array, "r n"]) -> Float[Array, "r n 3"]:
    """Reads bilinearly, edges repeated. Both sides have two pixels or more."""
    height, width = band.shape[:2]
    x, y = jnp.clip(x, 0.0, width - 1.0), jnp.clip(y, 0.0, height - 1.0)
    column, row = (jnp.minimum(position.astype(jnp.int32), size - 2) for position, size in ((x, width), (y, height)))
    right, down = (x - column.astype(jnp.float32))[..., None], (y - row.astype(jnp.float32))[..., None]
    pixels, first = band.reshape(-1, 3), row * width + column

    def at(offset: int) -> Float[Array, "r n 3"]:
        return pixels.at[first + offset].get(mode="promise_in_bounds").astype(jnp.float32)

    above = at(0) * (1.0 - right) + at(1) * right
    below = at(width) * (1.0 - right) + at(width + 1) * right
    return above * (1.0 - down) + below * down


def _needed_rows(residuals: Residuals) -> tuple[Rows, ...]:
    """Returns the rows of each level that the photo's own rows depend on, finest first."""
    height = residuals.small.shape[0] * math.prod(step[0] for step in residuals.steps)
    first, last = residuals.corner[0], residuals.corner[0] + residuals.size[0] - 1
    needed = []
    for factor, _ in residuals.steps:
        needed.append(Rows(first, last - first + 1))
        height //= factor
        first, last = max(first // factor - 1, 0), min(last // factor + 1, height - 1)
    return tuple(needed)


def _in_bands(compute: RowsOf, rows: Rows, out: Array, *, band_rows: int = BAND_ROWS) -> Array:
    """Writes rows of a picture into `out`, band after band; the last one may overlap the one before."""
    count = min(band_rows, rows.number)

    def write(number: Int[Array, ""], out: Array) -> Array:
        at = jnp.minimum(number * count, rows.number - count)
        return lax.dynamic_update_slice_in_dim(out, compute(rows.first + at, count).astype(out.dtype), at, axis=0)

    return lax.fori_loop(0, -(-rows.number // count), write, out)


def _shrunk(rows_of: RowsOf, size: tuple[int, int], step: pyramid.Factors) -> Float[Array, "i j 3"]:
    """Returns the means of blocks of a picture that is given by its rows."""

    def means(row: Int[Array, ""], count: int) -> Float[Array, "r j 3"]:
        return pyramid.downsample_area(rows_of(row * step[0], count * step[0]), step)

    height, width = size[0] // step[0], size[1] // step[1]
    out = jnp.zeros((height, width, 3), jnp.float32)
    return _in_bands(means, Rows(0, height), out, band_rows=max(1, BAND_ROWS // step[0]))


def _lost_rows(rows_of: RowsOf, enlarged: "_Enlarged", row: Int[Array, ""], count: int) -> Float[Array, "r w 3"]:
    """Returns what rows of a picture have and those of the enlarged smaller one lack."""
    return rows_of(row, count) - enlarged.rows(row, count)


def _rows_of(image: Float[Array, "h w 3"], row: Int[Array, ""], count: int) -> Float[Array, "r w 3"]:
    return lax.dynamic_slice_in_dim(image, row, count, axis=0)


class _Enlarged:
    """Rows of `pyramid.upsample_bilinear`: columns are interpolated at once, rows when they are asked for."""

    def __init__(
        self,
        image: Float[Array, "h w 3"],
        step: pyramid.Factors,
        *,
        first: int,
        height: int,
        columns: slice = slice(None),
    ):
        """Takes rows of a smaller picture.

        Args:
          image: the rows.
          step: by what to enlarge.
          first: number of the first of them.
          height: of the whole smaller picture.
          columns: of the enlarged picture.
        """
        width = image.shape[1]
        if step[1] <= _LARGEST_SUM:
            across = pyramid.upsample_bilinear(image, (1, step[1]))
        else:
            weights = _weights(width, width * step[1])
            across = jnp.stack([_product(image[..., channel], weights) for channel in range(3)], axis=-1)
        self._across = across[:, columns]
        self._first, self._height, self._factor = first, height, step[0]

    def rows(self, row: Int[Array, ""], count: int) -> Float[Array, "r w 3"]:
        """Returns rows of the enlarged picture."""
        flat = self._across.reshape(self._across.shape[0], -1)
        rows = _rows_between(flat, self._first, self._height, self._height * self._factor, row, count)
        return rows.reshape(count, *self._across.shape[1:])


def _rows_between(
    values: Float[Array, "m n"], first: int, old: int, size: int, row: Int[Array, ""], count: int
) -> Float[Array, "r n"]:
    """Returns rows of a picture enlarged from `old` rows to `size`: half-pixel centres, edges repeated.

    A product with few rows around those asked for; `values` are the picture's rows from number `first` on.
    """
    if old == size:
        return lax.dynamic_slice_in_dim(values, row - first, count, axis=0)
    position = ((row + jnp.arange(count)).astype(jnp.float32) + 0.5) * (old / size) - 0.5
    position = jnp.clip(position, 0.0, old - 1.0)
    around = min(values.shape[0], count * old // size + 3)
    start = jnp.clip(position[0].astype(jnp.int32) - first, 0, values.shape[0] - around)
    numbers = (first + start + jnp.arange(around)).astype(jnp.float32)
    weights = jnp.maximum(1.0 - jnp.abs(position[:, None] - numbers[None, :]), 0.0)
    return _product(weights, lax.dynamic_slice_in_dim(values, start, around, axis=0))


def _weights(old: int, size: int) -> Float[Array, "{old} {size}"]:
    """Returns the matrix that enlarges rows from `old` to `size` values: half-pixel centres, edges repeated."""
    position = jnp.clip((jnp.arange(size, dtype=jnp.float32) + 0.5) * (old / size) - 0.5, 0.0, old - 1.0)
    distance = jnp.abs(jnp.arange(old, dtype=jnp.float32)[:, None] - position[None, :])
    return jnp.maximum(1.0 - distance, 0.0)


def _product(rows: Float[Array, "r m"], across: Float[Array, "m n"]) -> Float[Array, "r n"]:
    return jnp.matmul(rows, across, precision=lax.Precision.HIGHEST)


def _to_bytes(image: Float[Array, "h w 3"]) -> UInt8[Array, "h w 3"]:
    return jnp.clip(jnp.round((image + 1.0) * _HALF_RANGE), 0.0, 255.0).astype(jnp.uint8)
