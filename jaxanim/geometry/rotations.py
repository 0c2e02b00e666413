"""Rotations of 3D space: axis and angle, quaternions, Euler angles, 6D, all to and from matrices.

Matrices multiply columns: v' = R v. All functions take any leading axes and are differentiable at the identity.
"""

import itertools

import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.types import Array, Float

EULER_ORDERS = tuple("".join(letters) for axes in ("xyz", "XYZ") for letters in itertools.permutations(axes))


def axis_angle_to_matrix(rotation: Float[Array, "*b 3"]) -> Float[Array, "*b 3 3"]:
    """Returns rotation matrices; the vector's direction is the axis, its length the angle in radians (Rodrigues)."""
    squared = (rotation * rotation).sum(axis=-1)[..., None, None]
    small = squared < 1e-8
    angle = jnp.sqrt(jnp.where(small, 1.0, squared))
    sine = jnp.where(small, 1.0 - squared / 6.0, jnp.sin(angle) / angle)
    cosine = jnp.where(small, 0.5 - squared / 24.0, (1.0 - jnp.cos(angle)) / (angle * angle))
    skew = cross_matrix(rotation)
    return _identity(skew) + sine * skew + cosine * (skew @ skew)


def cross_matrix(vector: Float[Array, "*b 3"]) -> Float[Array, "*b 3 3"]:
    """Returns the matrix that takes w to the cross product of a vector and w."""
    x, y, z = (vector[..., axis] for axis in range(3))
    zero = jnp.zeros_like(x)
    rows = [jnp.stack(row, axis=-1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))]
    return jnp.stack(rows, axis=-2)


def axis_angle_to_quaternion(rotation: Float[Array, "*b 3"]) -> Float[Array, "*b 4"]:
    """Returns unit quaternions (w, x, y, z); w is positive for angles below pi."""
    squared = (rotation * rotation).sum(axis=-1, keepdims=True)
    small = squared < 1e-8
    angle = jnp.sqrt(jnp.where(small, 1.0, squared))
    real = jnp.where(small, 1.0 - squared / 8.0, jnp.cos(0.5 * angle))
    scale = jnp.where(small, 0.5 - squared / 48.0, jnp.sin(0.5 * angle) / angle)
    return jnp.concatenate([real, scale * rotation], axis=-1)


def quaternion_to_axis_angle(quaternion: Float[Array, "*b 4"]) -> Float[Array, "*b 3"]:
    """Returns the rotation of a quaternion (w, x, y, z) of any length but 0; the angle is at most pi."""
    quaternion = jnp.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    real, vector = quaternion[..., :1], quaternion[..., 1:]
    squared = (vector * vector).sum(axis=-1, keepdims=True)
    small = squared < 1e-8 * real * real
    length = jnp.sqrt(jnp.where(small, 1.0, squared))
    near = jnp.where(small, real, 1.0)
    scale = jnp.where(small, 2.0 / near, 2.0 * jnp.arctan2(length, real) / length)
    return scale * vector


def quaternion_to_matrix(quaternion: Float[Array, "*b 4"]) -> Float[Array, "*b 3 3"]:
    """Returns the rotation of a quaternion (w, x, y, z) of any length but 0."""
    quaternion = quaternion / jnp.linalg.norm(quaternion, axis=-1, keepdims=True)
    real = quaternion[..., :1, None]
    skew = cross_matrix(quaternion[..., 1:])
    return _identity(skew) + 2.0 * (real * skew + skew @ skew)


def matrix_to_quaternion(matrix: Float[Array, "*b 3 3"]) -> Float[Array, "*b 4"]:
    """Returns unit quaternions (w, x, y, z) with w >= 0."""
    m = [[matrix[..., row, column] for column in range(3)] for row in range(3)]
    x, y, z = m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]
    xy, xz, yz = m[0][1] + m[1][0], m[0][2] + m[2][0], m[1][2] + m[2][1]
    # Four times the products of the quaternion's numbers: each row is the quaternion times one of them.
    rows = [
        (1.0 + m[0][0] + m[1][1] + m[2][2], x, y, z),
        (x, 1.0 + m[0][0] - m[1][1] - m[2][2], xy, xz),
        (y, xy, 1.0 - m[0][0] + m[1][1] - m[2][2], yz),
        (z, xz, yz, 1.0 - m[0][0] - m[1][1] + m[2][2]),
    ]
    products = jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)
    largest = jnp.diagonal(products, axis1=-2, axis2=-1).argmax(axis=-1)
    row = jnp.take_along_axis(products, largest[..., None, None], axis=-2)[..., 0, :]
    row = row / jnp.linalg.norm(row, axis=-1, keepdims=True)
    return jnp.where(row[..., :1] < 0, -row, row)


