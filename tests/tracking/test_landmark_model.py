"""The model cut down to its landmarks against the whole one, and the signs of the head's angles."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial.transform

from jaxanim.geometry import morphable, open_head
from jaxanim.tracking import landmark_model


@pytest.fixture(scope="module")
def model():
    return open_head.load_open_head()


@pytest.mark.parametrize("count", [68, 98])
def test_landmarks_are_those_of_all_vertices(model, count):
    rng = np.random.default_rng(0)
    identity, expression = rng.normal(size=60).astype(np.float32), rng.uniform(size=52).astype(np.float32)
    turns = np.zeros((5, 3), np.float32)
    turns[1] = 0.3, 0.7, -0.2
    small = landmark_model.landmark_model(model, count)
    matrix = landmark_model.head_rotation(jnp.asarray(turns), small)
    points = landmark_model.place(small, jnp.asarray(identity), jnp.asarray(expression), matrix)
    posed = morphable.pose(model, morphable.FaceParameters(*map(jnp.asarray, (identity, expression, turns))))
    wanted = morphable.embed(posed.vertices, model.faces, model.landmarks[count])
    np.testing.assert_allclose(points, wanted, atol=2e-6)  # metres
    one = landmark_model.of_somebody(small, jnp.asarray(identity))
    again = landmark_model.place(one, jnp.zeros(0), jnp.asarray(expression), matrix)
    np.testing.assert_allclose(again, points, atol=1e-6)


def test_the_root_turns_the_head_too(model):
    turns = jnp.zeros((5, 3)).at[0].set(jnp.array([0.0, 0.1, 0.0])).at[1].set(jnp.array([0.0, 0.2, 0.0]))
    small = landmark_model.landmark_model(model, 68)
    degrees = landmark_model.head_degrees(landmark_model.head_rotation(turns, small))
    np.testing.assert_allclose(degrees, [np.degrees(0.3), 0, 0], atol=1e-3)


def test_degrees_are_those_of_scipy():
    wanted = np.array([[40.0, -10.0, 5.0], [-25.0, 15.0, -8.0]])
    matrices = scipy.spatial.transform.Rotation.from_euler("YXZ", wanted, degrees=True).as_matrix()
    np.testing.assert_allclose(landmark_model.head_degrees(jnp.asarray(matrices, jnp.float32)), wanted, atol=1e-3)


def test_a_turn_to_the_right_moves_the_nose_to_the_right(model):
    small = landmark_model.landmark_model(model, 68)
    turned = scipy.spatial.transform.Rotation.from_euler("YXZ", [30, 0, 0], degrees=True).as_matrix()
    neutral = jnp.zeros(60), jnp.zeros(52)
    before = landmark_model.place(small, *neutral, jnp.eye(3))[30]
    after = landmark_model.place(small, *neutral, jnp.asarray(turned, jnp.float32))[30]
    assert float(after[0] - before[0]) > 0.03


def test_the_distance_of_the_eyes(model):
    small = landmark_model.landmark_model(model, 98)
    found = landmark_model.neutral_eye_distance(small, jnp.zeros((2, 60)), 98)
    np.testing.assert_allclose(found, [float(small.eye_distance)] * 2, rtol=1e-5)
    points = landmark_model.place(small, jnp.zeros(60), jnp.zeros(52), jnp.eye(3))
    centres = [points[jnp.asarray(ring)].mean(axis=0) for ring in landmark_model.EYES[98]]
    np.testing.assert_allclose(jnp.linalg.norm(centres[0] - centres[1]), small.eye_distance, rtol=1e-5)


def test_expressions_without_names_have_no_limits(model):
    nameless = landmark_model.landmark_model(model.replace(expression_names=()), 68)
    assert jnp.isneginf(nameless.lowest).all()
    assert jnp.isposinf(nameless.highest).all()


@pytest.mark.parametrize("count", [5, 478])
def test_other_numbers_of_landmarks_are_refused(model, count):
    with pytest.raises(ValueError, match=rf"landmarks \[68, 98\], got {count}"):
        landmark_model.landmark_model(model, count)
