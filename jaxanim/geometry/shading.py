"""Light from all around as spherical harmonics of order 2 (Ramamoorthi and Hanrahan 2001, section 3).

The nine numbers per colour and their constants are those of DECA's released code. Shading is not limited to [0, 1].
"""

import math

import jax.numpy as jnp

from jaxanim.core.types import Array, Float

# What each harmonic is multiplied by: its own norm times the weight that a matte surface gives its order, 2 pi / 3 and
# pi / 4. For order 0 that weight, pi, is missing in the released code, on which its lights are trained.
_LINEAR = 2.0 * math.pi / 3.0 * math.sqrt(3.0 / (4.0 * math.pi))
_QUADRATIC = math.pi / 4.0 * 3.0 * math.sqrt(5.0 / (12.0 * math.pi))
_FACTORS = (
    1.0 / math.sqrt(4.0 * math.pi),
    *[_LINEAR] * 3,
    *[_QUADRATIC] * 3,
    _QUADRATIC / 2.0,
    math.pi / 4.0 / 2.0 * math.sqrt(5.0 / (4.0 * math.pi)),
)


def shade(normals: Float[Array, "*b h w 3"], light: Float[Array, "*b 9 3"]) -> Float[Array, "*b h w 3"]:
    """Returns the light that a white, matte surface gives back in each direction.

    Args:
      normals: x to the picture's right, y up, z towards the camera; unit length. Where they are 0, what remains of the
        light is one colour, as in the released code.
      light: coefficients, by RGB, of 1, x, y, z, xy, xz, yz, x^2 - y^2 and 3z^2 - 1.
    """
    x, y, z = (normals[..., axis] for axis in range(3))
    harmonics = [jnp.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3.0 * z * z - 1.0]
    basis = jnp.stack([factor * harmonic for factor, harmonic in zip(_FACTORS, harmonics, strict=True)], axis=-1)
    return jnp.einsum("...hwk,...kc->...hwc", basis, light, precision="highest")
