import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxanim.core.system import Phase
from jaxanim.train import averages
from jaxanim.train.state import new_state
from jaxanim.train.step import data_of_phase, make_train_step
from tests.train import toy_gan

DECAY = {"generator": 0.9}


def gan_step(**options):
    return make_train_step(toy_gan.PHASES, toy_gan.optimizers(), average_decay=DECAY, **options)


def regression_step(optimizer=None, phases=toy_gan.REGRESSION, **options):
    optimizers = {group: optimizer or optax.sgd(0.05) for group in toy_gan.GROUPS}
    key = jax.random.key(0)
    return make_train_step(phases, optimizers, **options), new_state(key, toy_gan.init(0), optimizers)


@pytest.fixture(scope="module")
def step():
    return gan_step()


def run(step, state, numbers, weights=toy_gan.WEIGHTS):
    for number in numbers:
        state, measured = step(state, toy_gan.batch(number), weights, None)
    return state, measured


def test_the_generator_learns_the_centre(step):
    rows = toy_gan.network
    latent = jax.random.normal(jax.random.key(5), (512, toy_gan.LATENT))

    def distance(params):
        return np.abs(np.asarray(rows(params, latent)).mean(axis=0) - toy_gan.CENTRE).mean()

    state = toy_gan.state()
    before = distance(state.params["generator"])
    state, _ = run(step, state, range(300))
    assert before > 0.9
    assert distance(state.params["generator"]) < 0.45
    assert distance(state.average["generator"]) < 0.45
    assert int(state.skipped) == 0


def test_a_phase_of_every_n_runs_in_the_nth_step_and_measures_only_then(step):
    state, seen = toy_gan.state(), []
    for number in range(6):
        before = toy_gan.plain(state.params["generator"])
        state, measured = step(state, toy_gan.batch(number), toy_gan.WEIGHTS, None)
        moved = not toy_gan.same(before, state.params["generator"])
        names = averages.fetch(measured)
        assert "critic/gap" in names
        assert ("generator/loss" in names) == moved
        seen.append((moved, "penalty/penalty" in names))
    assert seen == [(False, False), (False, True), (True, False), (False, True), (False, False), (True, True)]


def test_the_mean_of_a_lazy_phase_is_over_its_own_steps(step):
    state, total, want = toy_gan.state(), None, []
    for number in range(4):
        state, measured = step(state, toy_gan.batch(number), toy_gan.WEIGHTS, None)
        want.append(averages.fetch(measured))
        total = measured if total is None else averages.combine(total, measured)
    means = averages.fetch(total)
    assert means["penalty/penalty"] == pytest.approx((want[1]["penalty/penalty"] + want[3]["penalty/penalty"]) / 2)
    assert means["critic/loss"] == pytest.approx(sum(each["critic/loss"] for each in want) / 4)


def test_the_running_average_follows_its_formula(step):
    state = toy_gan.state()
    want = toy_gan.plain(state.average["generator"])
    for number in range(4):
        state, _ = step(state, toy_gan.batch(number), toy_gan.WEIGHTS, None)
        params = toy_gan.plain(state.params["generator"])
        want = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, want, params)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), toy_gan.plain(state.average["generator"]), want
    )
    assert not np.allclose(want["out"]["bias"], params["out"]["bias"], atol=1e-4)


def test_weights_change_without_compiling_again():
    traced = []

    def loss(params, inputs, weights):
        traced.append(weights)
        return weights["sum"] * params["in"]["bias"].sum(), {}

    step, state = regression_step(phases=(Phase("one", "critic", loss),))
    state, _ = step(state, {}, {"one": {"sum": 0.0}}, None)
    assert toy_gan.same(state.params, toy_gan.state().params)
    count = len(traced)
    state, _ = step(state, {}, {"one": {"sum": 2.0}}, None)
    np.testing.assert_allclose(state.params["critic"]["in"]["bias"], -0.1)
    assert len(traced) == count


def test_the_state_is_donated(step):
    state = toy_gan.state()
    leaf = state.params["critic"]["in"]["kernel"]
    step(state, toy_gan.batch(0), toy_gan.WEIGHTS, None)
    assert leaf.is_deleted()


def test_every_step_and_phase_draws_its_own_numbers():
    def loss(params, inputs, weights):
        return params["in"]["bias"].sum() * 0.0, {"drawn": jax.random.normal(inputs.key)}

    phases = (Phase("one", "critic", loss), Phase("two", "critic", loss))
    step, state = regression_step(phases=phases)
    drawn = []
    for _ in range(3):
        state, measured = step(state, {}, {}, None)
        drawn += [averages.fetch(measured)[name] for name in ("one/drawn", "two/drawn")]
    assert len(set(drawn)) == 6
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), 2), 1)
    assert drawn[-1] == float(jax.random.normal(key))


