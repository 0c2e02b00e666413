"""Every loss term from its definition, the weights of both presets, what can be left out, second-order gradients."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.nn.apply import apply
from jaxanim.systems.atw import ATW_OFFICIAL, ATW_PAPER, Design, Objective, objectives


@pytest.fixture(scope="module")
def batch(variables):
    image = jax.random.uniform(jax.random.key(1), (2, 64, 64, 3), minval=-1.0)
    source, target = jnp.eye(3)[:2], jnp.eye(3)[1:]
    return objectives.make_batch(jax.random.key(2), variables["params"], image, source, target)


@pytest.fixture(scope="module")
def judged(system, variables, batch):
    """What the networks make of the batch: generated there and back, judgements of both discriminators."""

    @jax.jit
    def run(params):
        made = objectives.generate(system.design, params["generator"], batch.image, batch.target)
        back = objectives.generate(system.design, params["generator"], made.image, batch.source)
        real, fake = (
            apply(objectives.discriminator(system.design, adversarial=True), params["discriminator"], image)
            for image in (batch.image, made.image)
        )
        of_real, of_warped = (
            apply(objectives.discriminator(system.design, adversarial=False), params["warp_discriminator"], image)
            for image in (batch.image, made.warped)
        )
        return made, back, real, fake, of_real, of_warped

    return jax.tree.map(np.asarray, run(variables["params"]))


def cross_entropy(logits, classes):
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.log(shares[np.arange(2), classes])


def near(ours, expected):
    assert set(ours) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(ours[name], value, rtol=2e-5, atol=1e-6, err_msg=name)


def distance(first, second):
    return np.abs(first - second).mean(axis=(1, 2, 3))


def test_terms_of_the_generator(system, variables, batch, judged):
    made, back, _, fake, _, of_warped = judged
    ours = jax.jit(objectives.generator_terms, static_argnames=("design", "objective"))(
        variables["params"]["generator"], batch, design=system.design, objective=ATW_OFFICIAL
    )
    expected = {
        "adv": -fake.adversarial.mean(axis=(1, 2)),
        "drv": cross_entropy(fake.drive, [1, 2]),
        "warp": cross_entropy(of_warped.drive, [1, 2]),
        "cyc": distance(back.image, batch.image),
        "cyc_warp": distance(back.warped, batch.image),
        "ref": distance(made.warped, made.image),
        "ref_cycle": distance(back.warped, back.image),
    }
    near(ours, expected)


def test_terms_of_the_discriminators(system, variables, batch, judged):
    _, _, real, fake, of_real, _ = judged
    run = jax.jit(objectives.discriminator_terms, static_argnames=("design", "objective"))
    ours = run(variables["params"]["discriminator"], batch, design=system.design, objective=ATW_OFFICIAL)
    assert ours.pop("gp").shape == (2,)
    expected = {
        "adv_real": -real.adversarial.mean(axis=(1, 2)),
        "adv_fake": fake.adversarial.mean(axis=(1, 2)),
        "drv": cross_entropy(real.drive, [0, 1]),
    }
    near(ours, expected)
    of_warp = jax.jit(objectives.warp_discriminator_terms, static_argnames=("design", "objective"))
    params = variables["params"]["warp_discriminator"]
    ours = of_warp(params, batch, design=system.design, objective=ATW_OFFICIAL)
    near(ours, {"drv": cross_entropy(of_real.drive, [0, 1])})


def test_weights_of_the_presets():
    """The paper's text, and the released code's defaults."""
    names = ("adv", "drv", "warp", "cyc", "ref", "gp")
    assert [ATW_PAPER.weights()[name] for name in names] == [1, 1, 1, 10, 10, 10]
    assert [ATW_OFFICIAL.weights()[name] for name in names] == [1, 1, 0.5, 10, 1, 10]
    assert (ATW_PAPER.cyc_on_warp, ATW_PAPER.ref_on_cycle) == (False, False)
    assert (ATW_OFFICIAL.cyc_on_warp, ATW_OFFICIAL.ref_on_cycle) == (True, True)


ALL = {"adv", "drv", "warp", "cyc", "ref"}


def test_losses_are_weighted_sums(system, variables, batch, monkeypatch):
    terms = {"adv": 1.0, "drv": 2.0, "warp": 4.0, "cyc": 8.0, "cyc_warp": 16.0, "ref": 32.0, "ref_cycle": 64.0}
    weights = {"adv": 1.0, "drv": 10.0, "warp": 100.0, "cyc": 1e3, "ref": 1e4, "gp": 1e5}

    def given(params, batch, *, design, objective):
        return {name: jnp.full(2, value) for name, value in terms.items()}

    total, metrics = objectives.loss(given, {}, batch, weights, design=system.design, objective=ATW_OFFICIAL)
    np.testing.assert_allclose(total, 1 + 20 + 400 + 24e3 + 96e4)
    assert {name: float(value) for name, value in metrics.items()} == {**terms, "total": float(total)}


def names_of(function, params, batch, system, objective):
    shapes = jax.eval_shape(lambda params: function(params, batch, design=system.design, objective=objective), params)
    return set(shapes)


@pytest.mark.parametrize("left_out", sorted(ALL))
def test_ablations(system, variables, batch, left_out):
    """Table 2: a term that is left out is not computed, and without it some discriminator has less to learn."""
    objective = dataclasses.replace(ATW_PAPER, terms=ATW_PAPER.terms - {left_out})
    params = variables["params"]
    assert names_of(objectives.generator_terms, params["generator"], batch, system, objective) == ALL - {left_out}
    expected = {"adv": {"drv"}, "drv": {"adv_real", "adv_fake", "gp"}}.get(
        left_out, {"adv_real", "adv_fake", "gp", "drv"}
    )
    assert names_of(objectives.discriminator_terms, params["discriminator"], batch, system, objective) == expected
    trained = [phase.wrt for phase in objectives.phases(system.design, objective)]
    both = ["discriminator", "warp_discriminator", "generator"]
    assert trained == (["discriminator", "generator"] if left_out == "warp" else both)


def test_pairs_say_what_both_pictures_have_to_be(system, variables, batch):
    objective = Objective(pair=3.0, terms=frozenset({"pair"}))
    params, truth = variables["params"]["generator"], -batch.image
    shown = dataclasses.replace(batch, truth=truth)
    made = objectives.generate(system.design, params, batch.image, batch.target)
    (phase,) = objectives.phases(system.design, objective)
    assert (phase.wrt, phase.every) == ("generator", 1)
    total, metrics = phase.loss_fn(params, shown, objective.weights())
    expected = [distance(made.image, truth).mean(), distance(made.warped, truth).mean()]
    np.testing.assert_allclose([metrics["pair"], metrics["pair_warp"]], expected, rtol=1e-5)
    np.testing.assert_allclose(total, 3.0 * sum(expected), rtol=1e-5)
    with pytest.raises(ValueError, match="show the target"):
        phase.loss_fn(params, batch, objective.weights())


def test_flags_of_the_cycle(system, variables, batch):
    params = variables["params"]["generator"]
    names = {
        flags: names_of(
            objectives.generator_terms,
            params,
            batch,
            system,
            dataclasses.replace(ATW_PAPER, cyc_on_warp=flags[0], ref_on_cycle=flags[1]),
        )
        for flags in ((False, False), (True, False), (False, True))
    }
    assert names[True, False] - names[False, False] == {"cyc_warp"}
    assert names[False, True] - names[False, False] == {"ref_cycle"}


@pytest.mark.parametrize("terms", [{"adv", "fun"}, {"cyc", "ref"}, set()])
def test_objectives_that_make_no_sense(terms):
    with pytest.raises(ValueError, match="terms must be of"):
        Objective(terms=frozenset(terms))


def test_intensities_are_doubled_for_the_networks():
    """A discriminator that says 0 of two units of intensity 1 is off by (2^2 + 2^2) / 2."""
    design = Design("action units", 2, 4, 0.3, size=64, drive_scale=2.0)
    error = objectives.drive_error(design, jnp.zeros((1, 2)), jnp.ones((1, 2)))
    np.testing.assert_allclose(error, [4.0])


def test_phases(system):
    rows = [(phase.name, phase.wrt, phase.every) for phase in system.phases()]
    names = [("discriminator", 1), ("warp_discriminator", 1), ("generator", 5)]
    assert rows == [(name, name, every) for name, every in names]
    often = objectives.phases(system.design, dataclasses.replace(ATW_PAPER, generator_every=2))
    assert [phase.every for phase in often] == [1, 1, 2]


def test_second_order_gradient_of_the_penalty(system, batch):
    """Against a central difference, along directions that move no feature over a rectifier's kink.

    The penalty jumps there. Without biases, scaling the kernels of the trunk moves none; nor does any change of the
    last layer.
    """
    network = objectives.discriminator(system.design, adversarial=True)
    shapes = jax.eval_shape(network.init, jax.random.key(0), batch.image)["params"]
    rng = np.random.default_rng(5)

    def draw(path, leaf):
        spread = np.sqrt(2 / np.prod(leaf.shape[:-1])) if path[-1].key == "kernel" else 0.0
        return jnp.asarray(spread * rng.normal(size=leaf.shape), jnp.float32)

    params = jax.tree_util.tree_map_with_path(draw, shapes)
    direction = jax.tree.map(lambda leaf: rng.choice([0.5, 1.0, 2.0]).astype(np.float32) * leaf, params)
    direction["adversarial_conv"]["kernel"] += 0.1 * jax.random.normal(jax.random.key(7), (3, 3, 16, 1))

    @jax.jit
    def penalty(params):
        terms = objectives.discriminator_terms(params, batch, design=system.design, objective=ATW_OFFICIAL)
        return terms["gp"].sum()

    gradient = jax.jit(jax.grad(penalty))(params)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    ours = sum(float((a * b).sum()) for a, b in zip(*map(jax.tree.leaves, (gradient, direction)), strict=True))
    step = 1e-2
    ahead, behind = (jax.tree.map(lambda a, b, s=s: a + s * b, params, direction) for s in (step, -step))
    difference = float(penalty(ahead) - penalty(behind)) / (2 * step)
    assert abs(difference) > 0.1
    np.testing.assert_allclose(ours, difference, rtol=0.02)
