"""Training runs at toy size: from a configuration to networks, over interruptions, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import PIL.Image
import pytest
from jax.experimental.compilation_cache import compilation_cache

from data_pipelines.procedural_faces import posed
from data_pipelines.procedural_faces.expressions import EMOTIONS
from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError
from jaxanim.data.sampling import RandomDriving
from jaxanim.systems.atw import Atw, Design, Objective, files, objectives
from jaxanim.train import mesh as meshes
from jaxanim.train.stopper import Stopper
from jaxanim.weights.card import Card
from launch import evaluate, settings, training
from launch.evaluations import atw as atw_evaluation
from launch.jobs import atw, atw_data, held_pairs
from launch.jobs.atw_data import DataSettings
from tests.launch import drawn_noise

ROOT = Path(__file__).parents[2]
SIZE, GROUPS = 64, 6


@pytest.fixture(autouse=True, scope="module")
def _compile_once(tmp_path_factory):
    """Small programs compile fast rather than run fast; what one run has compiled serves the others."""
    settings_of_cache = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled")),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": 0,
        "jax_disable_most_optimizations": True,
    }
    before = {name: jax.config.values[name] for name in settings_of_cache}
    for name, value in settings_of_cache.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture(autouse=True)
def _as_programs_run(monkeypatch):
    """On one device, which compiles faster; the suite's strict promotion is for our own code."""
    make_mesh = meshes.make_mesh
    monkeypatch.setattr(meshes, "make_mesh", lambda fsdp: make_mesh(fsdp=fsdp, devices=jax.devices()[:1]))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Noise in the form of posed faces: what is learnt of it does not matter."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    records = []
    for group in range(GROUPS):
        for face, emotion in enumerate((*EMOTIONS, posed.MIXED)):
            points = rng.uniform(20, 40, (68, 2)).astype(np.float32)
            units = rng.uniform(0, 5, 17).astype(np.float32)
            record = {"image": drawn_noise.picture(rng, SIZE), "action_units": units, "landmarks_68": points}
            split = "validation" if group == GROUPS - 1 else "train"
            columns = {"person": group, "group": group, "face": face, "split": split, "emotion": emotion}
            records.append((record, columns))
    return drawn_noise.write(folder, "posed_faces", posed.PosedRecipe.fields, records)


def configuration(data, *, classes=False, paired=True, terms=("pair",), **changes):
    drive = ("classes", len(EMOTIONS)) if classes else ("action units", 17)
    labels = tuple(EMOTIONS) if classes else ()
    design = Design(*drive, 4, 0.2, size=SIZE, critic_width=4, labels=labels, modulate=True)
    config = settings.run("atw", steps=4, batch_size=4)
    objective = Objective(terms=frozenset(terms), generator_every=2)
    config.update(atw.entries(design, objective, DataSettings(folder=str(data), paired=paired)))
    config.update({"log_every": 2, "save_every": 2, "sheet_every": 4, **changes})
    return config.lock()


def same(first, second):
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_a_run_leaves_networks_numbers_and_sheets_and_goes_on_bit_for_bit(data, tmp_path, monkeypatch):
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    assert training.run(configuration(data), straight)
    with monkeypatch.context() as patch:
        patch.setattr(Stopper, "reached", lambda self, step: step == 3)
        assert not training.run(configuration(data), stopped)
    assert not (stopped / training.FINISHED).exists()
    assert training.run(configuration(data, log_every=1), stopped)
    assert json.loads((stopped / training.FINISHED).read_text()) == {"step": 4, "skipped": 0}
    (_, design, first), (_, _, second) = (files.read_atw(each / training.TRAINED) for each in (straight, stopped))
    assert same(first, second)
    assert design.modulate
    rows = [json.loads(line) for line in (straight / "metrics.jsonl").read_text().splitlines()]
    held = [row for row in rows if "held/psnr" in row]
    assert [row["step"] for row in held] == [2, 4]
    assert not any("held/drive_error" in row for row in rows)  # no discriminator has learnt drives
    assert held[0]["held/score"] == pytest.approx(held[0]["held/psnr"] - held[0]["held/psnr_of_copy"])
    sheet = np.asarray(PIL.Image.open(straight / "sheets" / "sheet_00000004.png"))
    assert sheet.shape == (6 * SIZE, 5 * SIZE, 3)
    with pytest.raises(InputError, match="seed was 0, is 1"):
        training.run(configuration(data, seed=1), straight)


