"""A sine that XLA vectorises well on CPUs, where its own costs three times as much and dominates sine networks."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxanim.core.types import Array, Float

# Taylor coefficients of sin(pi r); the next term is below 6e-8 on [-1/2, 1/2], half a unit in the last place of 1.
_COEFFICIENTS = tuple(
    np.float32((-1) ** k * np.pi ** (2 * k + 1) / float(np.prod(np.arange(1, 2 * k + 2, dtype=np.float64))))
    for k in range(6)
)
_PER_PI = np.float32(1.0 / np.pi)


@jax.custom_vjp
def fast_sin(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Computes sin(x) for float32.

    The argument is measured in half turns, so that range reduction is one rounding. The error is that of rounding
    x/pi: below 2e-7 + 1.3e-7 |x| (4e-6 at |x| = 30), as much as the rounding of a float32 argument of that size
    causes anyway.
    """
    return _sin_pi(x * _PER_PI)


def _sin_pi(half_turns: Float[Array, "*n"]) -> Float[Array, "*n"]:
    nearest = jnp.round(half_turns)
    r = half_turns - nearest
    square = r * r
    polynomial = jnp.full_like(square, _COEFFICIENTS[-1])
    for coefficient in _COEFFICIENTS[-2::-1]:
        polynomial = polynomial * square + coefficient
    # Odd half turns flip the sign: move their lowest bit into the sign bit.
    sign = lax.shift_left(nearest.astype(jnp.int32), np.int32(31))
    return lax.bitcast_convert_type(lax.bitcast_convert_type(polynomial * r, jnp.int32) ^ sign, jnp.float32)


def _forward(x: Float[Array, "*n"]) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
    return fast_sin(x), x


def _backward(x: Float[Array, "*n"], gradient: Float[Array, "*n"]) -> tuple[Float[Array, "*n"]]:
    return (gradient * _sin_pi(x * _PER_PI + np.float32(0.5)),)


fast_sin.defvjp(_forward, _backward)
