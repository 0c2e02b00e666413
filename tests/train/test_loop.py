import dataclasses
import itertools
import json
import os
import signal
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxanim.core.errors import InputError, OutputError
from jaxanim.train.checkpoint import Checkpoints
from jaxanim.train.loop import NotFiniteError, Run, Schedule, train
from jaxanim.train.metrics import JsonLines, open_writers
from jaxanim.train.state import new_state
from jaxanim.train.step import make_train_step
from jaxanim.train.stopper import Stopper
from tests.train import toy_gan

OPTIMIZERS = {group: optax.sgd(0.02) for group in toy_gan.GROUPS}
BAD = {"row": np.full((16, toy_gan.SIZE), np.nan, np.float32)}


@pytest.fixture(scope="module")
def step():
    return make_train_step(toy_gan.REGRESSION, OPTIMIZERS)


@pytest.fixture
def go(step, tmp_path):
    """Runs the loop on batches, with what a test wants different; returns the state and the lines of metrics."""

    def run(batches, schedule, *, start=0, **different):
        key = jax.random.key(0)
        state = dataclasses.replace(new_state(key, toy_gan.init(0), OPTIMIZERS), step=jnp.int32(start))
        with (
            Checkpoints(tmp_path / "checkpoints", keep_last=9) as checkpoints,
            open_writers(tmp_path, 0) as writers,
            Stopper() as stopper,
        ):
            settings = {
                "workdir": tmp_path,
                "config": {"rate": 0.02},
                "step": step,
                "batches": iter(batches),
                "place": lambda batch: jax.tree.map(jnp.asarray, batch),
                "checkpoints": checkpoints,
                "writers": writers,
                "stopper": stopper,
            }
            state = train(state, Run(**(settings | different)), schedule)
        return state, lines(tmp_path)

    return run


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def saved(folder):
    return sorted(int(path.name) for path in (folder / "checkpoints").iterdir())


def batches():
    return map(toy_gan.batch, itertools.count())


def test_metrics_checkpoints_and_sheets_come_when_they_are_due(go, tmp_path):
    sheet = np.zeros((4, 6, 3), np.uint8)
    schedule = Schedule(7, log_every=2, save_every=3, sheet_every=4)
    state, rows = go(batches(), schedule, sheet=lambda state: sheet)
    assert int(state.step) == 7
    assert [row["step"] for row in rows] == [2, 4, 6, 7]
    assert saved(tmp_path) == [3, 6, 7]
    names = sorted(path.name for path in (tmp_path / "sheets").iterdir())
    assert names == ["sheet_00000004.png", "sheet_00000007.png"]
    assert rows[-1]["regression/loss"] < rows[0]["regression/loss"]
    assert rows[0]["speed/examples"] == pytest.approx(16 * rows[0]["speed/steps"])


def test_waiting_for_data_shows(go):
    def slow():
        for batch in batches():
            time.sleep(0.05)
            yield batch

    _, rows = go(slow(), Schedule(6, log_every=3))
    assert 0.0 <= rows[-1]["share/save_stall"] < 1.0
    assert rows[-1]["share/data_wait"] > 0.5
    assert rows[-1]["speed/steps"] < 20.0


def test_the_best_checkpoint_is_known_by_its_score(go, tmp_path):
    scores = iter([3.0, 1.0, 2.0, float("nan")])
    _, rows = go(
        batches(), Schedule(4, save_every=1), evaluate=lambda state: {"held_out": next(scores)}, score="held_out"
    )
    assert [row["held_out"] for row in rows if "held_out" in row][:3] == [3.0, 1.0, 2.0]
    runs = [json.loads((tmp_path / "checkpoints" / f"{n:08d}" / "run.json").read_text()) for n in (1, 2, 3, 4)]
    assert [run["score"] for run in runs] == [3.0, 1.0, 2.0, None]
    assert runs[0]["config"] == {"rate": 0.02}


def test_sigterm_saves_the_step_it_is_at_and_returns(go, tmp_path):
    def terminated():
        for number, batch in enumerate(batches()):
            if number == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    before = signal.getsignal(signal.SIGTERM)
    state, rows = go(terminated(), Schedule(1000))
    assert int(state.step) == 5
    assert saved(tmp_path) == [5]
    assert rows == []  # what was measured since the last line is in the checkpoint
    assert signal.getsignal(signal.SIGTERM) is before


