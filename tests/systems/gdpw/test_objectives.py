"""Which terms an objective has, what they are, how they are weighted, and whom they teach."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.nn.vgg import Vgg19
from jaxanim.systems.gdpw import generator, networks, objectives
from jaxanim.systems.gdpw.objectives import DISCRIMINATOR, GENERATOR, OFFICIAL, PAPER, Objective
from tests.systems.gdpw import small

RNG = np.random.default_rng(2)
DESIGN = dataclasses.replace(small.DESIGN, levels=2, antialias=False)
GAN = Objective(features="none", warp_pixel=1.0, face_pixel=1.0, face_square=1.0)
CRITIC_TERMS = {"critic_picture", "critic_warped", "total"}
ADVERSARIAL = {"adversarial", "matching", "warp_adversarial", "warp_matching"}


def random(*shape):
    return jnp.asarray(RNG.random(shape), jnp.float32)


def batch_of(variables, size=small.SIZE, features=None):
    meshes = [jnp.asarray(np.stack([small.posed(angle) for angle in angles])) for angles in ((0.0, 0.3), (0.4, -0.2))]
    pictures = random(2, size, size, 3), random(2, size, size, 3)
    return objectives.Batch(*pictures, *meshes, variables["params"], variables["stats"], features or {})


@pytest.fixture(scope="module")
def variables():
    return small.variables(DESIGN, (GENERATOR, DISCRIMINATOR))


@pytest.fixture(scope="module")
def batch(variables):
    return batch_of(variables)


def names_of(variables, objective, *, size=small.SIZE, features=None):
    """Returns the names of each phase's metrics."""
    design, found = dataclasses.replace(DESIGN, size=size), {}
    for phase in objectives.phases(design, small.MESH, objective):
        params, batch = variables["params"][phase.wrt], batch_of(variables, size, features)
        loss, metrics, stats = jax.eval_shape(phase.loss_fn, params, batch, objective.weights())
        assert (loss.shape, phase.keeps, phase.every) == ((), phase.wrt, 1)
        assert jax.tree.structure(stats) == jax.tree.structure(variables["stats"][phase.wrt])
        found[phase.name] = set(metrics)
    return found


@pytest.mark.parametrize("adversary", ["least_squares", "hinge", "none"])
@pytest.mark.parametrize("extra", [(), ("warp_pixel", "face_pixel", "face_square")])
def test_terms_of_pixels_and_of_the_discriminator(variables, adversary, extra):
    objective = Objective(features="none", adversary=adversary, **dict.fromkeys(extra, 1.0))
    expected = {GENERATOR: {"pixel", "total", *extra}}
    if adversary != "none":
        expected = {DISCRIMINATOR: CRITIC_TERMS, GENERATOR: expected[GENERATOR] | ADVERSARIAL}
    found = names_of(variables, objective)
    assert found == expected
    assert list(found) == list(expected)  # the discriminator learns first


def test_terms_of_features(variables):
    """Eight times smaller pictures must have 16 pixels."""
    params = jax.eval_shape(Vgg19().init, jax.random.key(0), jnp.zeros((1, 16, 16, 3)))["params"]
    features = jax.tree.map(lambda leaf: jnp.broadcast_to(jnp.float32(0), leaf.shape), params)
    objective = Objective(features="random", adversary="none")
    found = names_of(variables, objective, size=128, features=features)
    assert found == {GENERATOR: {"pixel", "perceptual", "warp_perceptual", "total"}}
    with pytest.raises(ValueError, match=r"down to 1/8 of the side.*got size=32"):
        objectives.phases(DESIGN, small.MESH, objective)
    with pytest.raises(ValueError, match=r"down to 1/16 of the side.*got size=128 and levels=6"):
        objectives.phases(dataclasses.replace(DESIGN, size=128, levels=6), small.MESH, objective)


def test_presets_and_weights():
    assert (OFFICIAL.adversary, PAPER.adversary) == ("least_squares", "hinge")
    assert OFFICIAL.weights() == PAPER.weights()
    whole = dataclasses.replace(OFFICIAL, pixel=3)  # as a configuration may say it
    found = objectives.weights_of_phases(whole)
    assert set(found) == {GENERATOR, DISCRIMINATOR}
    names = ("pixel", "perceptual", "matching", "adversarial", "warp_perceptual", "warp_matching", "warp_adversarial")
    assert [float(found[GENERATOR][name]) for name in names] == [3, 10, 10, 1, 10, 10, 1]
    assert set(found[GENERATOR]) == {*names, "warp_pixel", "face_pixel", "face_square"}


@pytest.mark.parametrize(("name", "value"), [("features", "vgg"), ("adversary", "wasserstein")])
def test_impossible_objectives(name, value):
    objective = Objective()
    object.__setattr__(objective, name, value)  # where no type checker has looked
    with pytest.raises(ValueError, match=f"{name} must be one of .* got '{value}'"):
        objective.__post_init__()


