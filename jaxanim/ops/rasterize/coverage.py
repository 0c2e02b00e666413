"""The arithmetic of coverage that all implementations share, rounding for rounding.

An edge function is a difference of two products. Compilers may fuse a product with the difference after it, which
rounds once instead of twice; then two devices, or two triangles at one edge, would disagree about a pixel. `_product`
keeps the roundings apart, so that every implementation finds the same faces to the bit.
"""

from typing import Literal, get_args

import jax.numpy as jnp

from jaxanim.core.types import Array, Float

Culling = Literal["none", "before", "after"]
CULLINGS: tuple[Culling, ...] = get_args(Culling)

# A vertex further away is not on the picture's plane in float32 (its pixels are 1/8 apart), and covers nothing.
FARTHEST_PX = 2.0**20
# Keeps products of depths and areas finite.
DEEPEST = 1e20
_LARGEST = 3.4028235e38


def usable(corners: Float[Array, "*n 3 3"]) -> Array:
    """Returns which triangles have three vertices that can be drawn; NaN and infinity cannot."""
    limit = jnp.asarray([FARTHEST_PX, FARTHEST_PX, DEEPEST], corners.dtype)
    limit = jnp.broadcast_to(limit, corners.shape)
    return (jnp.abs(corners) <= limit).all(axis=(-2, -1))


def signed_area(corners: Float[Array, "*n 3 3"]) -> Float[Array, "*n"]:
    """Returns twice the area in pixels; positive is clockwise on the screen, where y points down: a back face."""
    first, second, third = (corners[..., k, :] for k in range(3))
    along, across = second - first, third - first
    return product(along[..., 0], across[..., 1]) - product(along[..., 1], across[..., 0])


def edge_functions(
    corners: Float[Array, "*n 3 3"], x: Float[Array, "*n"], y: Float[Array, "*n"]
) -> tuple[Float[Array, "*n"], Float[Array, "*n"], Float[Array, "*n"]]:
    """Returns, for each corner, twice the signed area that a point spans with the edge opposite to the corner."""
    dx = [corners[..., k, 0] - x for k in range(3)]
    dy = [corners[..., k, 1] - y for k in range(3)]
    first, second, third = (product(dx[i], dy[j]) - product(dy[i], dx[j]) for i, j in ((1, 2), (2, 0), (0, 1)))
    return first, second, third


def depth_at(corners: Float[Array, "*n 3 3"], edges: tuple[Array, Array, Array]) -> Float[Array, "*n"]:
    """Interpolates the depths of the corners by edge functions."""
    first, second, third = (product(edge, corners[..., k, 2]) for k, edge in enumerate(edges))
    return ((first + second) + third) / ((edges[0] + edges[1]) + edges[2])


def product(a: Float[Array, "*n"], b: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Returns a * b, rounded on its own whatever is added to it; nothing is ever clipped."""
    return jnp.clip(a * b, -_LARGEST, _LARGEST)
