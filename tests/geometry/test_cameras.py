"""Cameras on numbers that can be worked out by hand, and on points that they cannot see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.geometry import cameras, rotations

weak = jax.jit(cameras.project_weak_perspective, static_argnames=("height", "width"))
perspective = jax.jit(cameras.project_perspective, static_argnames="near")


def pinhole(distance=2.0, focal=100.0):
    return cameras.PerspectiveCamera(
        rotation=jnp.eye(3),
        translation=jnp.array([0.0, 0.0, -distance]),
        focal_px=jnp.array(focal),
        center_px=jnp.array([32.0, 24.0]),
    )


def test_weak_perspective_by_hand():
    """Scale 2, shift (0.1, -0.2): the point (0.2, 0.1) is at 2 (0.3, -0.1) half widths from the centre, y up."""
    camera = cameras.from_deca(jnp.array([2.0, 0.1, -0.2]))
    seen = weak(camera, jnp.array([[0.2, 0.1, 0.5]]), height=200, width=200)
    np.testing.assert_allclose(seen.pixels, [[160.0, 120.0]], rtol=1e-6)
    np.testing.assert_allclose(seen.depth, [-0.5])
    assert seen.in_front.all()


def test_weak_perspective_is_not_stretched_in_wide_pictures():
    camera = cameras.WeakPerspectiveCamera(scale=jnp.array(1.0), shift=jnp.zeros(2))
    points = jnp.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.5, 0.0]])
    seen = weak(camera, points, height=100, width=200)
    np.testing.assert_allclose(seen.pixels, [[100, 50], [150, 50], [100, 0]])


def test_perspective_by_hand():
    """From 2 m, 0.5 m nearer: 0.3 m to the right are 100 * 0.3 / 1.5 = 20 pixels; up is less y."""
    seen = perspective(pinhole(), jnp.array([[0.3, 0.15, 0.5], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(seen.pixels, [[52.0, 14.0], [32.0, 24.0]], rtol=1e-6)
    np.testing.assert_allclose(seen.depth, [1.5, 2.0])
    assert seen.in_front.all()


def test_perspective_turns_the_world():
    """A camera that looks from the world's right (+x) sees +x as near and -z on its right."""
    turn = rotations.axis_angle_to_matrix(jnp.array([0.0, -jnp.pi / 2, 0.0]))
    seen = perspective(pinhole().replace(rotation=turn), jnp.array([[1.0, 0, 0], [0, 0, -1.0]]))
    np.testing.assert_allclose(seen.depth, [1.0, 2.0], atol=1e-6)
    np.testing.assert_allclose(seen.pixels, [[32, 24], [82, 24]], atol=1e-4)


@pytest.mark.parametrize("z", [2.0, 2.0 - 5e-4, 2.5, 100.0])
def test_points_behind_a_perspective_camera(z):
    """They are flagged; their pixels are those at the distance `near`, with the right sign and no gradient to depth."""

    def project(point):
        return perspective(pinhole(), point[None], near=1e-3)

    point = jnp.array([0.01, 0.02, z])
    seen = project(point)
    assert not seen.in_front.any()
    np.testing.assert_allclose(seen.depth, [2.0 - z], atol=1e-6)
    np.testing.assert_allclose(seen.pixels, [[32 + 1000.0, 24 - 2000.0]], rtol=1e-5)
    jacobian = jax.jit(jax.jacrev(lambda p: project(p).pixels))(point)
    np.testing.assert_allclose(jacobian[0], [[1e5, 0, 0], [0, -1e5, 0]], rtol=1e-4)


def test_batches_of_cameras():
    scales = jnp.array([[1.0, 0, 0], [2.0, 0.1, 0]])
    points = jnp.ones((2, 4, 3))
    seen = weak(cameras.from_deca(scales), points, height=2, width=2)
    np.testing.assert_allclose(seen.pixels[:, 0], [[2.0, 0.0], [3.2, -1.0]], rtol=1e-6)
    many = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), pinhole())
    seen = perspective(many, points)
    one = perspective(pinhole(), points[0])
    np.testing.assert_array_equal(seen.pixels, jnp.stack([one.pixels, one.pixels]))
