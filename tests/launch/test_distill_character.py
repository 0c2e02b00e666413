"""The distillation script at toy size: a step learns, runs continue as if never interrupted, batches are right."""

import concurrent.futures
import functools
import json
import subprocess
import sys
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from absl import app, flags
from absl.testing import flagsaver

from data_pipelines.procedural_anime import HOUSE_CHARACTER, pool, render_pair
from jaxanim.animate import characters
from jaxanim.core.errors import InputError, WeightsError
from jaxanim.signals import pose_vector
from jaxanim.systems.tha4 import Student, files, pictures
from launch import distill_character as script
from tests.data_pipelines.procedural_anime.inline_executor import InlineExecutor

ROOT = Path(__file__).parents[2]
STEPS = 12
WEIGHTS = script.loss_weights(0.0)


@pytest.fixture(autouse=True, scope="module")
def small():
    """One window of one pose and few pixels a step; parameters are made and the step is compiled once."""
    make_step = functools.cache(script.make_step)
    # optax mixes Python floats and int32 counts by itself: the suite's strict promotion is for our own code.
    with pytest.MonkeyPatch.context() as patch, jax.numpy_dtype_promotion("standard"):
        for name, value in {"POSES": 1, "WINDOWS": 1, "FACE_PIXELS": 64, "LEARNING_RATE": 2e-5}.items():
            patch.setattr(script, name, value)
        patch.setattr(script, "LOG_EVERY", 4)
        patch.setattr(script, "SAVE_EVERY", 6)
        patch.setattr(script, "face_mask", functools.cache(script.face_mask))
        patch.setattr(script, "make_step", make_step)
        patch.setattr(concurrent.futures, "ProcessPoolExecutor", InlineExecutor)
        patch.setattr(pool, "render_numbered", functools.cache(pool.render_numbered))
        yield


@pytest.fixture(scope="module")
def pairs():
    """Three poses in the place of a pool: rest, both eyes closed, mouth wide open and head turned."""
    named = ({}, {"eye_wink": 1.0}, {"mouth_aaa": 1.0, "head_y": 1.0})
    samples = [render_pair(HOUSE_CHARACTER, pose_vector.make_pose(values)) for values in named]
    stacked = {name: np.stack([getattr(one, name) for one in samples]) for name in ("pose", "rest", "posed", "flow_px")}
    return types.SimpleNamespace(**stacked, choose=lambda rng, count: rng.integers(0, 3, count))


@pytest.fixture(scope="module")
def mask():
    return script.face_mask(HOUSE_CHARACTER)


def draw(pairs, mask, seed):
    return script.draw_batch(pairs, mask, np.random.default_rng(seed))


def start(folder):
    return script.restore_or_init(folder, 0, STEPS)


