"""Rotations of 3D space: axis and angle, quaternions, Euler angles, 6D, all to and from matrices.

Matrices multiply columns: v' = R v. All functions take any leading axes and are differentiable at the identity.
"""

import jax.numpy as jnp

from jaxanim.core.types import Array, Float


def axis_angle_to_matrix(rotation: Float[Array, "*b 3"]) -> Float[Array, "*b 3 3"]:
    """Returns rotation matrices; the vector's direction is the axis, its length the angle in radians (Rodrigues)."""
    squared = (rotation * rotation).sum(axis=-1)[..., None, None]
    small = squared < 1e-8
    angle = jnp.sqrt(jnp.where(small, 1.0, squared))
    sine = jnp.where(small, 1.0 - squared / 6.0, jnp.sin(angle) / angle)
    cosine = jnp.where(small, 0.5 - squared / 24.0, (1.0 - jnp.cos(angle)) / (angle * angle))
    skew = cross_matrix(rotation)
    return jnp.eye(3, dtype=rotation.dtype) + sine * skew + cosine * (skew @ skew)


def cross_matrix(vector: Float[Array, "*b 3"]) -> Float[Array, "*b 3 3"]:
    """Returns the matrix that takes w to the cross product of a vector and w."""
    x, y, z = (vector[..., axis] for axis in range(3))
    zero = jnp.zeros_like(x)
    rows = [jnp.stack(row, axis=-1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))]
    return jnp.stack(rows, axis=-2)
