"""Rotations agree with scipy, there and back, and their gradients are finite where formulas divide by 0."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from jaxanim.geometry import rotations

TOLERANCE = 2e-6  # rounding of a few float32 products of numbers up to 1


@pytest.fixture(scope="module")
def random_rotations():
    special = [[0, 0, 0], [1e-7, 0, 0], [0, 3e-5, 1e-5], [0, 0, 2.5], [np.pi / 2, 0, 0], [3.1, 0.1, -0.1]]
    vectors = np.concatenate([special, Rotation.random(40, rng=np.random.default_rng(0)).as_rotvec()])
    return Rotation.from_rotvec(vectors)


def single(array):
    return jnp.asarray(array, jnp.float32)


def run(function, array, **options):
    """One compiled program instead of one for each operation."""
    return jax.jit(functools.partial(function, **options))(single(array))


def near(ours, want, tolerance=TOLERANCE):
    np.testing.assert_allclose(np.asarray(ours), want, rtol=0, atol=tolerance)


def test_axis_angle(random_rotations):
    vectors, matrices = random_rotations.as_rotvec(), random_rotations.as_matrix()
    near(run(rotations.axis_angle_to_matrix, vectors), matrices)
    near(run(rotations.matrix_to_axis_angle, matrices), vectors, 1e-5)


def test_half_turns():
    """At an angle of pi both signs of the axis are right: the matrix decides."""
    axes = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0, 0.8], [0.6, -0.8, 0]])
    matrices = Rotation.from_rotvec(np.pi * axes).as_matrix()
    vectors = run(rotations.matrix_to_axis_angle, matrices)
    near(jnp.linalg.norm(vectors, axis=-1), np.pi, 1e-6)
    near(run(rotations.axis_angle_to_matrix, vectors), matrices, TOLERANCE)


def test_quaternions(random_rotations):
    want = np.roll(random_rotations.as_quat(canonical=True), 1, axis=-1)  # scipy puts w last
    near(run(rotations.matrix_to_quaternion, random_rotations.as_matrix()), want)
    near(run(rotations.quaternion_to_matrix, -3.0 * want), random_rotations.as_matrix())
    near(run(rotations.axis_angle_to_quaternion, random_rotations.as_rotvec()), want)
    near(run(rotations.quaternion_to_axis_angle, -2.0 * want), random_rotations.as_rotvec(), 1e-5)


@pytest.mark.parametrize("order", ["XYZ", "YXZ", "ZXY", "xyz", "yxz", "yzx"])
def test_euler_angles(random_rotations, order):
    angles = random_rotations[6:].as_euler(order)
    matrices = random_rotations[6:].as_matrix()
    near(run(rotations.euler_to_matrix, angles, order=order), matrices)
    ours = run(rotations.matrix_to_euler, matrices, order=order)
    near(run(rotations.euler_to_matrix, ours, order=order), matrices)
    away = np.abs(np.abs(angles[:, 1]) - np.pi / 2) > 0.1
    near(ours[away], angles[away], 2e-5)


@pytest.mark.parametrize("order", ["ZYX", "yxz"])
def test_euler_angles_locked(order):
    """The outer two cannot be told apart; the one that is documented gets it all, and the matrix is the same."""
    matrices = Rotation.from_euler(order, [[0.3, np.pi / 2, 0.5], [0.3, -np.pi / 2, 0.5]]).as_matrix()
    ours = run(rotations.matrix_to_euler, matrices, order=order)
    np.testing.assert_array_equal(ours[:, 2 if order.isupper() else 0], [0, 0])
    near(run(rotations.euler_to_matrix, ours, order=order), matrices, 1e-5)


def test_order_is_named_in_the_error():
    with pytest.raises(ValueError, match=r"order must be one of .*'zyx'.* got 'xyx'"):
        rotations.euler_to_matrix(jnp.zeros(3), order="xyx")
    with pytest.raises(ValueError, match=r"got 'Xyz'"):
        rotations.matrix_to_euler(jnp.eye(3), order="Xyz")


def test_sixd(random_rotations):
    matrices = random_rotations.as_matrix()
    sixd = run(rotations.matrix_to_sixd, matrices)
    near(sixd, np.concatenate([matrices[..., 0], matrices[..., 1]], axis=-1), 1e-7)
    near(run(rotations.sixd_to_matrix, sixd), matrices)


def test_sixd_makes_any_two_columns_orthonormal():
    """(2, 0, 0) and (5, 3, 0) become x and y."""
    near(run(rotations.sixd_to_matrix, [2.0, 0, 0, 5, 3, 0]), np.eye(3))


def turned(vector):
    return rotations.axis_angle_to_matrix(vector)


def by_quaternion(vector):
    return rotations.quaternion_to_axis_angle(rotations.axis_angle_to_quaternion(vector))


ROUND_TRIPS = {
    "matrix": lambda v: rotations.matrix_to_axis_angle(turned(v)),
    "quaternion": by_quaternion,
    "quaternion and matrix": lambda v: rotations.matrix_to_axis_angle(
        rotations.quaternion_to_matrix(rotations.matrix_to_quaternion(turned(v)))
    ),
    "sixd": lambda v: rotations.matrix_to_axis_angle(rotations.sixd_to_matrix(rotations.matrix_to_sixd(turned(v)))),
    "euler": lambda v: rotations.matrix_to_euler(rotations.euler_to_matrix(v, order="YXZ"), order="YXZ"),
}


def test_gradients_at_the_identity():
    """Every way there and back has the identity as its derivative, also where formulas divide by the angle."""
    pulled = jnp.array([0.5, -1.0, 2.0])

    def total(at):
        return sum((pulled * trip(at[name])).sum() for name, trip in ROUND_TRIPS.items())

    gradients = jax.jit(jax.grad(total))
    for at in (np.zeros(3), np.array([1e-5, 0, 0]), np.array([0, 2e-4, -1e-4])):
        for name, gradient in gradients({name: single(at) for name in ROUND_TRIPS}).items():
            np.testing.assert_allclose(gradient, pulled, atol=2e-3, err_msg=f"{name} at {at}")


def test_derivative_of_a_rotation_at_the_identity():
    """Turning about x by a little moves y to z and z to -y."""
    jacobian = jax.jit(jax.jacfwd(turned))(jnp.zeros(3))
    near(jacobian[..., 0], [[0, 0, 0], [0, 0, -1], [0, 1, 0]])


@pytest.mark.parametrize("order", ["XYZ"])
def test_gradients_where_angles_are_locked_are_finite(order):
    matrix = single(Rotation.from_euler(order, [0.3, np.pi / 2, 0.5]).as_matrix())
    gradient = jax.jit(jax.jacrev(lambda m: rotations.matrix_to_euler(m, order=order)))(matrix)
    assert bool(jnp.isfinite(gradient).all())


def test_leading_axes(random_rotations):
    matrices = random_rotations.as_matrix()[:46]
    flat = run(rotations.matrix_to_axis_angle, matrices)
    near(run(rotations.matrix_to_axis_angle, matrices.reshape(2, 23, 3, 3)), np.asarray(flat).reshape(2, 23, 3), 0)