def assert_same(left, right):
    """Compares two states bit for bit."""
    assert jax.tree.structure(left) == jax.tree.structure(right)
    for (path, a), b in zip(jax.tree_util.tree_leaves_with_path(left), jax.tree.leaves(right), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_array_equal(a, b, err_msg=jax.tree_util.keystr(path))


def total(metrics):
    return sum(WEIGHTS[name] * float(metrics[name]) for name in WEIGHTS)


def test_three_steps(tmp_path, pairs, mask):
    state = first = start(tmp_path)
    for seed in range(3):
        state, metrics = script.make_step(STEPS)(state, draw(pairs, mask, seed), WEIGHTS)
        assert set(metrics) == set(WEIGHTS)
        assert all(np.isfinite(value) for value in metrics.values())
    assert int(state.step) == 3
    for before, after in zip(jax.tree.leaves(first.params), jax.tree.leaves(state.params), strict=True):
        assert (before != after).any()


def test_loss_falls_on_a_repeated_batch(tmp_path, pairs, mask):
    state, batch, losses = start(tmp_path), draw(pairs, mask, 0), []
    for _ in range(STEPS):
        state, metrics = script.make_step(STEPS)(state, batch, WEIGHTS)
        losses.append(total(metrics))
    assert losses[-1] < 0.8 * losses[0]


def test_average_follows_slowly(tmp_path, pairs, mask):
    """The running average moves a thousandth of the way in a step: from 0 to a thousandth of the parameters."""
    state = start(tmp_path)
    state = state.replace(average=jax.tree.map(jnp.zeros_like, state.average))
    state, _ = script.make_step(STEPS)(state, draw(pairs, mask, 0), WEIGHTS)
    for average, params in zip(jax.tree.leaves(state.average), jax.tree.leaves(state.params), strict=True):
        np.testing.assert_allclose(average, 0.001 * params, rtol=1e-4)


def test_save_and_restore_are_bitwise(tmp_path, pairs, mask):
    state, _ = script.make_step(STEPS)(start(tmp_path), draw(pairs, mask, 0), WEIGHTS)
    script.save(tmp_path, state)
    restored = start(tmp_path)
    assert_same(restored, state)
    batch = draw(pairs, mask, 1)
    step = script.make_step(STEPS)
    assert_same(step(restored, batch, WEIGHTS), step(state, batch, WEIGHTS))
    assert [path.name for path in tmp_path.iterdir()] == ["state.msgpack"]


def test_a_save_that_fails_keeps_the_old_state(tmp_path, monkeypatch):
    state = start(tmp_path)
    script.save(tmp_path, state)
    before = (tmp_path / "state.msgpack").read_bytes()
    monkeypatch.setattr(script.flax.serialization, "to_bytes", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        script.save(tmp_path, state)
    assert (tmp_path / "state.msgpack").read_bytes() == before


def train(folder, *, renew_every):
    script.train(folder, steps=STEPS, seed=0, pool_size=2, workers=1, renew_every=renew_every)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Returns the folder of a whole run."""

    @functools.cache
    def run(renew_every):
        folder = tmp_path_factory.mktemp("whole") / "made" / "by" / "train"
        train(folder, renew_every=renew_every)
        return folder

    return run


def test_training_logs_and_saves(uninterrupted):
    folder = uninterrupted(6)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 4, 8, 11]
    assert all(set(row) == {"step", "seconds", *WEIGHTS} for row in rows)
    assert int(start(folder).step) == STEPS


@pytest.mark.parametrize("renew_every", [6, 4])
def test_an_interrupted_run_continues_identically(tmp_path, monkeypatch, uninterrupted, renew_every):
    """Killed after the save of step 6; 4 does not divide 6, so the next new pair is not due at once."""
    save = script.save

    def save_and_die(workdir, state):
        save(workdir, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, renew_every=renew_every)
    assert int(start(tmp_path).step) == 6
    monkeypatch.setattr(script, "save", save)
    train(tmp_path, renew_every=renew_every)
    assert_same(start(tmp_path), start(uninterrupted(renew_every)))


@pytest.mark.parametrize("renew_every", [6, 4])
def test_a_continued_pool_holds_what_it_would_have_held(tmp_path, monkeypatch, renew_every):
    """The stream of pairs goes on where it was: the poses that steps 6 to 11 can choose from are the same."""
    state, seen = start(tmp_path), {}
    monkeypatch.setattr(script, "make_step", lambda _: lambda state, *_: (state.replace(step=state.step + 1), {}))

    def note(pairs, _, rng):
        del rng
        seen[len(seen)] = pairs.pose.copy()

    monkeypatch.setattr(script, "draw_batch", note)
    train(tmp_path, renew_every=renew_every)
    whole, seen = [seen[number] for number in range(6, STEPS)], {}
    script.save(tmp_path, state.replace(step=np.array(6, np.int32)))
    train(tmp_path, renew_every=renew_every)
    np.testing.assert_array_equal([seen[number] for number in range(6)], whole)


def test_a_finished_run_stays_as_it_is(tmp_path, uninterrupted):
    folder = uninterrupted(6)
    before = (folder / "state.msgpack").read_bytes()
    train(folder, renew_every=6)
    assert (folder / "state.msgpack").read_bytes() == before


@pytest.mark.parametrize(
    ("examples", "body"),
    [
        (0, [0.25, 0.25, 0.5, 2.0]),
        (399_999, [0.25, 0.25, 0.5, 2.0]),
        (400_001, [1.0, 2.5, 5.0, 1.0]),
        (799_999, [1.0, 2.5, 5.0, 1.0]),
        (800_001, [10.0, 1.0, 1.0, 1.0]),
        (1_499_999, [10.0, 1.0, 1.0, 1.0]),
    ],
)
def test_loss_weights_at_the_borders_of_the_stages(examples, body):
    """The released run saw 1.5 million examples; ours goes through its stages in proportion."""
    weights = script.loss_weights(examples / 1_500_000)
    assert [weights[f"body/{name}"] for name in ("final", "warped", "flow", "direct")] == body
    assert (weights["face/full"], weights["face/masked"]) == (1.0, 20.0)
    assert len(weights) == 6


def test_optimizer_warms_up_and_decays():
    """With a constant gradient Adam's update is the rate: 0, up to the peak after a tenth, a hundredth at the end."""
    optimizer = script.make_optimizer(40)
    params = jnp.zeros(())

    def one(state, _):
        updates, state = optimizer.update(jnp.float32(0.5), state, params)
        return state, -updates

    _, rates = jax.lax.scan(one, optimizer.init(params), length=41)
    np.testing.assert_allclose(rates[jnp.array([0, 2, 4, 40])], 2e-5 * np.array([0, 0.5, 1, 0.01]), rtol=1e-3)
    assert (np.diff(rates[4:]) < 0).all()


def test_optimizer_limits_the_gradient():
    """The norm of (3, 4) is 5: it is scaled to 1 before Adam sees it."""
    optimizer = script.make_optimizer(40)
    _, state = optimizer.update(jnp.array([3.0, 4.0]), optimizer.init(jnp.zeros(2)), jnp.zeros(2))
    first_moment = optax.tree.get(state, "mu")
    np.testing.assert_allclose(first_moment, [0.06, 0.08], rtol=1e-5)  # (1 - 0.9) * (0.6, 0.8)


def test_face_mask_covers_what_moves(mask):
    """Eyes at (229, 147) and (283, 147), mouth at (256, 178) of the picture: minus (192, 80) in the crop."""
    assert mask.shape == (128, 128)
    assert set(np.unique(mask)) == {0.0, 1.0}
    for x, y in ((37, 67), (91, 67), (64, 98)):
        assert mask[y - 3 : y + 4, x - 5 : x + 6].all()
    assert not mask[:30].any()  # hair
    assert not mask[:, :5].any()
    assert mask.mean() < 0.4


def test_face_mask_is_widened_by_two_pixels(monkeypatch):
    """One pixel that some number of the face changes by 13 levels marks a square of five; 12 levels mark nothing."""

    def draw_dots(_, pose):
        picture = np.full((512, 512, 4), 100, np.uint8)
        picture[80 + 40, 192 + 50, 1] += 13 * (pose[38] < 0)  # the iris looks to the other side
        picture[80 + 90, 192 + 20, 1] += 12 * (pose[3] > 0)
        picture[80 + 10, 192 + 10, 1] += 99 * (pose[40] > 0)  # not a number of the face
        return picture

    monkeypatch.setattr(script, "render", draw_dots)
    expected = np.zeros((128, 128))
    expected[38:43, 48:53] = 1
    np.testing.assert_array_equal(script.face_mask.__wrapped__(HOUSE_CHARACTER), expected)


def test_batches_hold_the_pools_windows(pairs, mask, monkeypatch):
    monkeypatch.setattr(script, "POSES", 2)
    monkeypatch.setattr(script, "WINDOWS", 3)
    batch = draw(pairs, mask, 5)
    index = np.random.default_rng(5).integers(0, 3, 2)
    for p, pair in enumerate(index):
        np.testing.assert_array_equal(batch.rest[p], pairs.rest[pair])
        np.testing.assert_array_equal(batch.pose[p], pairs.pose[pair])
        for w in range(3):
            x, y = 4 * np.asarray(batch.corner[p, w])
            np.testing.assert_array_equal(batch.posed[p, w], pairs.posed[pair, y : y + 64, x : x + 64])
            np.testing.assert_array_equal(batch.flow_px[p, w], pairs.flow_px[pair, y : y + 64, x : x + 64])
    column, row = np.asarray(batch.face_pixels).T
    np.testing.assert_array_equal(batch.face_mask, mask[row, column])


def test_windows_are_where_something_is_seen(pairs, mask, monkeypatch):
    monkeypatch.setattr(script, "WINDOWS", 60)
    seen = np.asarray(draw(pairs, mask, 0).posed)[..., 3].any(axis=(2, 3))
    assert 0.85 < seen.mean() < 1.0


def test_face_batch_takes_pixels_of_the_crop(pairs, mask):
    batch = draw(pairs, mask, 0)
    image = pictures.encode(np.asarray(batch.rest))
    face = script.face_batch(batch, jnp.asarray(image))
    column, row = np.asarray(batch.face_pixels).T
    np.testing.assert_array_equal(face.teacher[0, 0], image[0, 80 + row, 192 + column])
    np.testing.assert_allclose(face.positions[0, :, 0], (2 * column + 1) / 128 - 1, atol=1e-6)
    np.testing.assert_allclose(face.positions[0, :, 1], (2 * row + 1) / 128 - 1, atol=1e-6)
    np.testing.assert_array_equal(face.pose, batch.pose[:, :39])
    np.testing.assert_array_equal(face.mask[0, 0, :, 0], batch.face_mask)


def test_body_terms_compare_with_the_moved_picture():
    """A picture that brightens by 0.001 a column, moved by 4 columns, is 0.004 from one that a zero student keeps."""
    zeros = jax.tree.map(jnp.zeros_like, Student().init(jax.random.key(0))["params"]["body_morpher"])
    column = np.arange(512, dtype=np.float32) * 0.001
    image = np.broadcast_to(column[None, :, None], (512, 512, 4))
    window = image[:64, 128:192]  # the window at column 32 of the coarsest level
    flow = np.broadcast_to(np.array([4.0, 0.0], np.float32), (64, 64, 2))
    pose, corner = np.zeros(45, np.float32), np.array([32, 0])
    terms = jax.jit(script.body_terms)(zeros, image, pose, corner, window + 0.5, flow)
    expected = {"warped": 0.004, "final": 0.5, "flow": 4 / 256 / 2, "direct": 0.5 + window.mean()}
    assert set(terms) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], value, atol=1e-6, err_msg=name)


