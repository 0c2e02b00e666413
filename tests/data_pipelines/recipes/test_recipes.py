"""Tiny copies of the real layouts, built and read back; lists that contradict each other are named."""

import json
import re

import av
import numpy as np
import pytest

from data_pipelines import build, films
from data_pipelines.recipes import celeba, voxceleb
from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError, pictures, sampling
from jaxanim.signals import pose_vector
from tests.data_pipelines.recipes.layouts import film, run, save


def test_image_folder(tmp_path):
    for number in range(5):
        save(tmp_path / "raw" / f"{number // 3:05d}" / f"{number:05d}.png", (number, 0, 0))
    built = run(tmp_path, "image_folder", "--size", "8", "--shards", "2")
    assert [int(built[n]["image"][0, 0, 0]) for n in range(5)] == pytest.approx(range(5), abs=1)
    assert {built[n]["image"].shape for n in range(5)} == {(8, 8, 3)}
    assert built.columns["name"].tolist() == [f"{n // 3:05d}/{n:05d}.png" for n in range(5)]


def test_pictures_that_fit_are_kept_byte_for_byte(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.jpg").write_bytes(pictures.encode(picture, quality=30))
    want = pictures.decode_rgb((tmp_path / "raw" / "a.jpg").read_bytes(), "a")
    np.testing.assert_array_equal(run(tmp_path, "image_folder", "--size", "8")[0]["image"], want)


VALUES = [("-1", " 1"), ("1", "1"), ("-1", "-1"), ("1", "-1")]


@pytest.fixture
def celeba_folder(tmp_path):
    raw = tmp_path / "raw"
    for number in range(1, 5):
        save(raw / "img_align_celeba" / f"{number:06d}.png", (number, 0, 0))
    names = [f"{number:06d}.png" for number in range(1, 5)]
    rows = [f"{name} {' '.join(v)}" for name, v in zip(names, VALUES, strict=True)]
    (raw / "list_attr_celeba.txt").write_text("\n".join(["4", "Bald Smiling ", *rows]) + "\n")
    (raw / "list_eval_partition.txt").write_text("\n".join(f"{n} {s}" for n, s in zip(names, "0120", strict=True)))
    (raw / "identity_CelebA.txt").write_text(
        "\n".join(f"{n} {i}" for n, i in zip(names, (2880, 7, 7, 2880), strict=True))
    )
    return raw


def test_celeba(tmp_path, celeba_folder):
    built = run(tmp_path, "celeba", "--shards", "2")
    assert [built[n]["attributes"].tolist() for n in range(4)] == [[0, 1], [1, 1], [0, 0], [1, 0]]
    assert [int(built[n]["image"][0, 0, 0]) for n in range(4)] == [1, 2, 3, 4]
    assert built.columns["split"].tolist() == ["train", "valid", "test", "train"]
    assert built.columns["identity"].tolist() == [2880, 7, 7, 2880]
    triplet = sampling.IdentityTriplet(built.columns["identity"])(0, np.random.default_rng(0))
    assert (triplet["anchor"], triplet["positive"]) == (0, 3)
    about = json.loads((tmp_path / "built" / "dataset.json").read_text())
    assert about["options"]["attributes"] == ["Bald", "Smiling"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("identity_CelebA.txt", "000001.png 3\n", r"identity_CelebA.txt: 3 pictures .* first 000002\.png"),
        ("list_eval_partition.txt", "000001.png 3\n", r"partition.txt, line 1: .* got '000001\.png 3'"),
        ("list_attr_celeba.txt", "5\nA\n000001.png 1\n", "must hold the number of pictures, 1 follow"),
        ("list_attr_celeba.txt", "1\nA B\n000001.png 1\n", "line 3: a picture and 2 times -1 or 1"),
        ("list_attr_celeba.txt", "1\nA\n000001.png 2\n", "line 3: a picture and 1 times -1 or 1"),
    ],
)
def test_celeba_lists_that_are_wrong(celeba_folder, name, text, message):
    (celeba_folder / name).write_text(text)
    with pytest.raises(InputError, match=message):
        celeba.plan(celeba_folder, None)


def test_celeba_without_a_list(celeba_folder):
    (celeba_folder / "identity_CelebA.txt").unlink()
    with pytest.raises(InputError, match=r"identity_CelebA\.txt: cannot be read \(No such file"):
        celeba.plan(celeba_folder, None)


def test_voxceleb(tmp_path):
    raw = tmp_path / "raw"
    for number in (9, 10, 11):  # names without padding
        save(raw / "id10001" / "abc" / "00001" / f"{number}.jpg", (10 * number, 0, 0))
    for number in range(2):
        save(raw / "id10002" / "def" / f"{number:07d}.png", (0, 100 + number, 0))
    film(raw / "id10002" / "ghi" / "00003.mp4", range(40, 240, 20))
    built = run(tmp_path, "voxceleb", "--size", "32")
    clips, people, frames = (built.columns[name].tolist() for name in ("clip", "identity", "frame"))
    assert clips == ["id10001/abc/00001"] * 3 + ["id10002/def"] * 2 + ["id10002/ghi/00003.mp4"] * 10
    assert people == ["id10001"] * 3 + ["id10002"] * 12
    assert frames == [0, 1, 2, 0, 1, *range(10)]
    means = [built[n]["image"].mean() for n in range(5, 15)]
    np.testing.assert_allclose(means, range(40, 240, 20), atol=4)  # two encodings that lose a little
    np.testing.assert_allclose([built[n]["image"][0, 0, 0] for n in range(3)], [90, 100, 110], atol=2)
    assert len(sampling.SameClipPair(built.columns["clip"])) == 3


