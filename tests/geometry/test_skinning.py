"""Skinning against what can be said without it: no turn moves nothing, the root moves all, a joint its own vertices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from jaxanim.geometry import skinning

PARENTS = (-1, 0, 1)


@pytest.fixture
def body(key):
    """Nine points, three for each joint of a chain; the joints are the first of each three."""
    rest = jax.random.normal(key, (9, 3))
    regressor = jnp.zeros((3, 9)).at[jnp.arange(3), 3 * jnp.arange(3)].set(1.0)
    return rest, regressor, jnp.repeat(jnp.eye(3), 3, axis=0)


def skin(body, rotations, pose_basis=None):
    rest, regressor, weights = body
    basis = jnp.zeros((9, 3, 0)) if pose_basis is None else pose_basis
    return skinning.skin(rest, regressor, weights, basis, PARENTS, jnp.asarray(rotations, jnp.float32))


def test_no_rotation_moves_nothing(body):
    vertices, joints = skin(body, np.zeros((3, 3)))
    np.testing.assert_allclose(vertices, body[0], atol=1e-6)
    np.testing.assert_allclose(joints, body[0][::3], atol=1e-6)


def test_the_root_turns_everything_around_itself(body):
    turn = np.array([0.3, -0.9, 0.5])
    vertices, _ = skin(body, [turn, np.zeros(3), np.zeros(3)])
    rest = np.asarray(body[0])
    np.testing.assert_allclose(vertices, Rotation.from_rotvec(turn).apply(rest - rest[0]) + rest[0], atol=1e-5)


def test_a_chain_of_joints(body):
    """The last joint's points turn with all three, each about its own joint, the last one first."""
    turns = np.array([[0.1, 0.7, -0.2], [-0.4, 0.2, 0.3], [0.9, -0.1, 0.6]])
    vertices, joints = skin(body, turns)
    moved, places = np.asarray(body[0])[6:], np.asarray(body[0])[::3]
    for joint in (2, 1, 0):
        moved = Rotation.from_rotvec(turns[joint]).apply(moved - places[joint]) + places[joint]
    np.testing.assert_allclose(vertices[6:], moved, atol=1e-5)
    np.testing.assert_allclose(joints[2], moved[0], atol=1e-5)


def test_weights_mix_what_joints_do(body):
    rest, regressor, weights = body
    turns = np.array([[0.0, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 0.0]])
    half = weights.at[4].set(jnp.array([0.5, 0.5, 0.0]))
    stiff, bent = skin(body, np.zeros((3, 3)))[0], skin(body, turns)[0]
    mixed, _ = skin((rest, regressor, half), turns)
    np.testing.assert_allclose(mixed[4], (stiff[4] + bent[4]) / 2, atol=1e-6)


def test_pose_offsets_follow_all_joints_but_the_root(body, key):
    """They are added before the joints turn, and the joints stay where they were."""
    turn = np.array([0.2, 0.5, -0.7])
    basis = jax.random.normal(key, (9, 3, 18))
    at_root, _ = skin(body, [turn, np.zeros(3), np.zeros(3)], basis)
    np.testing.assert_allclose(at_root, skin(body, [turn, np.zeros(3), np.zeros(3)])[0], atol=1e-5)
    bent, joints = skin(body, [np.zeros(3), turn, np.zeros(3)], basis)
    offsets = np.asarray(basis)[..., :9] @ (Rotation.from_rotvec(turn).as_matrix() - np.eye(3)).reshape(-1)
    np.testing.assert_allclose(bent[:3], np.asarray(body[0])[:3] + offsets[:3], atol=1e-5)
    np.testing.assert_allclose(joints[:2], np.asarray(body[0])[[0, 3]], atol=1e-6)


def test_batches(body):
    turns = jnp.stack([jnp.zeros((3, 3)), jnp.full((3, 3), 0.4)])
    whole = skinning.skin(jnp.stack([body[0]] * 2), *body[1:], jnp.zeros((9, 3, 0)), PARENTS, turns)
    for index in range(2):
        for batched, one in zip(whole, skin(body, turns[index]), strict=True):
            np.testing.assert_allclose(batched[index], one, atol=1e-6)
