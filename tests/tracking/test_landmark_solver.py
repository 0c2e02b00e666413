"""Slopes against automatic ones, the search on a small made-up face, limits, and a group against its pictures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.geometry import rotations
from jaxanim.tracking import landmark_model, landmark_solver
from jaxanim.tracking.landmark_solver import Observations, Priors, Unknowns

solve = jax.jit(landmark_solver.solve, static_argnames=("steps", "huber", "shared"))
objective = jax.jit(landmark_solver.objective, static_argnames="huber")
residuals = jax.jit(landmark_solver.residuals)

POINTS, IDENTITIES, EXPRESSIONS = 12, 3, 2


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(1)

    def random(*shape, size=1.0):
        return jnp.asarray(size * rng.normal(size=shape), jnp.float32)

    unknowns = IDENTITIES + EXPRESSIONS
    return landmark_model.LandmarkModel(
        fixed=random(POINTS, 3, size=0.05),
        fixed_basis=random(POINTS, 3, unknowns, size=0.03),
        turning=random(POINTS, 3),
        turning_basis=random(POINTS, 3, unknowns, size=0.1),
        lowest=jnp.zeros(EXPRESSIONS),
        highest=jnp.ones(EXPRESSIONS),
        eye_distance=jnp.asarray(1.0),
        identities=IDENTITIES,
        joint=0,
        parents=(-1,),
    )


def turned(*angles):
    return rotations.axis_angle_to_matrix(jnp.asarray(angles, jnp.float32))


def true_face(pictures=3):
    return Unknowns(
        identity=jnp.array([0.5, -1.0, 0.2]),
        log_focal=jnp.log(jnp.asarray(6.0)),
        expression=jnp.linspace(0.0, 1.0, pictures * EXPRESSIONS).reshape(pictures, EXPRESSIONS),
        rotation=jnp.stack([turned(0.1, 0.25 * k, 0.05) for k in range(pictures)]),
        center=jnp.full((pictures, 2), 0.3),
        log_scale=jnp.linspace(-0.2, 0.2, pictures),
    )


def observations(model, face):
    nothing = Observations(jnp.zeros((len(face.center), POINTS, 2)), jnp.ones((len(face.center), POINTS)))
    return Observations(residuals(model, nothing, face), 100.0 * nothing.certainty)


def priors(pictures=3, focal=6.0):
    return Priors(
        identity=jnp.zeros(IDENTITIES),
        identity_precision=jnp.full(IDENTITIES, 1e-3),
        log_focal=jnp.log(jnp.asarray(focal)),
        focal_precision=jnp.asarray(1e-3),
        expression=jnp.zeros((pictures, EXPRESSIONS)),
        expression_precision=1e-3 * jnp.eye(EXPRESSIONS),
        rotation=jnp.broadcast_to(jnp.eye(3), (pictures, 3, 3)),
        rotation_precision=jnp.asarray(1e-3),
    )


def start(face):
    return Unknowns(
        identity=jnp.zeros(IDENTITIES),
        log_focal=jnp.log(jnp.asarray(8.0)),
        expression=jnp.full_like(face.expression, 0.4),
        rotation=jnp.stack([turned(0.0, 0.2 * k, 0.0) for k in range(len(face.center))]),
        center=jnp.zeros_like(face.center),
        log_scale=jnp.zeros_like(face.log_scale),
    )


def test_slopes_are_those_of_automatic_differentiation(model):
    face = jax.tree.map(lambda leaf: leaf[1:2] if leaf.ndim and len(leaf) == 3 and leaf.ndim > 1 else leaf, true_face())
    scale = jnp.asarray(0.1)

    def moved(step):
        parts = jnp.split(step, np.cumsum([IDENTITIES, 1, EXPRESSIONS, 3, 2]))
        identity, focal, expression, turn, shift, size = parts
        at = Unknowns(
            identity=face.identity + identity,
            log_focal=face.log_focal + focal[0],
            expression=face.expression + expression[None],
            rotation=(rotations.axis_angle_to_matrix(turn) @ face.rotation[0])[None],
            center=face.center + shift[None],
            log_scale=(scale + size[0])[None],
        )
        seen = Observations(jnp.zeros((1, POINTS, 2)), jnp.ones((1, POINTS)))
        return landmark_solver.residuals(model, seen, at)[0]

    count = IDENTITIES + 1 + EXPRESSIONS + landmark_solver.POSE
    wanted = jax.jit(jax.jacfwd(moved))(jnp.zeros(count))
    found = landmark_solver.jacobian(model, face.identity, face.log_focal, face.expression[0], face.rotation[0], scale)
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_a_group_is_found_again(model):
    face = true_face()
    found = solve(model, observations(model, face), priors(), start(face), steps=25, huber=1e6, shared=True)
    np.testing.assert_allclose(found.expression, face.expression, atol=5e-3)
    np.testing.assert_allclose(found.rotation, face.rotation, atol=5e-3)
    np.testing.assert_allclose(found.identity, face.identity, atol=2e-2)
    assert found.expression.min() >= 0
    assert found.expression.max() <= 1


def test_limits_hold_where_the_best_is_outside(model):
    face = true_face()
    outside = face.replace(expression=jnp.array([[1.6, 0.5], [-0.7, 0.5], [0.5, 0.5]]))
    seen = observations(model, outside)
    found = solve(model, seen, priors(), start(face), steps=25, huber=1e6, shared=True)
    assert found.expression.min() >= 0
    assert found.expression.max() <= 1
    np.testing.assert_allclose(found.expression[:2, 0], [1.0, 0.0], atol=1e-6)
    # No worse than where the search began, nor than the true face cut at its limits.
    cut = outside.replace(expression=jnp.clip(outside.expression, 0, 1))
    cost = [float(objective(model, seen, priors(), at, huber=1e6)) for at in (found, cut, start(face))]
    assert cost[0] < cost[1] < cost[2]


def test_what_is_given_stays(model):
    """A focal length of infinite precision does not move, and neither does an identity that is not searched for."""
    face = true_face()
    seen = observations(model, face)
    given = priors().replace(focal_precision=jnp.asarray(jnp.inf), log_focal=start(face).log_focal)
    found = solve(model, seen, given, start(face), steps=25, huber=1e6, shared=True)
    assert float(found.log_focal) == float(start(face).log_focal)
    assert np.isfinite(found.expression).all()
    found = solve(model, seen, priors(), start(face), steps=25, huber=1e6, shared=False)
    np.testing.assert_array_equal(found.identity, start(face).identity)