def test_accumulation_equals_one_large_batch():
    large, state = regression_step()
    want, want_metrics = run(large, state, range(3), {})
    parts, state = regression_step(accumulate=4)
    got, got_metrics = run(parts, state, range(3), {})
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        toy_gan.plain(got.params),
        toy_gan.plain(want.params),
    )
    for name, value in averages.fetch(want_metrics).items():
        assert averages.fetch(got_metrics)[name] == pytest.approx(value, rel=1e-5)


def test_parts_draw_different_numbers():
    def loss(params, inputs, weights):
        drawn = jax.random.normal(inputs.key)
        return params["in"]["bias"].sum() * 0.0, {"drawn": drawn, "square": jnp.square(drawn)}

    step, state = regression_step(phases=(Phase("one", "critic", loss),), accumulate=2)
    found = averages.fetch(step(state, toy_gan.batch(0), {}, None)[1])
    assert found["one/square"] - found["one/drawn"] ** 2 > 1e-3  # the variance of the two


def test_half_precision_is_used_where_asked_and_parameters_stay_float32():
    seen, kept = {}, set()

    def loss(name):
        def watch(params, inputs, weights):
            dtype = params["in"]["kernel"].dtype
            seen[name] = {dtype, inputs.params["critic"]["in"]["bias"].dtype}
            kept.update({inputs.data["row"].dtype, inputs.frozen["k"].dtype})
            data = jax.tree.map(lambda leaf: leaf.astype(dtype), inputs.data)
            return toy_gan.regression_loss(params, dataclasses.replace(inputs, data=data), weights)

        return watch

    phases = (Phase("half", "critic", loss("half")), Phase("full", "critic", loss("full")))
    step, state = regression_step(phases=phases, compute_dtype={"half": jnp.bfloat16})
    state, measured = step(state, toy_gan.batch(0), {}, {"k": jnp.ones(2)})
    assert seen == {"half": {jnp.dtype(jnp.bfloat16)}, "full": {jnp.dtype(jnp.float32)}}
    assert kept == {jnp.dtype(jnp.float32)}
    assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {jnp.dtype(jnp.float32)}
    found = averages.fetch(measured)
    assert found["half/loss"] > found["full/loss"] > 0


def test_phases_with_their_own_data():
    def loss(params, data, weights):
        return jnp.square(params["out"]["bias"] - data).mean(), {}

    phases = (Phase("a", "critic", loss), Phase("b", "generator", loss))
    step, state = regression_step(phases=phases, view=data_of_phase)
    data = {"a": jnp.full(1, 2.0), "b": jnp.full(toy_gan.SIZE, 3.0)}
    found = averages.fetch(step(state, data, {}, None)[1])
    assert found["a/loss"] == 4.0
    assert found["b/loss"] == 9.0


@pytest.fixture(scope="module")
def adam_step():
    return regression_step(optax.adam(0.01))[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])  # 1e30 overflows in the loss
def test_a_step_that_is_not_finite_changes_nothing_and_is_counted(adam_step, value):
    step, (_, state) = adam_step, regression_step(optax.adam(0.01))
    state, _ = run(step, state, range(2), {})
    before = toy_gan.plain(state)
    bad = {"row": np.full((16, toy_gan.SIZE), value, np.float32)}
    for times in (1, 2):
        state, measured = step(state, bad, {}, None)
        assert averages.fetch(measured) == {"regression/skipped": 1.0, "skipped_in_a_row": times}
    after = toy_gan.plain(state)
    assert toy_gan.same(before.params, after.params)
    assert toy_gan.same(before.optimizer, after.optimizer)
    assert (int(after.step), int(after.skipped), int(after.skipped_in_a_row)) == (4, 2, 2)
    state, _ = run(step, state, range(1), {})
    assert (int(state.skipped), int(state.skipped_in_a_row)) == (2, 0)
    assert not toy_gan.same(before.params, state.params)


def test_a_phase_that_never_recovers_is_counted_while_it_rests():
    """It is due in every third step; the other one is sound all the time."""

    def good(params, inputs, weights):
        return jnp.square(params["in"]["bias"]).sum(), {}

    def bad(params, inputs, weights):
        return params["in"]["bias"].sum() * inputs.data["scale"], {}

    phases = (Phase("good", "critic", good), Phase("bad", "critic", bad, every=3))
    step, state = regression_step(phases=phases)
    counts = []
    for scale in (1, 1, jnp.nan, 1, 1, jnp.nan, 1, 1, 1, 1):
        state, _ = step(state, {"scale": jnp.float32(scale)}, {}, None)
        counts.append(int(state.skipped_in_a_row))
    assert counts == [0, 0, 1, 1, 1, 2, 2, 2, 0, 0]


def test_an_overflow_inside_the_optimizer_is_caught():
    def loss(params, inputs, weights):
        return params["in"]["bias"].sum() * inputs.data["scale"], {}

    step, state = regression_step(optax.adam(0.01), phases=(Phase("one", "critic", loss),))
    before = toy_gan.plain(state)
    state, _ = step(state, {"scale": jnp.float32(1e25)}, {}, None)  # its square is Adam's second moment
    assert toy_gan.same(before.optimizer, state.optimizer)
    assert int(state.skipped) == 1


