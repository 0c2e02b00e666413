"""The refiner: its network, its losses, its files."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxanim.core.errors import WeightsError
from jaxanim.tracking.refiner import files, objectives
from jaxanim.tracking.refiner.design import Design
from jaxanim.tracking.refiner.networks import Reader
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
    """A few steps on one batch make both kinds of error smaller."""
    weights, given, now = Objective(points=20.0, expression=4.0).weights(), batch(), params
    (phase,) = REFINER.phases()
    adam = optax.adam(5e-3)

    @jax.jit
    def step(now, moments):
        slope = jax.grad(lambda p: phase.loss_fn(p, given, weights)[0])(now)
        updates, moments = adam.update(slope, moments)
        return optax.apply_updates(now, updates), moments

    moments = adam.init(params)
    with jax.numpy_dtype_promotion("standard"):  # Adam counts in integers
        for _ in range(30):
            now, moments = step(now, moments)
    first, last = (objectives.terms(each, given, design=TINY) for each in (params, now))
    assert all(float(last[name].mean()) < 0.8 * float(first[name].mean()) for name in ("points", "expression"))


def test_expressions_are_read_from_landmarks_and_from_pixels():
    """The same face elsewhere and larger has the same landmarks about its middle; those of another do not."""
    reader = Reader(local=4, hidden=8, expression=52)
    rng = np.random.default_rng(1)
    points = jnp.asarray(rng.random((1, 166, 2)), jnp.float32)
    blank = jnp.zeros((1, 4, 4, 3)), jnp.zeros((1, 2, 2, 5))
    weights = reader.init(jax.random.key(2), points, blank[:1], blank[1])["params"]
    weights["expression"]["kernel"] = jnp.asarray(rng.normal(size=(8, 52)), jnp.float32)

    def read(points, fine=blank[0], coarse=blank[1]):
        return np.asarray(reader.apply({"params": weights}, points, (fine,), coarse))

    as_it_is = read(points)
    np.testing.assert_allclose(read(0.5 * points + 0.2), as_it_is, atol=1e-4)
    for other in (read(points[:, ::-1]), read(points, fine=blank[0] + 1), read(points, coarse=blank[1] + 1)):
        assert np.abs(other - as_it_is).max() > 1e-3


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


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 100},
        {"widths": (8, 0)},
        {"widths": ()},
        {"widths": (1, 8, 8, 8)},  # the first layer has half as many
        {"widths": (8, 20, 32, 32)},  # norms have 8 groups
        {"widths": (24, 32, 32, 32)},
        {"decoder": 20},
        {"scale": 0.5},
        {"scale": float("nan")},
        {"scale": float("inf")},
        {"decoder": 0},
    ],
)
def test_designs_that_cannot_be(wrong):
    with pytest.raises(ValueError, match="must"):
        Design(**wrong)


@pytest.mark.parametrize("widths", [(2,), (8, 5), (16, 24)])
def test_designs_that_can_be(widths):
    jax.eval_shape(Refiner(Design(size=32, widths=widths, local=4, hidden=8, decoder=5)).init, jax.random.key(0))


def test_the_bundled_one_is_small():
    path = files.bundled_refiner()
    _, refiner, _ = files.read_refiner(path)
    assert refiner.design.expression == 52
    assert path.stat().st_size < 12e6
