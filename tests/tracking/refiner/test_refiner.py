"""The refiner: its network, its losses, its files."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.errors import WeightsError
from jaxanim.tracking.refiner import files, objectives
from jaxanim.tracking.refiner.design import Design
from jaxanim.tracking.refiner.objectives import Batch, Objective
from jaxanim.tracking.refiner.refiner import NETWORK, Refiner
from jaxanim.weights import weights_file
from jaxanim.weights.card import Card

TINY = Design(size=32, widths=(8, 16), local=4, hidden=8, decoder=8)
CARD = Card(files.SYSTEM, "tiny", "Apache-2.0", "a test")
REFINER = Refiner(TINY)


@pytest.fixture(scope="module")
def params():
    return REFINER.init(jax.random.key(0))["params"][NETWORK]


def batch(seed=0):
    rng = np.random.default_rng(seed)
    arrays = rng.random((2, 32, 32, 3)), rng.random((2, 166, 2)), rng.random((2, 52))
    return Batch(*(jnp.asarray(each, jnp.float32) for each in arrays))


def test_an_untrained_one_sees_no_expression(params):
    found = REFINER.find(params, batch().image)
    assert found.points.shape == (2, 166, 2)
    assert 0 < float(found.points.min()) < float(found.points.max()) < 32
    np.testing.assert_array_equal(found.expression, np.zeros((2, 52)))
    with pytest.raises(ValueError, match="32"):
        REFINER.find(params, jnp.zeros((1, 64, 64, 3)))


def test_a_face_does_not_depend_on_the_others(params):
    images = batch().image
    together, alone = REFINER.find(params, images), REFINER.find(params, images[1:])
    np.testing.assert_allclose(together.points[1:], alone.points, atol=1e-4)


def test_losses(params):
    given = batch()
    found = REFINER.find(params, given.image)
    terms = objectives.terms(params, given, design=TINY)
    away = np.abs(np.asarray(found.points) / 32 - np.asarray(given.points))
    np.testing.assert_allclose(terms["points"], away.mean(axis=(1, 2)), rtol=1e-4)
    np.testing.assert_allclose(terms["expression"], np.square(given.expression).mean(axis=1), rtol=1e-5)
    weights = Objective(points=3.0, spread=0.0, expression=2.0).weights()
    total, means = objectives.loss(params, given, weights, design=TINY)
    assert float(total) == pytest.approx(3 * float(means["points"]) + 2 * float(means["expression"]), rel=1e-5)


def test_it_learns(params):
    """A few steps of gradient descent on one batch make every term smaller."""
    weights, given, now = Objective(points=20.0, expression=1.0).weights(), batch(), params
    (phase,) = REFINER.phases()
    slope = jax.jit(jax.grad(lambda p: phase.loss_fn(p, given, weights)[0]))
    for _ in range(20):
        now = jax.tree.map(lambda p, g: p - 0.03 * g, now, slope(now))
    first, last = (objectives.terms(each, given, design=TINY) for each in (params, now))
    assert all(float(last[name].mean()) < 0.9 * float(first[name].mean()) for name in ("points", "expression"))


def test_files(tmp_path, params):
    path = tmp_path / "tiny.safetensors"
    files.write_refiner(path, CARD, REFINER, params)
    card, stored, found = files.read_refiner(path)
    assert (card.name, stored) == ("tiny", REFINER)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6), found, params)
    weights_file.write(path, card, {"other": {"x": np.zeros(1, np.float32)}})
    with pytest.raises(WeightsError, match="holds other; a network is needed"):
        files.read_refiner(path)
    weights_file.write(path, CARD, {})
    with pytest.raises(WeightsError, match="does not say the design"):
        files.read_refiner(path)


@pytest.mark.parametrize("note", ["{", "[]", '{"size": 32}', '{"size": "32"}'])
def test_damaged_designs(tmp_path, note):
    path = tmp_path / "tiny.safetensors"
    weights_file.write(path, Card(files.SYSTEM, "tiny", "CC0", "a test", notes={"design": note}), {})
    with pytest.raises(WeightsError, match="the design on its card is damaged"):
        files.read_refiner(path)


@pytest.mark.parametrize("wrong", [{"size": 100}, {"widths": (8, 0)}, {"scale": 0.5}, {"decoder": 0}])
def test_designs_that_cannot_be(wrong):
    with pytest.raises(ValueError, match="must"):
        Design(**wrong)


def test_the_bundled_one_is_small():
    path = files.bundled_refiner()
    _, refiner, _ = files.read_refiner(path)
    assert refiner.design.expression == 52
    assert path.stat().st_size < 12e6
