"""Clips with the fits of `jaxanim fit`: records as of drawn people, frames that are left out, clips that do not fit."""

import dataclasses
import json

import numpy as np
import pytest

from data_pipelines.recipes import fitted_heads, voxceleb_splits
from jaxanim.cli import fit_folder
from jaxanim.core.errors import InputError
from jaxanim.data import Loader, sampling
from jaxanim.signals import face_track
from jaxanim.signals.face_track import FaceTrack
from tests.data_pipelines.recipes.layouts import film, run, save, skipped

FILM, FOLDER, UNFITTED = "id10001/v/1.mp4", "id10270/w/2.b", "id10270/w/3.mp4"
FITS = {FILM: "id10001/v/1.npz", FOLDER: "id10270/w/2.b.npz", UNFITTED: "id10270/w/3.npz"}
FACE = np.random.default_rng(0).uniform(0, 1, (68, 2)).astype(np.float32)
FACE[:2] = [[0, 0], [1, 1]]  # the corners of its box


def fit(count=5, size=(64, 64)):
    """A face of 16 pixels that moves right by 2 pixels a frame; where its numbers come from does not matter here."""
    moved = FACE * 16 + np.stack([18 + 2 * np.arange(count), np.full(count, 24)], axis=-1)[:, None]
    frames = np.arange(count, dtype=np.float32)
    return FaceTrack(
        fps=25.0,
        size=np.array(size),
        crop_size=128,
        time=frames / 25.0,
        found=np.ones(count, bool),
        confidence=np.full(count, 0.9),
        landmarks68=moved,
        landmarks98=np.zeros((count, 98, 2)),
        identity=np.arange(10.0),
        expression=np.tile(frames[:, None] / 10, (1, 52)),
        rotations=np.tile(frames[:, None, None], (1, 5, 3)),
        camera=np.stack([np.full(count, 160), 26 + 2 * frames, np.full(count, 32), np.full(count, 1.5)], axis=-1),
        action_units=np.zeros((count, 17)),
        pose=np.zeros((count, 45)),
        head_degrees=np.zeros((count, 3)),
        crop=np.zeros((count, 2, 3)),
    )


def write(tmp_path, clip, track):
    path = tmp_path / "fits" / FITS[clip]
    path.parent.mkdir(parents=True, exist_ok=True)
    face_track.save(path, track)


@pytest.fixture
def raw(tmp_path):
    """A film, frames whose names are not padded, both with fits, and a film without one."""
    folder = tmp_path / "raw"
    for name in (FILM, UNFITTED):
        film(folder / name, range(0, 250, 50))
    for number in (8, 9, 10):
        save(folder / FOLDER / f"{number}.png", (20 * number, 0, 0), (64, 48))
    write(tmp_path, FILM, fit())
    write(tmp_path, FOLDER, fit(3, (48, 64)))
    return folder


def build(tmp_path, *options):
    return run(tmp_path, "fitted_heads", "--fits", str(tmp_path / "fits"), "--shards", "1", *options)


def test_records(tmp_path, raw):
    """The box of the film's face is 16 + 8 pixels wide from 18: a square of 44 from 8 (30 - 22), 10 (32 - 22)."""
    built = build(tmp_path, "--size", "88")
    assert built.columns["person"].tolist() == ["id10001"] * 5 + ["id10270"] * 3
    assert built.columns["clip"].tolist() == [FILM] * 5 + [FOLDER] * 3
    assert built.columns["frame"].tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    assert built.columns["split"].tolist() == ["train"] * 5 + ["test"] * 3
    for frame in range(5):
        record = built[frame]
        assert record["image"].shape == (88, 88, 3)
        assert record["image"].mean() == pytest.approx(50 * frame, abs=4)
        np.testing.assert_allclose(record["landmarks_68"], 2 * (FACE * 16 + [10 + 2 * frame, 14]), atol=1e-3)
        np.testing.assert_allclose(record["camera"], [320, 36 + 4 * frame, 44, 1.5], atol=1e-3)
        np.testing.assert_array_equal(record["identity"], np.arange(10))
        np.testing.assert_allclose(record["expression"], np.full(52, frame / 10), atol=1e-6)
        np.testing.assert_array_equal(record["rotations"], np.full((5, 3), frame))
    assert [int(built[n]["image"][44, 44, 0]) for n in (5, 6, 7)] == pytest.approx([160, 180, 200], abs=3)
    assert len(sampling.SameClipPair(built.columns["clip"])) == 2
    batch = Loader(built, seed=0, batch_size=8).global_batch(0)
    dtypes = {name: array.dtype for name, array in batch.items()}
    assert dtypes.pop("image") == np.uint8
    assert set(dtypes.values()) == {np.dtype(np.float32)}
    about = json.loads((tmp_path / "built" / "dataset.json").read_text())
    assert about["options"] == {"size": 88, "stride": 1, "min_confidence": 0.5, "unfitted": 1, "items": 2}


