"""The contour's row by hand, and points of a small surface."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.geometry import landmarks, rotations
from jaxanim.geometry.morphable import LandmarkEmbedding

# Degrees of a turn to the picture's right, and DECA's row: 0 to 39, then -1 to -39 in rows 40 to 78.
ROWS = [(0.0, 0), (0.4, 0), (0.6, 1), (12.0, 12), (39.0, 39), (60.0, 39)]
ROWS += [(-0.4, 0), (-1.0, 40), (-38.6, 78), (-39.0, 78), (-48.0, 78)]


def turned(degrees):
    vectors = jnp.stack([jnp.zeros_like(degrees), jnp.deg2rad(degrees), jnp.zeros_like(degrees)], axis=-1)
    return rotations.axis_angle_to_matrix(vectors)


@pytest.mark.parametrize(("rule", "sign"), [("deca", 1.0), ("flame_pytorch", -1.0)])
def test_rows(rule, sign):
    degrees = jnp.array([degrees for degrees, _ in ROWS])
    rows = jax.jit(lambda d: landmarks.contour_row(turned(d), rule=rule))(sign * degrees)
    np.testing.assert_array_equal(rows, [row for _, row in ROWS])


def test_unknown_rule():
    with pytest.raises(ValueError, match="rule must be one of"):
        landmarks.contour_row.__wrapped__(jnp.eye(3), rule="other")


def test_the_head_turns_with_root_and_neck_but_not_with_the_jaw():
    joints = jnp.zeros((5, 3)).at[0, 1].set(0.2).at[1, 1].set(0.1).at[2, 1].set(0.7)
    np.testing.assert_allclose(
        landmarks.head_rotation(joints, chain=(0, 1)),
        rotations.axis_angle_to_matrix(jnp.array([0.0, 0.3, 0.0])),
        atol=1e-6,
    )


def test_points_of_a_batch():
    """Two triangles; the contour is on the one that the row says, at its corner, the static point at a centre."""
    faces = jnp.array([[0, 1, 2], [1, 3, 2]])
    vertices = jnp.array([[0.0, 0, 0], [3, 0, 0], [0, 3, 0], [3, 3, 0]])
    contour = landmarks.Contour(
        face=jnp.zeros((79, 2), jnp.int32).at[40].set(1),
        barycentric=jnp.zeros((79, 2, 3)).at[:, 0, 0].set(1.0).at[:, 1, 1].set(1.0),
        rule="deca",
    )
    static = LandmarkEmbedding(jnp.array([0]), jnp.full((1, 3), 1 / 3))
    at = landmarks.FaceLandmarks(static=static, contour=contour)
    batch = jnp.stack([vertices, vertices + 1.0])
    points = jax.jit(landmarks.embed_face)(batch, faces, at, jnp.array([0, 40]))
    np.testing.assert_allclose(points[0], [[0, 0, 0], [3, 0, 0], [1, 1, 0]], atol=1e-6)
    np.testing.assert_allclose(points[1], [[4, 1, 1], [4, 4, 1], [2, 2, 1]], atol=1e-6)
    alone = jax.jit(landmarks.embed_face)(batch[1], faces, at, jnp.array(40))
    np.testing.assert_array_equal(alone, points[1])


@pytest.mark.parametrize("chain", [(), (0, 1), (-1,)])
def test_joints_that_are_not_there(chain):
    with pytest.raises(ValueError, match="chain must name some of the 1 joints"):
        landmarks.head_rotation(jnp.zeros((1, 3)), chain=chain)
