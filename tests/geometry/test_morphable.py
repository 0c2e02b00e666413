"""A small model by hand: offsets, missing coefficients, landmarks, and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.geometry import morphable


@pytest.fixture
def model(key):
    """Five vertices, three triangles, two joints, three identities and two expressions."""
    template, identity, expression = (
        jax.random.normal(k, shape)
        for k, shape in zip(jax.random.split(key, 3), [(5, 3), (5, 3, 3), (5, 3, 2)], strict=True)
    )
    return morphable.MorphableModel(
        template=template,
        identity_basis=identity,
        expression_basis=expression,
        identity_sigmas=jnp.array([1.0, 2.0, 0.5]),
        expression_sigmas=jnp.ones(2),
        pose_basis=jnp.zeros((5, 3, 0)),
        joint_regressor=jnp.eye(2, 5),
        skinning_weights=jnp.eye(5, 2).at[2:, 0].set(1.0),
        faces=jnp.array([[0, 1, 2], [1, 2, 3], [2, 3, 4]]),
        uv=jnp.zeros((0, 2)),
        uv_faces=jnp.zeros((0, 3), jnp.int32),
        landmarks={2: morphable.LandmarkEmbedding(jnp.array([0, 2]), jnp.array([[1.0, 0.0, 0.0], [0.25, 0.25, 0.5]]))},
        parents=(-1, 0),
        joint_names=("root", "jaw"),
    )


def parameters(identity=3, expression=2, batch=()):
    return morphable.FaceParameters(
        jnp.full((*batch, identity), 0.3), jnp.full((*batch, expression), -0.7), jnp.zeros((*batch, 2, 3))
    )


def test_offsets_are_scaled_by_sigmas(model):
    expected = (
        np.asarray(model.template)
        + np.asarray(model.identity_basis) @ (0.3 * np.array([1.0, 2.0, 0.5]))
        + np.asarray(model.expression_basis) @ np.array([-0.7, -0.7])
    )
    surface = morphable.pose(model, parameters())
    np.testing.assert_allclose(surface.vertices, expected, atol=1e-6)
    np.testing.assert_allclose(surface.joints, expected[:2], atol=1e-6)


@pytest.mark.parametrize("batch", [(4,), (2, 3)])
def test_any_batch(model, batch):
    surface = morphable.pose(model, parameters(batch=batch))
    one = morphable.pose(model, parameters())
    assert surface.vertices.shape == (*batch, 5, 3)
    assert surface.joints.shape == (*batch, 2, 3)
    np.testing.assert_allclose(surface.vertices, np.broadcast_to(one.vertices, (*batch, 5, 3)), atol=1e-6)


def test_missing_coefficients_are_zero(model):
    few = dataclasses.replace(parameters(identity=1), identity=jnp.array([0.3]))
    whole = dataclasses.replace(parameters(), identity=jnp.array([0.3, 0.0, 0.0]))
    np.testing.assert_allclose(morphable.pose(model, few).vertices, morphable.pose(model, whole).vertices, atol=1e-6)


@pytest.mark.parametrize(("sizes", "message"), [((4, 2), "3 identity coefficients, got 4"), ((3, 5), "2 expression")])
def test_too_many_coefficients(model, sizes, message):
    with pytest.raises(ValueError, match=message):
        morphable.pose(model, parameters(*sizes))


def test_another_number_of_joints(model):
    with pytest.raises(ValueError, match="rotations"):
        morphable.pose(model, dataclasses.replace(parameters(), rotations=jnp.zeros((5, 3))))


def test_landmarks_lie_on_their_triangles(model):
    vertices = jnp.stack([model.template, 2.0 * model.template])
    points = morphable.embed(vertices, model.faces, model.landmarks[2])
    corners = np.asarray(model.template)
    expected = np.stack([corners[0], 0.25 * corners[2] + 0.25 * corners[3] + 0.5 * corners[4]])
    np.testing.assert_allclose(points, np.stack([expected, 2.0 * expected]), atol=1e-6)
