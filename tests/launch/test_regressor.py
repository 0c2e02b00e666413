"""Training a regressor at toy size, and what it is measured on."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from data_pipelines.procedural_faces import snapshots
from jaxanim.core.errors import InputError
from jaxanim.data.face_augment import Settings
from jaxanim.geometry.open_head import load_open_head
from jaxanim.tracking.regressor import files, parameters
from jaxanim.tracking.regressor.design import Design
from jaxanim.tracking.regressor.objectives import WITH_DECODER
from jaxanim.train import mesh as meshes
from launch import settings, training
from launch.jobs import regressor, regressor_data
from launch.jobs.regressor_data import DataSettings
from tests.launch import drawn_snapshots

TINY = Design("open_head", 60, 52, width=8, hidden=8, decoder=8, points=166, size=32)


@pytest.fixture(autouse=True)
def _as_programs_run(monkeypatch):
    make_mesh = meshes.make_mesh
    monkeypatch.setattr(meshes, "make_mesh", lambda fsdp: make_mesh(fsdp=fsdp, devices=jax.devices()[:1]))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_snapshots.write(tmp_path_factory.mktemp("snapshots"))


def test_pose_is_that_of_the_turned_picture():
    head = load_open_head()
    basis = parameters.basis_of(head, head.landmarks[68], head.landmarks[98])
    rng = np.random.default_rng(0)
    coefficients = jnp.asarray(np.concatenate([rng.normal(size=(3, 60)), rng.random((3, 52)) * 0.3], 1), jnp.float32)
    rotations = jnp.asarray(rng.uniform(-0.3, 0.3, (3, 2, 3)), jnp.float32)
    upright = regressor_data.head_of(rotations, jnp.zeros(3))
    shape = parameters.shape(basis, coefficients[:, :60], coefficients[:, 60:])
    flat = jnp.einsum("bxy,bky->bkx", upright, shape)[..., :2] * jnp.asarray([4.0, -4.0]) + 0.5
    turn = jnp.asarray([0.4, -0.2, 0.0])  # clockwise, around the picture's middle
    cosine, sine = jnp.cos(turn)[:, None], jnp.sin(turn)[:, None]
    x, y = flat[..., 0] - 0.5, flat[..., 1] - 0.5
    turned = jnp.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1) + 0.5
    one = parameters.Statistics(jnp.zeros(119), jnp.ones(119))
    row = regressor_data.scores(basis, one, coefficients, regressor_data.head_of(rotations, turn), turned)
    found = parameters.project(basis, parameters.take_apart(row, 60, 52))
    np.testing.assert_allclose(found, turned, atol=1e-4)


def configuration(data, **changes):
    config = settings.run("regressor", steps=2, batch_size=2)
    config.update(regressor.entries(TINY, WITH_DECODER, DataSettings(folder=str(data)), Settings(size=32)))
    config.update({"log_every": 1, "save_every": 2, "sheet_every": 2, **changes})
    return config.lock()


def test_a_run_leaves_a_regressor_numbers_and_a_sheet(data, tmp_path):
    assert training.run(configuration(data), tmp_path / "run")
    card, found, params = files.read_regressor(tmp_path / "run" / training.TRAINED)
    assert (card.system, found.design) == ("face_regressor", TINY)
    assert found.find(params, jnp.zeros((1, 32, 32, 3))).points.shape == (1, 166, 2)
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    (held,) = [row for row in rows if "held/score" in row]
    assert held["held/score"] == -held["held/landmarks_68"] < 0
    assert held["held/head_degrees"] > 0
    assert np.asarray(PIL.Image.open(tmp_path / "run" / "sheets" / "sheet_00000002.png")).shape[2] == 3


def test_data_and_designs_that_do_not_fit(data, tmp_path):
    larger, fewer = configuration(data).unlock(), configuration(data).unlock()
    larger.augment.size = 64
    fewer.design.identity = 3
    with pytest.raises(InputError, match="augment"):
        training.make_job(larger)
    with pytest.raises(InputError, match="open heads"):
        training.make_job(fewer)
    (tmp_path / "dataset.json").write_text((data / "dataset.json").read_text())
    with pytest.raises(InputError):
        regressor_data.open_folder(DataSettings(folder=str(tmp_path)), tmp_path)


def test_statistics_are_those_of_drawn_people():
    found = regressor_data.statistics(16)
    identity = np.stack([snapshots.random_person(n).identity for n in range(16)])
    np.testing.assert_allclose(found.mean[:60], identity.mean(axis=0), atol=1e-6)
    assert float(found.sigma.min()) > 0
