"""Flows and grids: identity, units, warping, composition, resizing.

A flow is a backward displacement: output pixel p takes its value from position p + flow(p). Its unit is in its name:
`flow_px` in pixels of the image it warps, `flow_ndc` in normalised coordinates ([-1, 1] across the image, corners not
aligned, so that 2 is the full width). Positions are float32.
"""

import jax
import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.types import Array, Float, Flow, Image
from jaxanim.ops.grid_sample import api, dispatch
from jaxanim.ops.grid_sample.positions import Padding


def pixel_grid(height: int, width: int) -> Float[Array, "{height} {width} 2"]:
    """Returns the position (x, y) of every pixel in pixel units, float32."""
    return grid_of_axes(jnp.arange(width, dtype=jnp.float32), jnp.arange(height, dtype=jnp.float32))


def identity_grid(height: int, width: int, *, align_corners: bool) -> Float[Array, "{height} {width} 2"]:
    """Returns the position (x, y) of every pixel in normalised units, float32.

    Equal to PyTorch's `affine_grid` of the identity.
    """
    return grid_of_axes(
        normalised_axis(width, align_corners=align_corners), normalised_axis(height, align_corners=align_corners)
    )


def normalised_axis(size: int, *, align_corners: bool) -> Float[Array, " {size}"]:
    """Returns the positions of `size` pixels along one axis in normalised units, float32."""
    index = jnp.arange(size, dtype=jnp.float32)
    if not align_corners:
        return (2.0 * index + 1.0) / size - 1.0
    return jnp.zeros_like(index) if size == 1 else 2.0 * index / (size - 1) - 1.0


def grid_of_axes(x: Float[Array, " w"], y: Float[Array, " h"]) -> Float[Array, "h w 2"]:
    """Returns the grid of all pairs of a column position and a row position."""
    shape = (y.shape[0], x.shape[0])
    return jnp.stack([jnp.broadcast_to(x[None, :], shape), jnp.broadcast_to(y[:, None], shape)], axis=-1)


def ndc_to_px(flow_ndc: Flow) -> Flow:
    """Converts displacements from normalised units (corners not aligned) to pixels of the flow's own size."""
    return flow_ndc * _half_size(flow_ndc)


def px_to_ndc(flow_px: Flow) -> Flow:
    """Converts displacements from pixels of the flow's own size to normalised units (corners not aligned)."""
    return flow_px / _half_size(flow_px)


def positions_of(flow_px: Flow) -> Flow:
    """Returns where a flow reads, in pixels: every pixel's own position plus its displacement.

    Raises:
      TypeError: the flow is not float32.
    """
    checks.check_float32("flow_px", flow_px)
    identity = pixel_grid(*flow_px.shape[-3:-1])
    return flow_px + jnp.expand_dims(identity, tuple(range(flow_px.ndim - 3)))


def warp(
    image: Image, flow_px: Flow, *, padding: Padding, implementation: dispatch.Implementation | None = None
) -> Image:
    """Moves an image by a backward flow of the same size.

    Args:
      image: any value range.
      flow_px: float32 displacement in pixels; pixel p of the result is image(p + flow_px(p)).
      padding: what lies outside the image, see `grid_sample`.
      implementation: backend, see `grid_sample`.

    Raises:
      TypeError: the flow is not float32.
      ValueError: sizes differ. Resize the flow first (`resize`).
    """
    checks.check_trailing_shape("flow_px", flow_px, (*image.shape[-3:-1], 2))
    return api.grid_sample(
        image,
        positions_of(flow_px),
        padding=padding,
        align_corners=False,
        units="pixel",
        implementation=implementation,
    )


def compose(outer_px: Flow, inner_px: Flow, *, padding: Padding = "border") -> Flow:
    """Joins two warps into one: warping by the result equals warping by `inner_px` first and by `outer_px` after it.

    Pixel p of the final image is at p + outer(p) in the intermediate one, which is at p + outer(p) + inner(p +
    outer(p)) in the source.
    """
    return outer_px + warp(inner_px, outer_px, padding=padding)


def resize(flow_px: Flow, height: int, width: int) -> Float[Array, "*b {height} {width} 2"]:
    """Resizes a flow bilinearly to another image size and scales its displacements accordingly."""
    old_height, old_width = flow_px.shape[-3:-1]
    shape = (*flow_px.shape[:-3], height, width, 2)
    resized = jax.image.resize(flow_px, shape, "linear", antialias=False)
    scale = jnp.asarray([width / old_width, height / old_height], resized.dtype)
    return resized * jnp.expand_dims(scale, tuple(range(resized.ndim - 1)))


def _half_size(flow: Flow) -> Array:
    height, width = flow.shape[-3:-1]
    half = jnp.asarray([width / 2, height / 2], flow.dtype)
    return jnp.expand_dims(half, tuple(range(flow.ndim - 1)))