def test_voxceleb_stride_and_damage(tmp_path):
    raw = tmp_path / "raw"
    film(raw / "a" / "v" / "1.mp4", range(0, 250, 25))
    film(raw / "a" / "v" / "2.mp4", range(0, 250, 25))
    (raw / "a" / "v" / "3.mp4").write_bytes((raw / "a" / "v" / "1.mp4").read_bytes()[:900])
    save(raw / "a" / "w" / "4" / "0.png", (1, 2, 3))
    (raw / "a" / "w" / "4" / "4.png").write_bytes(b"damaged")
    for number in (1, 2, 3):
        save(raw / "a" / "w" / "4" / f"{number}.png", (1, 2, 3))
    (raw / "a" / "w" / "5").mkdir()
    built = run(tmp_path, "voxceleb", "--stride", "4")
    assert built.columns["clip"].tolist() == ["a/v/1.mp4"] * 3 + ["a/v/2.mp4"] * 3
    assert built.columns["frame"].tolist() == [0, 4, 8] * 2
    note = json.loads((tmp_path / "built" / "00000-of-00001.json").read_text())
    assert ["3.mp4: damaged film" in note["skipped"][0], "4.png: not a readable" in note["skipped"][1]] == [True, True]
    assert "5: holds no frames" in note["skipped"][2]


def test_voxceleb_without_clips(tmp_path):
    save(tmp_path / "raw" / "one.png", (0, 0, 0))
    with pytest.raises(InputError, match="no clips; PERSON/VIDEO/CLIP"):
        voxceleb.plan(tmp_path / "raw", None, 1)


@pytest.fixture
def character(tmp_path):
    folder = tmp_path / "raw" / "mika"
    save(folder / "rest.png", (1, 2, 3, 255))
    save(folder / "posed" / "0.png", (9, 2, 3, 128))
    save(folder / "posed" / "1.png", (8, 2, 3, 255))
    (folder / "poses.csv").write_text("file,mouth_aaa,neck_z\n0.png,0.5,-0.25\n1.png,1,\n")
    return folder


def test_posed_characters(tmp_path, character):
    built = run(tmp_path, "posed_characters")
    want = pose_vector.make_pose({"mouth_aaa": 0.5, "neck_z": -0.25})
    np.testing.assert_array_equal(built[0]["pose"], want)
    assert built[0]["posed"][0, 0].tolist() == [9, 2, 3, 128]
    assert built[1]["rest"][0, 0].tolist() == [1, 2, 3, 255]
    np.testing.assert_array_equal(built[1]["pose"], pose_vector.make_pose({"mouth_aaa": 1.0}))
    assert built.columns["character"].tolist() == ["mika", "mika"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,nose\n0.png,1\n", "line 2: .*nose"),
        ("file,mouth_aaa\n0.png,wide\n", "line 2: could not convert"),
        ("file,mouth_aaa\n0.png,nan\n", "line 2: .*NaN"),
        ("file,mouth_aaa\n0.png,7\n", "line 2: 1 numbers are outside"),
        ("picture,mouth_aaa\n0.png,1\n", "line 2: a column 'file'"),
        ("file,mouth_aaa\n0.png," + "1" * 200_000, "poses.csv: not a table .field larger"),
        ("file,mouth_aaa\n0.png\n", "line 2: .* as many values"),
    ],
)
def test_poses_that_are_wrong(tmp_path, character, capsys, table, message):
    (character / "poses.csv").write_text(table)
    assert build.main(["posed_characters", "--source", str(tmp_path / "raw"), "--data-dir", str(tmp_path / "b")]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_posed_pictures_of_another_size(tmp_path, character):
    save(character / "posed" / "1.png", (8, 2, 3, 255), size=(5, 5))
    save(character / "posed" / "0.png", (8, 2, 3))
    save(character / "posed" / "2.png", (8, 2, 3, 255))
    with (character / "poses.csv").open("a") as table:
        table.write("2.png,0,0\n")
    built = run(tmp_path, "posed_characters")
    assert built.columns["name"].tolist() == ["2.png"]
    skipped = json.loads((tmp_path / "built" / "00000-of-00001.json").read_text())["skipped"]
    assert ["without transparency" in skipped[0], "at rest it is (10, 12, 4)" in skipped[1]] == [True, True]


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_films_that_were_cut_off(tmp_path, suffix):
    path = tmp_path / f"film{suffix}"
    noisy_film(path)
    assert len(list(films.frames(path))) == 60
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    with pytest.raises(CorruptRecordError, match=f"film{suffix}: "):
        list(films.frames(path))


def noisy_film(path):
    """A film whose pictures take as much room at its end as at its start, its index first."""
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    rng = np.random.default_rng(0)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(60):
            picture = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
