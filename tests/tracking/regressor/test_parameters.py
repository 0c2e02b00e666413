"""Rows of numbers, and where they put a face's landmarks."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from jaxanim.geometry import morphable
from jaxanim.geometry.morphable import FaceParameters
from jaxanim.geometry.open_head import load_open_head
from jaxanim.tracking.regressor import parameters
from jaxanim.tracking.regressor.parameters import FaceNumbers, Statistics


@pytest.fixture(scope="module")
def head():
    return load_open_head()


@pytest.fixture(scope="module")
def basis(head):
    return parameters.basis_of(head, head.landmarks[68], head.landmarks[98])


def numbers(rng, count=2):
    return FaceNumbers(
        jnp.asarray(rng.normal(size=(count, 60)), jnp.float32),
        jnp.asarray(rng.uniform(0, 0.5, (count, 52)), jnp.float32),
        jnp.asarray(rng.uniform(-0.6, 0.6, (count, 3)), jnp.float32),
        jnp.asarray(rng.uniform(0.3, 0.7, (count, 3)), jnp.float32),
        jnp.asarray(rng.uniform(3, 5, count), jnp.float32),
    )


def test_the_basis_is_the_models_surface(head, basis):
    face = numbers(np.random.default_rng(0))
    surface = morphable.pose(head, FaceParameters(face.identity, face.expression, jnp.zeros((2, 5, 3))))
    points = [morphable.embed(surface.vertices, head.faces, head.landmarks[count]) for count in (68, 98)]
    ours = parameters.shape(basis, face.identity, face.expression)
    np.testing.assert_allclose(ours, np.concatenate(points, axis=1), atol=2e-6)


def test_rows_are_taken_apart_and_joined():
    row = jnp.arange(14, dtype=jnp.float32)[None]
    face = parameters.take_apart(row, 3, 4)
    assert face.identity.tolist() == [[0, 1, 2]]
    assert face.scale.tolist() == [13]
    np.testing.assert_array_equal(parameters.join(face), row)
    with pytest.raises(ValueError, match="rows of 15 numbers"):
        parameters.take_apart(row, 4, 4)


def test_angles_are_those_of_3ddfa():
    angles = jnp.asarray([[0.3, -0.2, 0.5], [-0.1, 0.9, 0.0]], jnp.float32)
    usual = [
        np.transpose(Rotation.from_euler(axis, np.asarray(angles)[:, k, None]).as_matrix(), (0, 2, 1))
        for k, axis in enumerate("xyz")
    ]
    expected = usual[0] @ usual[1] @ usual[2]
    found = parameters.rotation(angles)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(parameters.angles_of(found), angles, atol=1e-6)


def test_a_face_is_placed_where_its_landmarks_are(basis):
    face = numbers(np.random.default_rng(1))
    points = parameters.project(basis, face)
    turned = jnp.einsum(
        "bxy,bky->bkx", parameters.rotation(face.angles), parameters.shape(basis, face.identity, face.expression)
    )
    translation, scale = parameters.place(turned, points)
    np.testing.assert_allclose(scale, face.scale, rtol=1e-4)
    np.testing.assert_allclose(translation[:, :2], face.translation[:, :2], atol=1e-4)


def test_up_is_up(basis):
    face = numbers(np.random.default_rng(2), 1)
    upright = FaceNumbers(
        0 * face.identity, 0 * face.expression, jnp.zeros((1, 3)), jnp.full((1, 3), 0.5), jnp.full(1, 4.0)
    )
    points = np.asarray(parameters.project(basis, upright))[0]
    assert points[36:48, 1].max() < points[48:68, 1].min()  # eyes above the mouth, y down
    assert points[36:42, 0].max() < points[42:48, 0].min()


def test_scores_and_numbers():
    statistics = Statistics(jnp.asarray([1.0, 2.0]), jnp.asarray([2.0, 0.5]))
    rows = jnp.asarray([[3.0, 1.0], [1.0, 2.0]])
    np.testing.assert_allclose(statistics.scores(rows), [[1, -2], [0, 0]])
    np.testing.assert_allclose(statistics.numbers(statistics.scores(rows)), rows)
