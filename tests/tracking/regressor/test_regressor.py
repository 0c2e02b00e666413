"""The regressor: its network, its losses, its files."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.errors import WeightsError
from jaxanim.geometry.open_head import load_open_head
from jaxanim.tracking.regressor import files, networks, objectives, parameters
from jaxanim.tracking.regressor.design import F3A_PAPER, Design
from jaxanim.tracking.regressor.objectives import Batch
from jaxanim.tracking.regressor.parameters import Statistics
from jaxanim.tracking.regressor.regressor import NETWORK, FaceRegressor
from jaxanim.weights import weights_file
from jaxanim.weights.card import Card

TINY = Design("open_head", 60, 52, width=8, hidden=16, decoder=8, points=166, size=32)
CARD = Card(files.SYSTEM, "tiny", "Apache-2.0", "a test")


NOT_GROUPED = [{"width": 3}, {"width": 12}, {"decoder": 20, "points": 68}]  # norms have 8 groups


def statistics(design):
    return Statistics(jnp.zeros(design.parameters), jnp.ones(design.parameters))


@pytest.fixture(scope="module")
def regressor():
    head = load_open_head()
    return FaceRegressor(TINY, statistics(TINY), parameters.basis_of(head, head.landmarks[68], head.landmarks[98]))


@pytest.fixture(scope="module")
def params(regressor):
    return regressor.init(jax.random.key(0))["params"][NETWORK]


def batch(known=1.0, face=1.0):
    rng = np.random.default_rng(0)
    return Batch(
        jnp.asarray(rng.random((2, 32, 32, 3)), jnp.float32),
        jnp.asarray(rng.random((2, 166, 2)), jnp.float32),
        jnp.asarray(rng.normal(size=(2, TINY.parameters)), jnp.float32),
        jnp.full(2, known),
        jnp.full(2, face),
    )


def test_the_published_network_has_the_published_size():
    network = networks.RegressorNetwork(F3A_PAPER)
    shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 128, 128, 3)))["params"]
    sizes = {name: sum(leaf.size for leaf in jax.tree.leaves(part)) for name, part in shapes.items()}
    assert sizes["encoder"] == pytest.approx(3.59e6, rel=0.01)
    assert sizes["hidden"] + sizes["scores"] == 8192 * 512 + 512 + 512 * 235 + 235


def test_an_untrained_network_finds_the_mean_face(regressor, params):
    found = regressor.find(params, batch().image)
    np.testing.assert_array_equal(found.face.identity, np.zeros((2, 60)))
    assert found.points.shape == (2, 166, 2)
    assert float(jnp.abs(found.confidence - 0.5).max()) < 0.5
    with pytest.raises(ValueError, match="32"):
        regressor.find(params, jnp.zeros((1, 64, 64, 3)))


def test_a_face_does_not_depend_on_the_others(regressor, params):
    images = batch().image
    together, alone = regressor.find(params, images), regressor.find(params, images[1:])
    np.testing.assert_allclose(together.points[1:], alone.points, atol=1e-4)


def test_without_a_decoder_points_are_those_of_the_parameters(regressor):
    plain = FaceRegressor(dataclasses.replace(TINY, decoder=0, points=0), regressor.statistics, regressor.basis)
    found = plain.find(plain.init(jax.random.key(0))["params"][NETWORK], batch().image)
    np.testing.assert_allclose(found.points, 32 * parameters.project(regressor.basis, found.face), atol=1e-5)
    assert found.confidence.tolist() == [1, 1]


def test_the_centre_of_heat():
    heat = np.full((1, 8, 8, 2), -20.0, np.float32)
    heat[0, 2, 5, 0] = 20
    heat[0, 6, 0:2, 1] = 20
    points, spread = networks.centre_of_heat(jnp.asarray(heat))
    np.testing.assert_allclose(points[0], [[5.5 / 8, 2.5 / 8], [1 / 8, 6.5 / 8]], atol=1e-5)
    np.testing.assert_allclose(spread[0], [0, 0.5 / 8], atol=1e-5)


def test_losses_are_those_of_the_paper(regressor, params):
    given = batch()
    found = objectives.terms(params, given, design=TINY, basis=regressor.basis, statistics=regressor.statistics)
    mean = parameters.take_apart(jnp.zeros((2, TINY.parameters)), 60, 52)
    points = np.asarray(parameters.project(regressor.basis, mean))
    weights = np.ones(166)
    weights[36:48], weights[48:68] = 5, 10
    away = np.abs(points - np.asarray(given.points)).mean(axis=-1)
    np.testing.assert_allclose(found["lm"], (away * weights).mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(found["tr"], np.abs(given.scores[:, 112:]).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(found["reg"], np.zeros(2), atol=1e-6)
    total, means = objectives.loss(
        params,
        given,
        objectives.WARM_UP.weights(),
        design=TINY,
        basis=regressor.basis,
        statistics=regressor.statistics,
    )
    expected = means["shp"] + 10 * means["lm"] + means["tr"] + 1e-3 * means["reg"]
    assert float(total) == pytest.approx(float(expected), rel=1e-5)


def test_what_is_not_known_is_not_learnt(regressor, params):
    def terms(given):
        return objectives.terms(params, given, design=TINY, basis=regressor.basis, statistics=regressor.statistics)

    unknown = terms(batch(known=0.0))
    assert float(unknown["shp"].sum() + unknown["tr"].sum() + unknown["exp"].sum()) == 0
    assert float(unknown["lm"].min()) > 0
    nothing = terms(batch(face=0.0))
    assert {name for name, value in nothing.items() if float(value.sum()) != 0} == {"face"}
    assert float(nothing["face"].sum()) != pytest.approx(float(terms(batch())["face"].sum()))


def test_files(tmp_path, regressor, params):
    path = tmp_path / "tiny.safetensors"
    files.write_regressor(path, CARD, regressor, params)
    card, stored, found = files.read_regressor(path)
    assert (card.name, stored.design) == ("tiny", TINY)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6), found, params)
    unknown = dataclasses.replace(regressor.statistics, mean=regressor.statistics.mean.at[3].set(jnp.nan))
    files.write_regressor(path, CARD, dataclasses.replace(regressor, statistics=unknown), params)
    with pytest.raises(WeightsError, match="statistics holds numbers that are not finite"):
        files.read_regressor(path)
    weights_file.write(path, card, {NETWORK: {"x": np.zeros(1, np.float32)}})
    with pytest.raises(WeightsError, match="are needed"):
        files.read_regressor(path)
    weights_file.write(path, CARD, {})
    with pytest.raises(WeightsError, match="does not say the design"):
        files.read_regressor(path)


@pytest.mark.parametrize("sizes", [{"width": 1}, {"width": 4}, {"width": 24}, {"decoder": 5, "points": 68}])
def test_designs_that_can_be(sizes):
    design = Design(**{"hidden": 8, "size": 32, **sizes})
    jax.eval_shape(FaceRegressor(design, statistics(design)).init, jax.random.key(0))


@pytest.mark.parametrize("wrong", [{"size": 100}, {"width": 0}, {"decoder": 8}, {"points": 68}, *NOT_GROUPED])
def test_designs_that_cannot_be(wrong):
    with pytest.raises(ValueError, match=r"must|both"):
        Design(**wrong)
