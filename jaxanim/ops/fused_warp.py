"""Warps joined with what comes before or after them, so that whole pictures need not be written in between.

Each function equals the plain composition named in its docstring. Values and value ranges are those of the images
given; flows are backward displacements, float32.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxanim.core import checks
from jaxanim.core.types import Array, Float, Flow, Image, Int, Mask
from jaxanim.ops import flow as flows
from jaxanim.ops.grid_sample import api, dispatch
from jaxanim.ops.grid_sample.positions import Padding, Units

BAND_ROWS = 64  # of the output, computed at once: at 3840 columns the grid of a band is 2 MB


def sample_blend(
    image: Float[Array, "*b h w c"],
    grid: Float[Array, "*b i j 2"],
    color: Float[Array, "*b i j c"],
    alpha: Float[Array, "*b i j _"],
    *,
    padding: Padding,
    align_corners: bool,
    units: Units,
    implementation: dispatch.Implementation | None = None,
) -> tuple[Float[Array, "*b i j c"], Float[Array, "*b i j c"]]:
    """Paints what a warp cannot reach, as THA4 does.

    Returns:
      `alpha * color + (1 - alpha) * warped`, and `warped`, which is `grid_sample` of the image. XLA makes one pass of
      both, and of the first alone where the second is not used.

    Raises:
      ValueError: sizes differ; what `grid_sample` raises.
    """
    checks.check_same_leading_shape("grid and color", grid.shape[:-1], color.shape[:-1])
    warped = api.grid_sample(
        image, grid, padding=padding, align_corners=align_corners, units=units, implementation=implementation
    )
    return color * alpha + warped * (1.0 - alpha), warped


def warp_blend(
    image: Image,
    flow_px: Flow,
    color: Image,
    alpha: Mask,
    *,
    padding: Padding,
    implementation: dispatch.Implementation | None = None,
) -> tuple[Image, Image]:
    """`sample_blend` by a flow in place of a grid: `warped` is `flow.warp(image, flow_px)`.

    Raises:
      TypeError: the flow is not float32.
      ValueError: sizes differ.
    """
    checks.check_trailing_shape("flow_px", flow_px, (*image.shape[-3:-1], 2))
    return sample_blend(
        image,
        flows.positions_of(flow_px),
        color,
        alpha,
        padding=padding,
        align_corners=False,
        units="pixel",
        implementation=implementation,
    )


def warp_many(
    images: tuple[Float[Array, "*b h w _"], ...],
    flow_px: Flow,
    *,
    padding: Padding,
    implementation: dispatch.Implementation | None = None,
) -> tuple[Float[Array, "*b h w _"], ...]:
    """Returns `flow.warp` of several images or feature maps of one size by one flow, as GDPW warps its features.

    Positions and weights are made once, and each pixel is looked up once for all images.

    Raises:
      ValueError: sizes differ, or there is no image.
      TypeError: types of the images differ, or the flow is not float32.
    """
    if not images:
        raise ValueError("warp_many needs at least one image")
    for image in images[1:]:
        checks.check_same_leading_shape("images", images[0].shape[:-1], image.shape[:-1])
        if image.dtype != images[0].dtype:
            raise TypeError(f"images must be of one type, got {images[0].dtype} and {image.dtype}")
    together = flows.warp(jnp.concatenate(images, axis=-1), flow_px, padding=padding, implementation=implementation)
    ends = [sum(image.shape[-1] for image in images[: index + 1]) for index in range(len(images) - 1)]
    return tuple(jnp.split(together, ends, axis=-1))


def warp_by_small_flow(
    image: Image,
    flow_px: Float[Array, "*b i j 2"],
    *,
    padding: Padding,
    base: Image | None = None,
    implementation: dispatch.Implementation | None = None,
) -> Image:
    """Warps a large image by a flow that is given at low resolution, in pixels of its own size.

    Equals `flow.warp(image, flow.resize(flow_px, h, w))`, plus `base`, as ResWarp (ATW, section 3.3) lifts a residual
    to the source's resolution. Neither the large flow nor the large grid ever exists: bands of 64 rows are
    interpolated, sampled and written one after the other, and again in the backward pass.

    Args:
      image: what is warped, for ResWarp the residual.
      flow_px: a displacement of 1 is one pixel of the flow's own size.
      padding: see `grid_sample`.
      base: what the result is added to; None adds nothing.
      implementation: see `grid_sample`.

    Raises:
      TypeError: the flow is not float32.
      ValueError: batch axes differ, or `base` has another shape than `image`.
    """
    checks.check_float32("flow_px", flow_px)
    checks.check_same_leading_shape("image and flow_px", image.shape[:-3], flow_px.shape[:-3])
    if base is not None:
        checks.check_same_leading_shape("image and base", image.shape, base.shape)
    height, width = image.shape[-3:-1]
    bands = -(-height // BAND_ROWS)
    scaled = flow_px * _broadcast(
        jnp.asarray([width / flow_px.shape[-2], height / flow_px.shape[-3]], flow_px.dtype), flow_px.ndim
    )

    @jax.checkpoint
    def band(number: Int[Array, ""]) -> Image:
        row = number * BAND_ROWS + jnp.arange(BAND_ROWS, dtype=jnp.int32)
        column = jnp.arange(width, dtype=jnp.int32)
        along = _interpolate(_interpolate(scaled, row, height, -3), column, width, -2)
        here = flows.grid_of_axes(column.astype(jnp.float32), row.astype(jnp.float32))
        return api.grid_sample(
            image,
            along + _broadcast(here, along.ndim),
            padding=padding,
            align_corners=False,
            units="pixel",
            implementation=implementation,
        )

    stacked = jnp.moveaxis(lax.map(band, jnp.arange(bands, dtype=jnp.int32)), 0, -4)
    whole = stacked.reshape(*image.shape[:-3], bands * BAND_ROWS, width, image.shape[-1])
    warped = lax.slice_in_dim(whole, 0, height, axis=whole.ndim - 3)
    return warped if base is None else base + warped


def _interpolate(values: Array, index: Int[Array, " n"], size: int, axis: int) -> Array:
    """Resizes an axis to `size` by linear interpolation (half-pixel centres, edges repeated), at some indices only."""
    old = values.shape[axis]
    position = (index.astype(jnp.float32) + 0.5) * (old / size) - 0.5
    position = jnp.clip(position, 0.0, float(old - 1))
    first = jnp.floor(position).astype(jnp.int32)
    fraction = position - first.astype(jnp.float32)
    shape = [1] * values.ndim
    shape[axis] = index.shape[0]
    low = jnp.take(values, first, axis=axis)
    high = jnp.take(values, jnp.minimum(first + 1, old - 1), axis=axis)
    return low + (high - low) * fraction.reshape(shape)


def _broadcast(values: Array, rank: int) -> Array:
    return jnp.expand_dims(values, tuple(range(rank - values.ndim)))