def position_of(folder, step):
    return json.loads((folder / "checkpoints" / f"{step:08d}" / "run.json").read_text())["position"]


def test_metrics_that_were_not_logged_are_taken_up_again(go, tmp_path):
    go(batches(), Schedule(7, save_every=3, log_every=7))
    assert position_of(tmp_path, 7)["unlogged"] == {}
    position = position_of(tmp_path, 3)
    assert position["step"] == 3
    assert position["unlogged"]["regression/loss"][1] == 3.0
    _, resumed = go(batches(), Schedule(1, log_every=1), resumed=position)
    loss, count = position["unlogged"]["regression/loss"]
    again = go(batches(), Schedule(1, log_every=1))[1][0]["regression/loss"]
    assert resumed[0]["regression/loss"] == pytest.approx((loss + again) / (count + 1.0), rel=1e-6)


def test_a_save_that_was_not_due_is_not_evaluated(go, tmp_path):
    def terminated():
        for number, batch in enumerate(batches()):
            if number == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    asked = []
    go(terminated(), Schedule(1000, save_every=3), evaluate=lambda state: asked.append(int(state.step)) or {})
    assert asked == [3]
    assert saved(tmp_path) == [3, 5]


def test_a_few_steps_that_are_not_finite_do_not_stop_a_run(go):
    mixed = (BAD if number in (2, 3, 6) else toy_gan.batch(number) for number in itertools.count())
    state, rows = go(mixed, Schedule(9, log_every=9, max_skipped=3))
    assert int(state.skipped) == 3
    assert rows[-1]["regression/skipped"] == pytest.approx(3 / 9)
    assert np.isfinite(rows[-1]["regression/loss"])


def test_too_many_in_a_row_stop_it_with_a_report(go, tmp_path):
    mixed = (BAD if number >= 4 else toy_gan.batch(number) for number in itertools.count())
    with pytest.raises(NotFiniteError, match=r"3 steps in a row .* up to step 7, in regression.* is that of step 5"):
        go(mixed, Schedule(1000, save_every=5, max_skipped=3))
    report = json.loads((tmp_path / "not_finite.json").read_text())
    assert (report["step"], report["skipped_in_a_row"]) == (7, 3)
    assert report["config"] == {"rate": 0.02}
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        key = jax.random.key(0)
        state = checkpoints.restore(new_state(key, toy_gan.init(0), OPTIMIZERS)).state
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))


def test_data_that_end_early_lose_nothing(go, tmp_path):
    with pytest.raises(InputError, match="ended before step 6; the last checkpoint is that of step 5"):
        go(map(toy_gan.batch, range(5)), Schedule(10))
    assert saved(tmp_path) == [5]


def test_where_nothing_was_trained_nothing_is_saved(go, tmp_path):
    with pytest.raises(InputError, match="ended before step 1; the last checkpoint is that of step 0"):
        go(iter(()), Schedule(10))
    assert saved(tmp_path) == []


def test_data_that_cannot_be_read_lose_nothing(go, tmp_path):
    def unreadable():
        yield from map(toy_gan.batch, range(5))
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error") as caught:
        go(unreadable(), Schedule(10))
    assert caught.value.__notes__ == ["the last checkpoint is that of step 5"]
    assert saved(tmp_path) == [5]


def test_metrics_on_a_full_disk_are_told(go, monkeypatch):
    def full(self, step, values):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(JsonLines, "scalars", full)
    with pytest.raises(OutputError, match=r"metrics of step 3 could not be written, .*No space left"):
        go(batches(), Schedule(10, log_every=3))


def test_the_profiler_has_its_window(go, tmp_path):
    go(batches(), Schedule(4, profile=(1, 3)))
    assert len(list((tmp_path / "profile").rglob("*.xplane.pb"))) == 1
    go(batches(), Schedule(2, profile=(1, 3)))  # a window that reaches over the end is closed
    for start, traces in ((2, 1), (3, 0), (9, 0)):  # resumed within it, at its end and after it
        folder = tmp_path / str(start)
        go(batches(), Schedule(start + 2, profile=(1, 3)), start=start, workdir=folder)
        assert len(list(folder.rglob("*.xplane.pb"))) == traces
    jax.profiler.start_trace(str(tmp_path / "free"))
    jax.profiler.stop_trace()
