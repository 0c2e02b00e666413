import json
import logging
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxanim.core.errors import OutputError, WeightsError
from jaxanim.train import manifest
from jaxanim.train.checkpoint import Checkpoints
from tests.reliability import damages
from tests.train import toy_gan


def state_at(step):
    made = toy_gan.state()
    params = jax.tree.map(lambda leaf: leaf + step, made.params)
    return type(made)(**{**vars(made), "step": jnp.int32(step), "params": params})


def save(checkpoints, step, score=None):
    checkpoints.save(state_at(step), position={"step": step}, config={"rate": 0.1}, score=score)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Two checkpoints, of steps 10 and 20."""
    folder = tmp_path_factory.mktemp("saved")
    with Checkpoints(folder) as checkpoints:
        save(checkpoints, 10)
        save(checkpoints, 20)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "run")


def restore(folder):
    with Checkpoints(folder) as checkpoints:
        return checkpoints.restore(toy_gan.state())


def test_what_was_saved_comes_back_bit_for_bit(folder):
    restored = restore(folder)
    assert toy_gan.same(restored.state, state_at(20))
    assert jax.random.normal(restored.state.key) == jax.random.normal(jax.random.key(0))
    assert (restored.position, restored.config) == ({"step": 20}, {"rate": 0.1})


def test_an_empty_folder_has_nothing_to_restore(tmp_path):
    assert restore(tmp_path / "new") is None


def test_any_damage_to_any_file_is_found_and_named(folder):
    whole = folder / "00000020"
    names = damages.files(whole)
    assert len(names) > 6
    for name in names:
        for damage in damages.ALL.values():
            content = (whole / name).read_bytes()
            damage(whole / name)
            found = manifest.damage(whole)
            assert found is not None
            assert name.name in found
            (whole / name).write_bytes(content)
    assert manifest.damage(whole) is None


@pytest.mark.parametrize("damage", ["flipped", "truncated", "removed"])
def test_the_checkpoint_before_a_damaged_one_is_used(folder, caplog, damage):
    largest = max((folder / "00000020" / "state").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)
    damages.ALL[damage](largest)
    with caplog.at_level(logging.WARNING):
        restored = restore(folder)
    assert toy_gan.same(restored.state, state_at(10))
    assert "step 20 is damaged" in caplog.text
    assert largest.name in caplog.text
    with Checkpoints(folder) as checkpoints:  # the damaged one is out of the way: its step can be saved again
        assert checkpoints.steps() == [10]
        save(checkpoints, 20)
    assert toy_gan.same(restore(folder).state, state_at(20))


def test_when_all_are_damaged_nothing_starts_anew(folder):
    for path in folder.glob("*/run.json"):
        damages.flip(path)
    for _ in range(2):  # also when it is tried again
        with pytest.raises(WeightsError, match=r"every checkpoint .* is damaged"):
            restore(folder)


def test_a_checkpoint_that_was_being_written_or_removed_is_swept_away(folder):
    (folder / "00000020").rename(folder / "00000020.partial")
    assert toy_gan.same(restore(folder).state, state_at(10))
    assert {path.name for path in folder.iterdir()} == {"00000010"}


def seal(path, change):
    """Writes a manifest anew, with something changed, as if it had always been so."""
    listed = json.loads(path.read_text())
    listed |= change
    listed["sha256"] = manifest._digest({name: value for name, value in listed.items() if name != "sha256"})
    path.write_text(json.dumps(listed))


def test_the_format_of_another_version_is_refused_and_left_alone(folder):
    seal(folder / "00000020" / manifest.NAME, {"format": 7})
    before = sorted(folder.rglob("*"))
    with pytest.raises(WeightsError, match=r"00000020 was written by another version: its format is 7, .* reads 1"):
        restore(folder)
    (folder / "00000020" / manifest.NAME).write_text(json.dumps({"run.json": "0" * 64}))
    with pytest.raises(WeightsError, match="not written by this program, or by a version before its first release"):
        restore(folder)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("name", ["1000", "checkpoint_1000", "00001000"])
def test_a_folder_that_holds_something_else_is_refused_and_left_alone(folder, name):
    (folder / name).mkdir()
    (folder / name / "checkpoint").write_text("of somebody else")
    with pytest.raises(WeightsError, match=rf"{name} is no checkpoint"):
        Checkpoints(folder)
    assert (folder / name / "checkpoint").read_text() == "of somebody else"


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OutputError, match=r"no checkpoints in .*run: File exists"):
        Checkpoints(tmp_path / "run")


def test_the_last_and_the_best_are_kept(tmp_path):
    with Checkpoints(tmp_path, keep_last=1, keep_best=2, better="higher") as checkpoints:
        for step, score in ((1, 0.5), (2, 0.9), (3, 0.1), (4, 0.7), (5, None)):
            save(checkpoints, step, score)
        checkpoints.wait()
        assert checkpoints.steps() == [2, 4, 5]
    assert {path.name for path in tmp_path.iterdir()} == {"00000002", "00000004", "00000005"}


def test_numbers_that_are_not_finite_never_reach_the_disk(tmp_path):
    made = state_at(3)
    params = jax.tree.map(lambda leaf: leaf / 0.0, made.params)
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(ValueError, match="step 3 are not finite"):
            checkpoints.save(type(made)(**{**vars(made), "params": params}), position={}, config={})
        assert list(tmp_path.iterdir()) == []


def test_a_complete_checkpoint_is_never_written_again(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with Checkpoints(folder) as checkpoints:
        save(checkpoints, 20)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_what_json_cannot_hold_is_refused_before_anything_is_written(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(TypeError, match="not JSON serializable"):
            checkpoints.save(state_at(1), position={"step": np.int32(1)}, config={})
        assert list(tmp_path.iterdir()) == []


def test_another_model_is_refused_by_name(folder):
    made = toy_gan.state()
    critic = {**made.params["critic"], "out": {"kernel": jnp.ones((7, 1)), "extra": jnp.ones(1)}}
    other = type(made)(**{**vars(made), "params": {**made.params, "critic": critic}})
    with Checkpoints(folder) as checkpoints, pytest.raises(WeightsError, match=r"another model .*'extra'"):
        checkpoints.restore(other)
    assert toy_gan.same(restore(folder).state, state_at(20))  # and not called damaged


def test_an_old_one_that_cannot_be_removed_is_reported_as_such(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    checkpoints = Checkpoints(tmp_path, keep_last=1)
    save(checkpoints, 1)
    checkpoints._thread.join()
    monkeypatch.setattr(shutil, "rmtree", refuse)
    save(checkpoints, 2)
    with pytest.raises(OutputError, match=r"old checkpoint .*00000001 could not be removed: .*Permission denied"):
        checkpoints.close()
    monkeypatch.undo()
    assert toy_gan.same(restore(tmp_path).state, state_at(2))


def test_a_failed_write_is_reported_and_the_previous_one_stays(folder, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    checkpoints = Checkpoints(folder)
    monkeypatch.setattr(manifest, "write", full)
    save(checkpoints, 30)
    checkpoints._thread.join()
    for _ in range(2):  # it is told once, and nothing waits for the next save
        with pytest.raises(OutputError, match=r"00000030 could not be written, .* No space left"):
            checkpoints.check()
        checkpoints.check()
        save(checkpoints, 30)
        checkpoints._thread.join()
    with pytest.raises(OutputError):
        checkpoints.close()
    assert not (folder / "00000030.partial").exists()  # its space is free again
    monkeypatch.undo()
    assert toy_gan.same(restore(folder).state, state_at(20))


def test_the_state_can_be_donated_while_it_is_being_written(tmp_path):
    made = state_at(1)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(made, position={}, config={})
        overwrite = jax.jit(lambda state: jax.tree.map(lambda x: x * 0, state.params), donate_argnums=0)
        jax.block_until_ready(overwrite(made))
        checkpoints.wait()
        assert toy_gan.same(checkpoints.restore(toy_gan.state()).state, state_at(1))


def test_a_checkpoint_moves_to_another_mesh(folder):
    mesh = Mesh(np.array(jax.devices()), ("fsdp",))

    def spread(leaf):
        split = leaf.ndim > 0 and leaf.shape[0] % 4 == 0
        return NamedSharding(mesh, PartitionSpec("fsdp") if split else PartitionSpec())

    made = toy_gan.state()
    target = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=spread(x)), made)
    with Checkpoints(folder) as checkpoints:
        on_four = checkpoints.restore(target).state
        assert toy_gan.same(on_four, state_at(20))
        assert len(on_four.params["critic"]["in"]["kernel"].addressable_shards[0].data) == toy_gan.SIZE // 4
        checkpoints.save(on_four, position={}, config={})
    back = restore(folder)
    assert toy_gan.same(back.state, state_at(20))
    assert len(back.state.params["critic"]["in"]["kernel"].sharding.device_set) == 1


def test_the_manifest_is_a_plain_list(folder):
    listed = json.loads((folder / "00000020" / manifest.NAME).read_text())
    assert listed["format"] == 1
    assert "run.json" in listed["files"]
    assert all(len(value) == 64 for value in listed["files"].values())