def test_all_networks_learn_from_strangers_and_by_classes(data, tmp_path):
    terms = ("adv", "drv", "warp", "cyc", "ref")
    config = configuration(data, classes=True, paired=False, terms=terms, steps=2, save_every=0)
    assert training.run(config, tmp_path / "first")
    _, _, before = files.read_atw(tmp_path / "first" / training.TRAINED)
    assert sorted(before["params"]) == sorted(objectives.GROUPS)
    rows = [json.loads(line) for line in (tmp_path / "first" / "metrics.jsonl").read_text().splitlines()]
    assert rows[0]["generator/skipped"] == 0
    assert rows[0]["discriminator/gp"] > 0
    assert any("held/drive_error" in row and "held/psnr" not in row for row in rows)
    begun = str(tmp_path / "first" / training.TRAINED)
    changes = {"start_from": begun, "steps": 1, "optimizer.learning_rate": 0.0, "optimizer.critic_rate": 0.0}
    still = configuration(data, classes=True, paired=False, terms=terms)
    with still.unlocked():
        still.update_from_flattened_dict(changes)
    assert training.run(still, tmp_path / "second")
    assert same(files.read_atw(tmp_path / "second" / training.TRAINED)[2], before)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"system": "gan"}, "one of atw, gdpw, refiner, regressor, got 'gan'"),
        ({"compute_dtype": "float16"}, "float32, bfloat16"),
        ({"steps": 0}, "positive"),
        ({"batch_size": 0}, "positive"),
        ({"accumulate": 0}, "accumulate must be 1 or more, got 0"),
        ({"accumulate": 3}, "is not divisible by accumulate 3"),
        ({"keep_last": 0}, "keep_last must be 1 or more"),
        ({"threads": 0}, "threads must be 1 or more"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"profile_from": 5, "profile_to": 5}, "profile_from must be before profile_to"),
        ({"fsdp": 3}, "fsdp must divide"),
        ({"fsdp": 0}, "fsdp must be 1 or more"),
        ({"log_every": -1}, "log_every must be 0 or more"),
        ({"objective.generator_every": 0}, "generator_every must be 1 or more"),
        ({"objective.penalty": "max"}, "penalty"),
        ({"optimizer.learning_rate": float("nan")}, "must be between 0 and 1, got nan"),
        ({"optimizer.b1": 2.0}, r"b1 and b2 must be in \[0, 1\)"),
        ({"data.shift": -1}, "must not be negative"),
        ({"data.kind": "faces"}, "kind must be one of posed_faces"),
        ({"data.kind": "rafd"}, "has no pairs"),
        ({"data.paired": False}, "'pair' needs data"),
        ({"objective.terms": ("cyc",)}, "one of them adv"),
        ({"optimizer.average_decay": 1.0}, "shares"),
        ({"design.width": 0}, "1 or more"),
        ({"start_from": "nowhere.safetensors"}, "nowhere.safetensors"),
        ({"data.folder": "nowhere"}, "nowhere"),
    ],
)
def test_what_is_refused(data, tmp_path, changes, said):
    config = configuration(data)
    with config.unlocked():
        config.update_from_flattened_dict(changes)
    with pytest.raises(Exception, match=said) as caught:
        training.run(config, tmp_path)
    assert caught.type.__name__ in ("InputError", "WeightsError")


def test_parts_of_a_batch_stay_on_their_devices():
    grid = jax.make_mesh((4,), ("data",))
    training.check_parts(grid, 16, 2)
    with pytest.raises(InputError, match=r"batch_size 20 does not divide into 2 parts \(accumulate\) on 4 devices"):
        training.check_parts(grid, 20, 2)


