"""Training a refiner at toy size, and what it is measured on."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from jaxanim.core.errors import InputError
from jaxanim.data.face_augment import Settings
from jaxanim.data.record_folder import RecordFolder
from jaxanim.tracking.refiner import files
from jaxanim.tracking.refiner.design import Design
from jaxanim.tracking.refiner.objectives import Objective
from jaxanim.train import mesh as meshes
from launch import settings, training
from launch.jobs import refiner, refiner_data
from launch.jobs.regressor_data import DataSettings
from tests.launch import drawn_snapshots

TINY = Design(size=32, widths=(8, 8), hidden=8, decoder=8)


@pytest.fixture(autouse=True)
def _as_programs_run(monkeypatch):
    make_mesh = meshes.make_mesh
    monkeypatch.setattr(meshes, "make_mesh", lambda fsdp: make_mesh(fsdp=fsdp, devices=jax.devices()[:1]))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_snapshots.write(tmp_path_factory.mktemp("snapshots"))


def configuration(data, **changes):
    config = settings.run("refiner", steps=2, batch_size=2)
    augment = Settings(size=32, view=0.8, no_face=0.0)
    config.update(refiner.entries(TINY, Objective(), augment, DataSettings(folder=str(data))))
    config.update({"log_every": 1, "save_every": 2, "sheet_every": 2, **changes})
    return config.lock()


def test_close_ups_are_upright_and_near(data):
    close = refiner_data.CloseUps(RecordFolder(data), 1.25, 40)[3]
    assert close["image"].shape == (40, 40, 3)
    both = close["points"][68:]
    np.testing.assert_allclose((both.min(axis=0) + both.max(axis=0)) / 2, 0.5, atol=1e-5)
    assert np.ptp(both, axis=0).max() == pytest.approx(0.8, abs=1e-5)
    left, right = both[60:68].mean(axis=0), both[68:76].mean(axis=0)
    assert right[1] == pytest.approx(left[1], abs=1e-5)
    assert right[0] > left[0]


def test_half_of_the_records_are_mirrored(data):
    close = refiner_data.CloseUps(RecordFolder(data), 1.25, 40)[3]
    seen = [refiner_data.mirrored(close, np.random.default_rng(seed)) for seed in range(12)]
    turned = [each for each in seen if each is not close]
    assert 2 <= len(turned) <= 10
    np.testing.assert_array_equal(turned[0]["image"], close["image"][:, ::-1])
    back = refiner_data.mirrored(turned[0], type("Always", (), {"random": lambda self: 0.9})())
    np.testing.assert_allclose(back["points"], close["points"], atol=1e-6)
    np.testing.assert_array_equal(back["expression"], close["expression"])


def test_a_run_leaves_a_refiner_numbers_and_a_sheet(data, tmp_path):
    assert training.run(configuration(data), tmp_path / "run")
    card, found, params = files.read_refiner(tmp_path / "run" / training.TRAINED)
    assert (card.system, found.design) == ("face_refiner", TINY)
    assert found.find(params, jnp.zeros((1, 32, 32, 3))).expression.shape == (1, 52)
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    (held,) = [row for row in rows if "held/score" in row]
    expected = held["held/expression_correlation"] - held["held/landmarks_68"] / 100
    assert held["held/score"] == pytest.approx(expected)
    assert np.asarray(PIL.Image.open(tmp_path / "run" / "sheets" / "sheet_00000002.png")).shape == (32, 256, 3)
    onwards = configuration(data, start_from=str(tmp_path / "run" / training.TRAINED))
    made = training.make_job(onwards).init(jax.random.key(1))["params"]["network"]
    jax.tree.map(np.testing.assert_array_equal, made, params)


def test_settings_that_do_not_fit(data, tmp_path):
    larger, faceless, other = (configuration(data).unlock() for _ in range(3))
    larger.augment.size = 64
    faceless.augment.no_face = 0.1
    with pytest.raises(InputError, match="augment's 64"):
        training.make_job(larger)
    with pytest.raises(InputError, match="no_face must be 0"):
        training.make_job(faceless)
    path = tmp_path / "wider.safetensors"
    wider = refiner.Refiner(Design(size=32, widths=(8, 16), hidden=8, decoder=8))
    card = refiner.Card(files.SYSTEM, "wider", "CC0", "a test")
    files.write_refiner(path, card, wider, wider.init(jax.random.key(0))["params"]["network"])
    other.start_from = str(path)
    with pytest.raises(InputError, match="the run is of"):
        training.make_job(other)
