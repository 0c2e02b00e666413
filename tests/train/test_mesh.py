import dataclasses
import functools
import re

import jax
import numpy as np
import optax
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from jaxanim.data import host_rows, place
from jaxanim.train import averages, mesh
from jaxanim.train.checkpoint import Checkpoints
from jaxanim.train.state import new_state
from jaxanim.train.step import _parts, make_train_step
from tests.train import toy_gan

SPLIT = ((r"kernel$", None), (r"bias$", PartitionSpec()), ("", PartitionSpec()))
BATCH = ("data", "fsdp")
PHASES = (toy_gan.PHASES[0], dataclasses.replace(toy_gan.PHASES[2], every=2))
OPTIMIZERS = {group: optax.sgd(0.02, momentum=0.5) for group in toy_gan.GROUPS}
DECAY = {"generator": 0.9}


@pytest.fixture(autouse=True)
def _split_small_arrays(monkeypatch):
    monkeypatch.setattr(mesh, "SMALLEST", 4)


def plain_state():
    key = jax.random.key(0)
    return new_state(key, toy_gan.init(0), OPTIMIZERS, averaged=("generator",))


@functools.cache  # what one test has compiled serves the others
def compiled(fsdp, devices):
    grid = mesh.make_mesh(fsdp=fsdp, devices=jax.devices()[:devices])
    _, shardings = mesh.abstract(plain_state, grid, SPLIT)
    return grid, make_train_step(PHASES, OPTIMIZERS, average_decay=DECAY, shardings=shardings)


def run(fsdp, devices, numbers, state=None):
    """Trains on a mesh; every process would read its rows alone."""
    grid, step = compiled(fsdp, devices)
    sharding, total = mesh.batch_sharding(grid, 16), None
    if state is None:
        state, _ = mesh.born_sharded(plain_state, grid, SPLIT)
    for number in numbers:
        batch = toy_gan.batch(number)
        assert host_rows(sharding, 16) == slice(0, 16)
        state, measured = step(state, place(batch, sharding, 16), toy_gan.WEIGHTS, None)
        total = measured if total is None else averages.combine(total, measured)
    return state, averages.fetch(total)


@pytest.fixture(scope="module")
def alone():
    return run(1, 1, range(12))


@pytest.mark.parametrize("fsdp", [1, 4])
def test_sharded_and_unsharded_runs_agree(alone, fsdp):
    want, want_metrics = alone
    got, metrics = run(fsdp, 4, range(12))
    shardings = mesh.shardings_of(got, mesh.make_mesh(fsdp=fsdp), SPLIT)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5),
        toy_gan.plain((got.params, got.average)),
        toy_gan.plain((want.params, want.average)),
    )
    assert metrics == pytest.approx(want_metrics, rel=1e-4, abs=1e-5)
    assert jax.tree.all(jax.tree.map(lambda x, s: x.sharding.is_equivalent_to(s, x.ndim), got, shardings))


def test_the_parts_of_a_batch_stay_on_their_devices():
    grid = mesh.make_mesh(fsdp=2)
    rows = jax.device_put(np.arange(16.0), mesh.batch_sharding(grid, 16))
    split = jax.jit(functools.partial(_parts, count=2), out_shardings=NamedSharding(grid, PartitionSpec(None, BATCH)))
    assert np.array_equal(split(rows), np.arange(16.0).reshape(8, 2).T)
    text = split.lower(rows).compile().as_text()
    assert not re.findall(r"all-gather|all-to-all|collective-permute|all-reduce", text)


def test_parameters_and_the_state_of_their_optimizer_are_split_alike():
    state, _ = mesh.born_sharded(toy_gan.state, mesh.make_mesh(fsdp=2), SPLIT)

    def parts(leaf):
        return leaf.sharding.spec, leaf.addressable_shards[0].data.shape

    kernel = (PartitionSpec(None, "fsdp"), (toy_gan.SIZE, toy_gan.HIDDEN // 2))
    assert parts(state.params["critic"]["in"]["kernel"]) == kernel
    assert parts(state.optimizer["critic"][0].mu["in"]["kernel"]) == kernel
    assert parts(state.params["critic"]["out"]["kernel"])[0] == PartitionSpec("fsdp")
    assert parts(state.params["critic"]["in"]["bias"])[0] == PartitionSpec()
    assert state.key.sharding.is_fully_replicated
    assert len(state.average["generator"]["in"]["kernel"].sharding.device_set) == 4


def test_the_numbers_a_run_starts_from_do_not_depend_on_the_mesh():
    def init():
        return {"params": {"kernel": jax.random.normal(jax.random.key(0), (8, 16))}}

    whole, split = (mesh.born_sharded(init, mesh.make_mesh(fsdp=fsdp), SPLIT)[0]["params"]["kernel"] for fsdp in (1, 4))
    assert split.addressable_shards[0].data.shape == (8, 4)
    assert whole.sharding.is_fully_replicated
    assert np.asarray(split).tobytes() == np.asarray(init()["params"]["kernel"]).tobytes()


def test_a_run_goes_on_on_another_mesh(alone, tmp_path):
    state, _ = run(4, 4, range(6))
    target, shardings = mesh.abstract(plain_state, mesh.make_mesh(devices=jax.devices()[:1]), SPLIT)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(state, position={"step": 6}, config={})
        restored = checkpoints.restore(target)
    assert jax.tree.all(jax.tree.map(lambda x, s: x.sharding == s, restored.state, shardings))
    state, _ = run(1, 1, range(6, 12), restored.state)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5),
        toy_gan.plain(state.params),
        toy_gan.plain(alone[0].params),
    )


def test_the_first_rule_that_matches_counts():
    grid = mesh.make_mesh(fsdp=2)
    tree = {"a": {"kernel": np.ones((8, 6))}, "b": np.ones(4)}
    rules = ((r"a/.*kernel$", PartitionSpec("fsdp")), (r"kernel$", PartitionSpec()), (r"^b$", PartitionSpec("data")))
    found = mesh.shardings_of(tree, grid, rules)
    assert found["a"]["kernel"].spec == PartitionSpec("fsdp")
    assert found["b"].spec == PartitionSpec("data")
    with pytest.raises(ValueError, match="no rule says how b is split"):
        mesh.shardings_of(tree, grid, rules[:2])
    with pytest.raises(ValueError, match=r"b of shape \(3,\) cannot be split"):
        mesh.shardings_of({"b": np.ones(3)}, grid, rules)


def test_the_largest_axis_that_divides_is_split(monkeypatch):
    assert mesh.largest_axis((3, 3, 8, 8), 4) == PartitionSpec(None, None, None, "fsdp")
    assert mesh.largest_axis((12, 7), 4) == PartitionSpec("fsdp")
    assert mesh.largest_axis((3, 7), 4) == PartitionSpec()
    monkeypatch.setattr(mesh, "SMALLEST", 1000)
    assert mesh.largest_axis((12, 8), 4) == PartitionSpec()


def test_what_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="fsdp must divide the number of devices, 4, got 3"):
        mesh.make_mesh(fsdp=3)
    with pytest.raises(ValueError, match="a batch of 6 does not divide over 4 devices"):
        mesh.batch_sharding(mesh.make_mesh(), 6)
