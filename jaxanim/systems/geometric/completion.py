"""Displacements that are known on a part of a picture, continued smoothly over the rest of it: a membrane.

The membrane is held at 0 along the picture's edge, takes the known values where they are known, and is about as flat as
it can be elsewhere (Laplace's equation), so that what is near to the head follows and what is far holds still. It is
solved from coarse to fine: a few sweeps of Jacobi's method at each size, from what the next smaller size says.
"""

import functools

import jax.numpy as jnp
from jax import lax

from jaxanim.core.types import Array, Float, Int
from jaxanim.ops import pyramid

SMALLEST = 4  # pixels a side, where the solution begins with 0
SWEEPS = 16  # at each size: within a tenth of where the membrane comes to rest, and smooth
_NOTHING = 1e-6


def complete(values: Float[Array, "*b h w c"], known: Float[Array, "*b h w 1"]) -> Float[Array, "*b h w c"]:
    """Returns values everywhere: the known ones as they are, the others as the membrane lies.

    Args:
      values: what is not known is ignored.
      known: 1 or 0.
    """
    halves = [(values * known, known)]
    while all(side % 2 == 0 and side > SMALLEST for side in halves[-1][1].shape[-3:-1]):
        halves.append((pyramid.downsample_area(halves[-1][0]), pyramid.downsample_area(halves[-1][1])))
    result = jnp.zeros_like(halves[-1][0])
    for number, (sums, weights) in reversed(list(enumerate(halves))):
        if number < len(halves) - 1:
            result = pyramid.upsample_bilinear(result)
        held = (weights > _NOTHING).astype(values.dtype) if number else known
        given = sums / jnp.maximum(weights, _NOTHING)
        result = lax.fori_loop(0, SWEEPS, functools.partial(_sweep, held * given, 1.0 - held), result)
    return result


def soften(flow: Float[Array, "*b h w c"], sweeps: int) -> Float[Array, "*b h w c"]:
    """Blurs a little: each sweep is a binomial filter (1, 2, 1) along both axes, with repeated edges."""
    for _ in range(sweeps):
        for axis in (-3, -2):
            padded = jnp.pad(flow, _around(flow.ndim, axis), mode="edge")
            size = flow.shape[axis]
            before, middle, after = (_part(padded, axis, start, size) for start in range(3))
            flow = 0.25 * before + 0.5 * middle + 0.25 * after
    return flow


def _sweep(
    given: Float[Array, "*b h w c"], free: Float[Array, "*b h w 1"], number: Int[Array, ""], field: Array
) -> Float[Array, "*b h w c"]:
    """Returns the membrane after one sweep; its number does not matter."""
    del number
    return given + free * _mean_of_neighbours(field)


def _mean_of_neighbours(field: Float[Array, "*b h w c"]) -> Float[Array, "*b h w c"]:
    """Returns the mean of the four pixels around each; beyond the edge there is 0."""
    total = jnp.zeros_like(field)
    for axis in (-3, -2):
        padded = jnp.pad(field, _around(field.ndim, axis))
        total += _part(padded, axis, 0, field.shape[axis]) + _part(padded, axis, 2, field.shape[axis])
    return 0.25 * total


def _around(ndim: int, axis: int) -> list[tuple[int, int]]:
    return [(1, 1) if number == ndim + axis else (0, 0) for number in range(ndim)]


def _part(padded: Array, axis: int, start: int, size: int) -> Array:
    return lax.slice_in_dim(padded, start, start + size, axis=axis % padded.ndim)