def test_a_finished_run_does_nothing(tmp_path, monkeypatch):
    script.save(tmp_path, start(tmp_path).replace(step=jnp.asarray(STEPS, jnp.int32)))
    monkeypatch.setattr(script, "PairPool", None)  # would fail if it were made
    train(tmp_path, renew_every=4)
    assert [path.name for path in tmp_path.iterdir()] == ["state.msgpack"]


def test_command_line(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(script, "train", lambda workdir, **options: calls.append((workdir, options)))
    config = ["--config", "configs/tha4/sora.py", "--config.steps=7", "--workdir", str(tmp_path)]
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["distill_character", *config])  # config_flags looks for overrides there
    with flagsaver.flagsaver():
        flags.FLAGS(sys.argv)
        script.main(["distill_character"])
        options = {"steps": 7, "seed": 0, "pool_size": 1000, "workers": 1, "renew_every": 5, "start_from": None}
        assert calls == [(tmp_path, options)]
        with pytest.raises(app.UsageError, match="unknown arguments: more"):
            script.main(["distill_character", "more"])


def test_unknown_settings_are_refused(tmp_path):
    command = [sys.executable, "-m", "launch.distill_character", "--config", "configs/tha4/sora.py"]
    options = ["--workdir", str(tmp_path), "--config.stepps=7"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode != 0
    assert "stepps" in done.stderr


def test_going_on_from_a_character(tmp_path):
    """A run may start from a character that was distilled before, with an optimizer of its own."""
    shipped = characters.bundled_character()
    state = script.restore_or_init(tmp_path, 0, STEPS, shipped)
    params = files.read_character(shipped).variables["params"]
    jax.tree.map(np.testing.assert_array_equal, state.params, params)
    jax.tree.map(np.testing.assert_array_equal, state.average, params)
    assert int(state.step) == 0
    weights = script.loss_weights(script.WARMED_UP)
    assert weights["body/flow"] == 5.0  # not those of the warm-up


def test_a_run_goes_on_from_what_it_was_begun_from(tmp_path):
    """Another origin would be ignored by the saved state, but change the losses' weights."""
    shipped = characters.bundled_character()
    script.check_origin(tmp_path, shipped)
    assert (tmp_path / "origin.txt").read_text() == "from sora"
    script.save(tmp_path, start(tmp_path))
    script.check_origin(tmp_path, shipped)
    with pytest.raises(InputError, match="this run was begun from sora, not anew"):
        script.check_origin(tmp_path, None)
    with pytest.raises(WeightsError, match="none"):
        script.check_origin(tmp_path, tmp_path / "none.safetensors")


@pytest.mark.parametrize(("first_stage", "expected"), [(0.0, 0.5), (script.WARMED_UP, 5.0)])
def test_the_first_stage_decides_the_weights(tmp_path, monkeypatch, first_stage, expected):
    used = []

    def step(state, batch, weights):
        used.append(weights["body/flow"])
        return state, {}

    monkeypatch.setattr(script, "make_step", lambda steps: step)
    monkeypatch.setattr(script, "face_mask", lambda design: None)
    monkeypatch.setattr(script, "draw_batch", lambda *arguments: None)
    with open(tmp_path / "log", "w") as log:
        options = {"seed": 0, "renew_every": 100, "first_stage": first_stage}
        script.run_steps(
            start(tmp_path), types.SimpleNamespace(take=lambda n: None), log, tmp_path, range(1), **options
        )
    assert used == [script.loss_weights(first_stage)["body/flow"]]
    assert (used[0] == 5.0) == (expected == 5.0)
