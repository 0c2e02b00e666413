"""The students' losses on hand-sized numbers, the released schedules, and gradients for every parameter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.systems.tha4 import networks, objectives, windows

BODY_POSITIONS = windows.body_window(jnp.asarray(60), jnp.asarray(60), 1)  # 4x4 pixels in the middle
FLOAT = 1e-6
face_terms, body_terms = jax.jit(objectives.face_terms), jax.jit(objectives.body_terms)
face_gradient = jax.jit(jax.value_and_grad(objectives.face_loss, has_aux=True))
body_gradient = jax.jit(jax.value_and_grad(objectives.body_loss, has_aux=True))


@pytest.fixture(scope="module")
def face_params():
    return jax.jit(networks.StudentFace().init)(jax.random.key(0), jnp.zeros((2, 2, 2)), jnp.zeros((1, 39)))["params"]


@pytest.fixture(scope="module")
def body_params():
    image, pose = jnp.zeros((1, 8, 8, 4)), jnp.zeros((1, 45))
    return jax.jit(networks.StudentBody().init)(jax.random.key(0), image, pose, BODY_POSITIONS)["params"]


def constant(params, *outputs):
    """Returns parameters of a student whose result is the same everywhere: all zero but the last bias."""
    zeros = jax.tree.map(jnp.zeros_like, params)
    zeros["siren"]["last"]["bias"] = jnp.array(outputs)
    return zeros


def face_batch():
    """Two examples of 1x2 pixels: all 1, and all 0; the mask shows the first pixel only."""
    return objectives.FaceBatch(
        positions=jnp.array([[[-0.5, 0.0], [0.5, 0.0]]]),
        pose=filled(0.0, 2, 39),
        teacher=jnp.stack([filled(1.0, 1, 2, 4), filled(0.0, 1, 2, 4)]),
        mask=jnp.broadcast_to(jnp.array([[[1.0], [0.0]]]), (2, 1, 2, 1)),
    )


def body_batch():
    return objectives.BodyBatch(
        image=filled(0.5, 1, 8, 8, 4),
        pose=filled(0.0, 1, 45),
        positions=BODY_POSITIONS,
        final=filled(0.9, 1, 4, 4, 4),
        warped=filled(0.3, 1, 4, 4, 4),
        flow_ndc=filled(0.1, 1, 4, 4, 2),
    )


def filled(value, *shape):
    return jnp.full(shape, value, jnp.float32)


def test_face_terms_by_hand(face_params):
    """Painted (0, 0.2, 0.4, 1): 1.6 / 4 = 0.4 on average; from 1 that is 0.6 away."""
    terms = face_terms(constant(face_params, 0.0, 0.2, 0.4, 1.0), face_batch())
    assert set(terms) == {"full", "masked"}
    np.testing.assert_allclose(terms["full"], [0.6, 0.4], atol=FLOAT)
    np.testing.assert_allclose(terms["masked"], [0.3, 0.2], atol=FLOAT)  # half the pixels


def test_face_loss_is_the_weighted_sum_of_means(face_params):
    """Means 0.5 and 0.25, weights 1 and 20."""
    params = constant(face_params, 0.0, 0.2, 0.4, 1.0)
    (total, metrics), _ = face_gradient(params, face_batch(), objectives.FACE_WEIGHTS)
    np.testing.assert_allclose(total, 0.5 + 20 * 0.25, rtol=1e-6)
    assert {name: round(float(value), 5) for name, value in metrics.items()} == {
        "full": 0.5,
        "masked": 0.25,
        "total": 5.5,
    }


def test_body_terms_by_hand(body_params):
    """Flow 0, alpha 0.25, colour 0.7 over an image of 0.5: 0.7 * 0.25 + 0.5 * 0.75 = 0.55."""
    terms = body_terms(constant(body_params, 0.0, 0.0, 0.25, *[0.7] * 4), body_batch())
    expected = {
        "final": 0.9 - 0.55,
        "warped": 0.5 - 0.3,
        "flow": 0.1,
        "direct": 0.9 - 0.7,  # against the final picture: the released code, not the paper
    }
    assert set(terms) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], [value], atol=FLOAT, err_msg=name)


def test_body_loss_is_the_weighted_sum(body_params):
    params = constant(body_params, 0.0, 0.0, 0.25, *[0.7] * 4)
    weights = {"final": 1.0, "warped": 10.0, "flow": 100.0, "direct": 1000.0}
    (total, metrics), _ = body_gradient(params, body_batch(), weights)
    np.testing.assert_allclose(total, 0.35 + 10 * 0.2 + 100 * 0.1 + 1000 * 0.2, rtol=1e-5)
    assert metrics["total"] == total


def test_flow_moves_the_picture(body_params):
    """A flow of one pixel (of 8: 0.25) to the right brings what is there: the image brightens by 0.1 a column."""
    image = jnp.broadcast_to(jnp.arange(8.0)[None, None, :, None] / 10, (1, 8, 8, 4))
    batch = body_batch().replace(image=image)
    still, moved = (body_terms(constant(body_params, flow, 0.0, 0.0, *[0.0] * 4), batch) for flow in (0.0, 0.25))
    # The window lies left of 0.3, the target; one column further is nearer to 0.9 by 0.1.
    np.testing.assert_allclose(still["final"] - moved["final"], 0.1, atol=FLOAT)
    np.testing.assert_allclose(moved["flow"], (0.15 + 0.1) / 2, atol=FLOAT)


def leaves(found):
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(found)}


def test_every_parameter_of_the_face_learns(face_params):
    batch = face_batch().replace(pose=jax.random.uniform(jax.random.key(1), (2, 39)))
    found = leaves(face_gradient(face_params, batch, objectives.FACE_WEIGHTS)[1])
    assert len(found) == 2 * 9  # eight sine layers and the last
    assert all(jnp.isfinite(leaf).all() and jnp.abs(leaf).max() > 0 for leaf in found.values()), found


@pytest.mark.parametrize("stage", [0, 2, 4])
def test_every_parameter_of_the_body_learns(body_params, stage):
    image = jax.random.uniform(jax.random.key(1), (1, 8, 8, 4), minval=-1.0)
    batch = body_batch().replace(image=image, pose=jax.random.uniform(jax.random.key(2), (1, 45)))
    found = leaves(body_gradient(body_params, batch, objectives.BODY_SCHEDULE[stage].weights)[1])
    assert len(found) == 2 * 10  # nine sine layers and the last
    assert all(jnp.isfinite(leaf).all() and jnp.abs(leaf).max() > 0 for leaf in found.values()), found


def test_the_sine_is_the_callers(face_params):
    """Without a wave (sine of anything is 0) only the last bias is left."""
    terms = objectives.face_terms(face_params, face_batch(), sine=jnp.zeros_like)
    bias = np.asarray(face_params["siren"]["last"]["bias"])
    np.testing.assert_allclose(terms["full"], [np.abs(bias - 1).mean(), np.abs(bias).mean()], atol=FLOAT)


def test_released_face_schedule():
    rows = [(stage.examples, stage.learning_rate) for stage in objectives.FACE_SCHEDULE]
    assert rows == [(200_000, 1e-4), (500_000, 1e-4 / 3), (800_000, 1e-5), (1_000_000, 1e-4 / 30)]
    assert all(stage.weights == {"full": 1.0, "masked": 20.0} for stage in objectives.FACE_SCHEDULE)


def test_released_body_schedule():
    rows = [
        (stage.examples, stage.learning_rate, [stage.weights[name] for name in ("final", "warped", "flow", "direct")])
        for stage in objectives.BODY_SCHEDULE
    ]
    assert rows == [
        (200_000, 1e-4, [0.25, 0.25, 0.5, 2.0]),
        (400_000, 3e-5, [0.25, 0.25, 0.5, 2.0]),
        (600_000, 3e-5, [1.0, 2.5, 5.0, 1.0]),
        (800_000, 1e-5, [1.0, 2.5, 5.0, 1.0]),
        (1_300_000, 1e-5, [10.0, 1.0, 1.0, 1.0]),
        (1_500_000, 3e-6, [10.0, 1.0, 1.0, 1.0]),
    ]


def test_phases():
    rows = [(phase.name, phase.wrt, phase.every) for phase in objectives.phases()]
    assert rows == [("face", "face_morpher", 1), ("body", "body_morpher", 1)]
    assert [phase.loss_fn for phase in objectives.phases()] == [objectives.face_loss, objectives.body_loss]