def test_a_bad_phase_leaves_the_running_average_alone(step):
    state, _ = run(step, toy_gan.state(), range(2))
    before = toy_gan.plain(state.average)
    state, _ = step(state, {"row": np.full((16, toy_gan.SIZE), np.nan, np.float32)}, toy_gan.WEIGHTS, None)
    assert toy_gan.same(before, state.average)
    assert int(state.skipped_in_a_row) == 1


def keeping_loss(params, inputs, weights):
    """A regression whose running mean of rows takes half of each batch; what is in `extra` goes into it, too."""
    loss, metrics = toy_gan.regression_loss(params, inputs, weights)
    mean = inputs.data["row"].astype(jnp.float32).mean(axis=0) + inputs.data["extra"].mean()
    kept = {"mean": 0.5 * inputs.stats["rows"]["mean"] + 0.5 * mean}
    return loss, {**metrics, "wide": jnp.float32(inputs.stats["rows"]["mean"].dtype == jnp.float32)}, kept


def keeping_step(every=1, **options):
    """Its state, and other statistics that nobody keeps."""
    phase = Phase("one", "critic", keeping_loss, every=every, keeps="rows")
    step, state = regression_step(phases=(phase,), **options)
    return step, dataclasses.replace(state, stats={"rows": {"mean": jnp.zeros(toy_gan.SIZE)}, "other": jnp.ones(2)})


def rows(number, extra=0.0):
    return {**toy_gan.batch(number), "extra": np.full(16, extra, np.float32)}


@pytest.mark.parametrize("options", [{}, {"accumulate": 4}, {"compute_dtype": {"one": jnp.bfloat16}}])
def test_statistics_are_kept(options):
    """Those of the parts of a batch are averaged, and half precision does not touch them."""
    step, state = keeping_step(**options)
    want = np.zeros(toy_gan.SIZE, np.float32)
    with jax.numpy_dtype_promotion("standard"):  # the loss joins both precisions
        for number in range(3):
            state, measured = step(state, rows(number), {}, None)
            want = 0.5 * want + 0.5 * rows(number)["row"].mean(axis=0)
    np.testing.assert_allclose(state.stats["rows"]["mean"], want, rtol=1e-5)
    assert state.stats["rows"]["mean"].dtype == jnp.float32
    assert averages.fetch(measured)["one/wide"] == 1.0
    np.testing.assert_array_equal(state.stats["other"], 1.0)


def test_statistics_stay_when_their_phase_is_not_due():
    step, state = keeping_step(every=2)
    seen = [toy_gan.plain(state.stats)]
    for number in range(4):
        state, _ = step(state, rows(number), {}, None)
        seen.append(toy_gan.plain(state.stats))
    assert [toy_gan.same(a, b) for a, b in itertools.pairwise(seen)] == [True, False, True, False]


@pytest.mark.parametrize("bad", [{"row": np.full((16, toy_gan.SIZE), np.nan, np.float32)}, {"extra": np.inf}])
def test_statistics_stay_in_a_step_that_is_skipped(bad):
    """Also where they alone are not finite."""
    step, state = keeping_step()
    state, _ = step(state, rows(0), {}, None)
    before = toy_gan.plain(state)
    bad = {name: np.broadcast_to(np.float32(value), rows(1)[name].shape) for name, value in bad.items()}
    state, measured = step(state, {**rows(1), **bad}, {}, None)
    assert averages.fetch(measured)["one/skipped"] == 1.0
    assert toy_gan.same(before.stats, state.stats)
    assert toy_gan.same(before.params, state.params)
    assert int(state.skipped) == 1


def test_statistics_that_the_state_does_not_have():
    step, state = keeping_step()
    with pytest.raises(ValueError, match=r"keep statistics of \['rows'\], the state has those of \['other'\]"):
        step(dataclasses.replace(state, stats={"other": jnp.ones(2)}), rows(0), {}, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accumulate": 0}, "must be positive"),
        ({"compute_dtype": {"nothing": jnp.bfloat16}}, "the phases are"),
        ({"phases": ()}, "different names"),
        ({"phases": (Phase("a", "nobody", toy_gan.regression_loss),)}, r"no optimizer for \['nobody'\]"),
    ],
)
def test_impossible_steps_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        regression_step(**options)


def test_what_does_not_fit_the_state_is_refused():
    step = make_train_step(toy_gan.PHASES, toy_gan.optimizers())
    with pytest.raises(ValueError, match="the state averages"):
        run(step, toy_gan.state(), range(1))
    with pytest.raises(ValueError, match="does not split into 3 parts"):
        run(gan_step(accumulate=3), toy_gan.state(), range(1))
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="the groups are"):
        new_state(key, toy_gan.init(0), {"critic": optax.sgd(0.1)})
    with pytest.raises(ValueError, match="no such groups to average"):
        new_state(key, toy_gan.init(0), toy_gan.optimizers(), averaged=("nobody",))