def matrix_to_axis_angle(matrix: Float[Array, "*b 3 3"]) -> Float[Array, "*b 3"]:
    """Returns axis times angle; the angle is at most pi."""
    return quaternion_to_axis_angle(matrix_to_quaternion(matrix))


def euler_to_matrix(angles: Float[Array, "*b 3"], *, order: str) -> Float[Array, "*b 3 3"]:
    """Returns the rotation by three angles in radians.

    Args:
      angles: one for each letter of `order`.
      order: the axes as scipy names them: capitals turn about axes that move along ('XYZ' is Rx Ry Rz), small letters
        about fixed ones ('xyz' is Rz Ry Rx). Each axis comes once.
    """
    axes = _axes(order)
    turns = [axis_angle_to_matrix(angles[..., n, None] * _unit(axis, angles)) for n, axis in enumerate(axes)]
    first, second, third = turns if order.isupper() else reversed(turns)
    return first @ second @ third


def matrix_to_euler(matrix: Float[Array, "*b 3 3"], *, order: str) -> Float[Array, "*b 3"]:
    """Returns three angles in radians, the middle one in [-pi/2, pi/2]; see `euler_to_matrix`.

    Where the middle angle is a right one the outer two turn about the same axis: all of it is given to the angle whose
    axis is turned last by the others (the first of 'XYZ', the third of 'xyz'), the other is 0.
    """
    i, j, k = _axes(order) if order.isupper() else reversed(_axes(order))
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    across = jnp.square(matrix[..., i, i]) + jnp.square(matrix[..., i, j])
    locked = across < 1e-12
    cosine = jnp.sqrt(jnp.where(locked, 1.0, across))
    middle = jnp.arctan2(sign * matrix[..., i, k], jnp.where(locked, 0.0, cosine))
    outer = jnp.arctan2(
        jnp.where(locked, sign * matrix[..., k, j], -sign * matrix[..., j, k]),
        jnp.where(locked, matrix[..., j, j], matrix[..., k, k]),
    )
    inner = jnp.arctan2(jnp.where(locked, 0.0, -sign * matrix[..., i, j]), jnp.where(locked, 1.0, matrix[..., i, i]))
    angles = [outer, middle, inner]
    return jnp.stack(angles if order.isupper() else angles[::-1], axis=-1)


def sixd_to_matrix(columns: Float[Array, "*b 6"]) -> Float[Array, "*b 3 3"]:
    """Returns the rotation whose first two columns are the given ones, made orthonormal (Zhou et al. 2019, eq. 15).

    The columns must be neither 0 nor parallel.
    """
    first = columns[..., :3] / jnp.linalg.norm(columns[..., :3], axis=-1, keepdims=True)
    second = columns[..., 3:] - (first * columns[..., 3:]).sum(axis=-1, keepdims=True) * first
    second = second / jnp.linalg.norm(second, axis=-1, keepdims=True)
    return jnp.stack([first, second, jnp.cross(first, second)], axis=-1)


def matrix_to_sixd(matrix: Float[Array, "*b 3 3"]) -> Float[Array, "*b 6"]:
    """Returns the first two columns."""
    return jnp.concatenate([matrix[..., :, 0], matrix[..., :, 1]], axis=-1)


def _axes(order: str) -> tuple[int, int, int]:
    checks.check_option("order", order, EULER_ORDERS)
    first, second, third = ("xyz".index(letter) for letter in order.lower())
    return first, second, third


def _unit(axis: int, like: Array) -> Float[Array, "*b 3"]:
    return jnp.broadcast_to(jnp.eye(3, dtype=like.dtype)[axis], like.shape)


def _identity(like: Float[Array, "*b 3 3"]) -> Float[Array, "*b 3 3"]:
    return jnp.broadcast_to(jnp.eye(3, dtype=like.dtype), like.shape)