def test_fits_have_the_names_that_the_command_gives_them(raw):
    assert fit_folder.plan(raw) == FITS


def test_frames_that_are_left_out(tmp_path, raw):
    """Of five frames every second, without one that was held: the square holds what is left."""
    track = fit()
    found, confidence = np.array([True, True, True, True, False]), np.float32([0.9, 0.9, 0.6, 0.9, 0])
    write(tmp_path, FILM, dataclasses.replace(track, found=found, confidence=confidence))
    built = build(tmp_path, "--size", "36", "--stride", "2")
    assert built.columns["frame"].tolist() == [0, 2, 0, 2]
    np.testing.assert_allclose(built[0]["landmarks_68"], FACE * 16 + [0, 0] + built[0]["landmarks_68"][0], atol=1e-3)
    (tmp_path / "built").rename(tmp_path / "before")
    built = build(tmp_path, "--size", "36", "--stride", "2", "--min-confidence", "0.7")
    assert set(built.columns["clip"].tolist()) == {FOLDER}
    (line,) = skipped(tmp_path)
    assert "1.mp4: 1 of its 5 frames can be used, two are needed" in line


DAMAGE = {
    "other frames": (fit(4), "has 5 frames, its fit 4; one for each is what --on-missing hold writes"),
    "more frames": (fit(6), "has 5 frames, its fit 6"),
    "another film": (fit(5, (32, 64)), "has frames of 64x64 pixels, its fit is of 64x32"),
    "elsewhere": (dataclasses.replace(fit(), landmarks68=np.full((5, 68, 2), 900.0)), "are not those of a face"),
    "no fit": (None, "1.npz: "),
}


@pytest.mark.parametrize(("track", "said"), DAMAGE.values(), ids=DAMAGE)
def test_clips_that_are_not_those_of_their_fits(tmp_path, raw, track, said):
    if track is None:
        (tmp_path / "fits" / FITS[FILM]).write_bytes(b"PK nothing")
    else:
        write(tmp_path, FILM, track)
    assert set(build(tmp_path).columns["clip"].tolist()) == {FOLDER}
    (line,) = skipped(tmp_path)
    assert said in line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "needs the folder that `jaxanim fit` wrote: --fits"),
        ({"fits": "nowhere"}, "no such folder; `jaxanim fit"),
        ({"fits": "raw"}, r"holds a fit of none of 3 clips, such as id10001/v/1\.npz"),
        ({"fits": "fits", "stride": 0}, "stride 1 or more"),
        ({"fits": "fits", "min_confidence": float("nan")}, "min_confidence lie in"),
    ],
)
def test_plans_that_cannot_be(tmp_path, raw, options, said):
    options = {name: tmp_path / value if name == "fits" else value for name, value in options.items()}
    with pytest.raises(InputError, match=said):
        fitted_heads.plan(raw, **options)
    with pytest.raises(InputError, match="nowhere: no such folder"):
        fitted_heads.plan(tmp_path / "nowhere", tmp_path / "fits")


def test_splits():
    """VoxCeleb1's people are known, folders say it, and others take turns: of twenty, numbers 18 and 19."""
    first = [f"id{number}/v/1.mp4" for number in (10001, 10269, 10270, 10309, 10310, 11251)]
    assert list(voxceleb_splits.splits(first).values()) == ["train", "train", "test", "test", "train", "train"]
    second = ["dev/mp4/id00012/v/1.mp4", "test/mp4/id00017/v/1.mp4", "train/id00018/v/1"]
    assert list(voxceleb_splits.splits(second).values()) == ["train", "test", "train"]
    assert [voxceleb_splits.person_of(clip) for clip in second] == ["id00012", "id00017", "id00018"]
    others = [f"person{number:02d}/v/{clip}.mp4" for number in range(40) for clip in range(2)]
    splits = voxceleb_splits.splits(others)
    assert [splits[f"person{number}/v/1.mp4"] for number in (17, 18, 19, 20, 38)] == [
        "train",
        "validation",
        "test",
        "train",
        "validation",
    ]
    assert all(splits[f"{clip[:-5]}0.mp4"] == splits[f"{clip[:-5]}1.mp4"] for clip in others)


def test_folders_of_splits(tmp_path, raw):
    """As VoxCeleb2 is handed out; fits are found below the same folders."""
    for base in (raw, tmp_path / "fits"):
        kept = base.with_name("moved")
        base.rename(kept)
        (base / "test").mkdir(parents=True)
        kept.rename(base / "test" / "mp4")
    items = fitted_heads.plan(raw, tmp_path / "fits").items
    assert items[0] == (f"test/mp4/{FILM}", f"test/mp4/{FITS[FILM]}", "test")
    assert len(items) == 2
    assert build(tmp_path).columns["person"].tolist() == ["id10001"] * 5 + ["id10270"] * 3
