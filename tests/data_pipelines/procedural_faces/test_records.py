"""Sources and datasets of drawn people."""

import concurrent.futures

import jax
import numpy as np
import pytest

from data_pipelines import build
from data_pipelines.procedural_faces import clip, figure, records
from jaxanim.core.errors import InputError
from jaxanim.data import Loader
from jaxanim.data.record_folder import RecordFolder
from jaxanim.data.tfds_folder import TfdsFolder


def test_batches_of_single_pictures():
    source = records.DrawnFaces(count=50, seed=3, size=64, people=range(3))
    loader = Loader(source, seed=0, batch_size=4, contract=records.frame_contract(64))
    with loader.batches(2) as batches:
        batch = next(batches)
    again = loader.global_batch(2)
    for name, value in batch.items():
        np.testing.assert_array_equal(value, again[name])
    assert batch["image"].std() > 20


def test_batches_of_pairs_on_one_host_and_on_four():
    source = records.DrawnFacePairs(count=50, seed=3, size=64, people=range(2))
    whole = Loader(source, seed=0, batch_size=4, contract=records.pair_contract(64)).global_batch(1)
    parts = [Loader(source, seed=0, batch_size=4, rows=slice(k, k + 1)).host_batch(1) for k in range(4)]
    joined = jax.tree.map(lambda *rows: np.concatenate(rows), *parts)
    for name, value in whole.items():
        np.testing.assert_array_equal(value, joined[name])
    np.testing.assert_array_equal(whole["source_identity"], whole["driving_identity"])
    assert (whole["source_image"] != whole["driving_image"]).any()


def test_a_dataset(tmp_path):
    options = ["--count", "2", "--clips", "1", "--size", "64", "--frames", "3", "--seed", "1", "--workers", "0"]
    assert build.main(["procedural_faces", "--data-dir", str(tmp_path), *options]) == 0
    faces = RecordFolder(tmp_path)
    assert len(faces) == 6
    assert faces.columns["person"].tolist() == [0, 0, 0, 1, 1, 1]
    assert faces.columns["frame"].tolist() == [0, 1, 2] * 2
    first, last = faces[0], faces[2]
    assert np.abs(first["flow_px"]).max() < 1e-3
    assert last["flow_px"].dtype == np.float16
    assert np.abs(last["flow_px"]).max() > 0.05
    np.testing.assert_array_equal(first["identity"], last["identity"])
    assert first["image"].shape == (64, 64, 3)
    assert set(first) == set(records.frame_contract(64)) | {"flow_px", "visible"}


def test_people_have_several_clips():
    recipe = records.plan(count=80, size=64, frames=2, clips=4)
    assert [recipe.split(item) for item in (0, 71, 72, 76, 79)] == ["train", "train", "validation", "test", "test"]
    first, second = (recipe.records(item)[0] for item in (0, 1))
    assert first[1]["person"] == second[1]["person"] == 0
    np.testing.assert_array_equal(first[0]["identity"], second[0]["identity"])
    assert first[0]["image"] != second[0]["image"]


def test_splits_of_tfds(tmp_path):
    options = ["--count", "19", "--clips", "1", "--size", "64", "--frames", "2", "--form", "tfds"]
    assert build.main(["procedural_faces", "--data-dir", str(tmp_path), *options]) == 0
    folder = tmp_path / "procedural_faces" / "1.0.0"
    assert [len(TfdsFolder(folder, split)) for split in ("train", "validation")] == [36, 2]


def test_threads_that_want_one_person_make_it_once(monkeypatch):
    made = []
    monkeypatch.setattr(figure, "build", lambda person: made.append(person) or object())
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert len(set(map(id, pool.map(clip.figure_of, [123456] * 8)))) == 1
    assert len(made) == 1


def test_a_dataset_of_tfds(tmp_path):
    options = ["--count", "1", "--size", "64", "--frames", "2", "--form", "tfds"]
    assert build.main(["procedural_faces", "--data-dir", str(tmp_path), *options]) == 0
    faces = TfdsFolder(tmp_path / "procedural_faces" / "1.0.0")
    record = faces[1]
    assert record["image"].shape == (64, 64, 3)
    assert record["visible"].dtype == bool
    assert record["flow_px"].dtype == np.float16
    assert record["frame"] == 1


def test_nobody_is_in_two_splits():
    assert [records.split_of(person) for person in (17, 18, 19, 20, 38)] == [
        "train",
        "validation",
        "test",
        "train",
        "validation",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 100}, "sides of 64, 128, 256, 512 pixels, got 100"),
        ({"count": 0}, "count must be positive"),
        ({"seed": -1}, "seed must not be negative, got -1"),
        ({"people": range(0)}, "people numbers from 0 on"),
        ({"people": range(-3, 2)}, "people numbers from 0 on"),
    ],
)
def test_wrong_options(change, message):
    options = {"count": 5, "seed": 0, "size": 64, "people": range(2)} | change
    for source in (records.DrawnFaces, records.DrawnFacePairs):
        with pytest.raises(InputError, match=message):
            source(**options)


def test_wrong_options_of_datasets(tmp_path, capsys):
    arguments = ["procedural_faces", "--data-dir", str(tmp_path), "--frames", "1"]
    assert build.main(arguments) == 2
    assert "a clip needs 2 frames or more and a person a clip, got 1 and 4" in capsys.readouterr().err


def test_records_that_are_not_there():
    with pytest.raises(IndexError, match="record 5 of 5"):
        records.DrawnFaces(count=5, seed=0, size=64, people=range(1))[5]