@pytest.fixture(scope="module")
def generator_turn(variables, batch):
    """The loss for other weights, its gradient, and what it is made of."""
    phase = objectives.phases(DESIGN, small.MESH, GAN)[1]

    def judge(image):
        params, stats = variables["params"][DISCRIMINATOR], variables["stats"][DISCRIMINATOR]
        network = networks.Discriminator(DESIGN.critic_width)
        return network.apply({"params": params, "stats": stats}, image, train=True, mutable=["stats"])[0].realness

    @jax.jit
    def run(params, weights):
        def loss(params):
            total, metrics, stats = phase.loss_fn(params, batch, weights)
            return total, (metrics, stats)

        (total, (metrics, _)), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        given = (batch.source, batch.source_ndc, batch.target_ndc)
        stats = variables["stats"][GENERATOR]
        made, _ = generator.generate(DESIGN, small.MESH, params, stats, *given, train=True)
        return total, metrics, gradient, made, (judge(made.image), judge(made.warped))

    return lambda **weights: run(
        variables["params"][GENERATOR],
        {name: jnp.float32(weights.get(name, 0.0)) for name in GAN.weights()},
    )


def test_the_generators_turn(generator_turn, batch):
    """Every term from its definition, their weighted sum, and a gradient that reaches everything."""
    weights = {"pixel": 2.0, "adversarial": 3.0, "warp_matching": 5.0, "warp_pixel": 7.0}
    total, metrics, gradient, made, (realness, realness_warped) = generator_turn(**weights)
    error = np.abs(made.image - batch.target)
    expected = {
        "pixel": error.mean(),
        "face_pixel": (error * np.asarray(made.mask)).mean(),
        "face_square": (error**2 * np.asarray(made.mask)).mean(),
        "warp_pixel": np.abs(made.warped - batch.target).mean(),  # of two levels one is warped
        "adversarial": np.square(1 - np.asarray(realness)).mean(),
        "warp_adversarial": np.square(1 - np.asarray(realness_warped)).mean(),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-4, err_msg=name)
    assert metrics["matching"] > 0
    np.testing.assert_allclose(total, sum(weight * metrics[name] for name, weight in weights.items()), rtol=1e-5)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert (np.abs(gradient["codes"]) > 0).any(axis=1).sum() >= 5  # one corner is behind in both pictures
    moved = jax.tree.map(lambda leaf: bool((leaf != 0).any()), gradient["decoder"])
    assert moved["flow1"]["kernel"]
    assert moved["out"]["kernel"]
    assert (np.asarray(gradient["encoder"]["down0"]["conv"]["kernel"]) != 0).any()


def test_a_weight_of_nothing_teaches_nothing(generator_turn):
    total, metrics, gradient, _, _ = generator_turn()
    assert total == 0
    assert metrics["pixel"] > 0
    assert not any((leaf != 0).any() for leaf in jax.tree.leaves(gradient))


def test_the_discriminators_turn(variables, batch):
    """Its terms have no weights, and the generator learns nothing of them."""
    phase = objectives.phases(DESIGN, small.MESH, GAN)[0]

    @jax.jit
    def run(own, others):
        def loss(own, others):
            frozen = {**batch.frozen, GENERATOR: others}
            total, metrics, stats = phase.loss_fn(own, dataclasses.replace(batch, frozen=frozen), GAN.weights())
            return total, (metrics, stats)

        return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(own, others)

    (total, (metrics, stats)), (own, others) = run(*(variables["params"][name] for name in (DISCRIMINATOR, GENERATOR)))
    np.testing.assert_allclose(total, metrics["critic_picture"] + metrics["critic_warped"], rtol=1e-6)
    assert (np.asarray(own["layer0"]["conv"]["kernel"]) != 0).any()
    assert not any((leaf != 0).any() for leaf in jax.tree.leaves(others))
    before = variables["stats"][DISCRIMINATOR]["layer0"]["norm"]["mean"]
    assert (np.asarray(stats["layer0"]["norm"]["mean"]) != before).all()


def test_the_warped_source_is_compared_at_every_level(batch):
    """One column to the left at full size, one row down at half of it; what comes from outside is black."""
    source, target = np.asarray(batch.source), np.asarray(batch.target)
    flows = jnp.zeros((2, 32, 32, 2)).at[..., 0].set(1.0), jnp.zeros((2, 16, 16, 2)).at[..., 1].set(-1.0)

    @jax.jit
    def run(batch, flows):
        made = generator.Made(batch.source, batch.source, batch.source[..., :1], flows, batch.source[..., :1])
        return objectives._warp_terms(made, batch, GAN)

    found = run(batch, flows)
    moved = np.concatenate([source[:, :, 1:], np.zeros((2, 32, 1, 3))], axis=2)
    half_source, half_target = (x.reshape(2, 16, 2, 16, 2, 3).mean(axis=(2, 4)) for x in (source, target))
    half_moved = np.concatenate([np.zeros((2, 1, 16, 3)), half_source[:, :-1]], axis=1)
    expected = np.abs(moved - target).mean(axis=(1, 2, 3)) + np.abs(half_moved - half_target).mean(axis=(1, 2, 3))
    assert set(found) == {"warp_pixel"}
    np.testing.assert_allclose(found["warp_pixel"], expected, rtol=1e-5)