def test_both_pictures_of_a_pair_change_alike_and_targets_have_noise(data):
    design = Design("action units", 17, 4, 0.2, size=SIZE, drive_scale=2.0)
    batches = {}
    for name, more in {"plain": {}, "changed": {"shift": 3, "jitter": True, "drive_noise": 0.1}}.items():
        settings_ = DataSettings(folder=str(data), paired=True, flip=False, **more)
        folder = atw_data.open_folder(settings_, SIZE, data)
        loader = atw_data.open_loader(folder, settings_, design, seed=0, batch_size=4, rows=slice(None))
        with loader.batches(0, threads=1, max_corrupt=0) as found:
            batches[name] = next(found)
    plain, changed = batches["plain"], batches["changed"]
    assert not np.array_equal(plain["source_image"], changed["source_image"])
    np.testing.assert_array_equal(plain["source_drive"], changed["source_drive"])
    off = np.abs(changed["driving_drive"] - plain["driving_drive"])
    assert 0.02 < off.max() <= 0.0501
    transform = atw_data._transform(DataSettings(paired=True, flip=False, shift=3, jitter=True), design)
    picture = plain["source_image"][0]
    drives = {"source_drive": plain["source_drive"][0], "driving_drive": plain["driving_drive"][0]}
    made = transform({"source_image": picture, "driving_image": picture, **drives}, np.random.default_rng(1))
    np.testing.assert_array_equal(made["source_image"], made["driving_image"])
    assert not np.array_equal(made["source_image"], picture)


def test_a_damaged_held_out_record_is_passed_over(caplog):
    def read(record):
        if record == 1:
            raise CorruptRecordError("record 1: damaged")
        return record

    found = held_pairs.draw(read, RandomDriving(4), 20)
    assert len(found) == 20
    assert not any(1 in pair.values() for pair in found)
    caplog.clear()
    assert len(held_pairs.draw(read, RandomDriving(4), 2000)) == 2000
    assert len(caplog.messages) == 1
    with pytest.raises(InputError, match="100 held-out records in a row are damaged; the last: record 1"):
        held_pairs.draw(lambda record: read(1), RandomDriving(4), 20)
    assert list(held_pairs.readable(read, range(3))) == [0, 2]
    with pytest.raises(InputError, match="no held-out record can be read: record 1: damaged"):
        list(held_pairs.readable(read, [1]))


def test_an_evaluation_tells_the_truth_from_a_copy(data, tmp_path):
    design = Design("action units", 17, 4, 0.2, size=SIZE, critic_width=4)
    shapes = jax.eval_shape(Atw(design).init, jax.random.key(0))["params"]["generator"]
    still = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)  # stays, and paints all grey
    card = Card(files.ATW, "still", "CC0", "nothing")
    files.write_atw(tmp_path / "still.safetensors", card, design, {"params": {"generator": still}})
    found = atw_evaluation.measure(tmp_path / "still.safetensors", data, split="validation", pairs=3, judge_steps=2)
    assert found["psnr/warped"] == pytest.approx(found["psnr/source"], abs=1e-3)
    assert found["psnr/image"] > found["psnr/source"]  # grey is nearer to noise than other noise is
    assert found["drive_error/warped"] == pytest.approx(found["drive_error/source"], rel=1e-3)
    assert found["drive_error/target"] > 0
    assert "psnr/target" not in found


def test_an_evaluation_of_nothing_ends_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        evaluate.main(["--weights", str(tmp_path / "nowhere.safetensors"), "--data", str(tmp_path)])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_classes_that_the_data_do_not_have(data, tmp_path):
    config = configuration(data, classes=True)
    with config.unlocked():
        config.design.drives, config.design.labels = 3, ("a", "b", "c")
    with pytest.raises(InputError, match="8 classes, the design 3"):
        training.run(config, tmp_path)


@pytest.mark.sweep
def test_a_batch_of_bfloat16_in_parts(data, tmp_path):
    config = configuration(data, compute_dtype="bfloat16", accumulate=2, steps=2, batch_size=8)
    assert training.run(config, tmp_path)


@pytest.mark.slow
def test_settings_that_are_not_there_end_in_one_line(tmp_path):
    command = [sys.executable, "-m", "launch.train", "--config", "configs/atw/small.py", "--workdir", str(tmp_path)]
    ended = subprocess.run([*command, "--config.stepz=5"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "'stepz' Did you mean \"steps\"" in ended.stderr
    assert not any(tmp_path.iterdir())
