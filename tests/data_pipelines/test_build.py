"""Builds are the same files however they are cut up, interrupted and resumed."""

import json

import numpy as np
import pytest

from data_pipelines import build, shards
from data_pipelines.recipes import image_folder
from jaxanim.core.errors import InputError
from jaxanim.data import pictures
from jaxanim.data.record_folder import RecordFolder


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    for number in range(10):
        picture = np.random.default_rng(number).integers(0, 256, (12, 12, 3), dtype=np.uint8)
        (folder / f"{number}.png").write_bytes(pictures.encode(picture))
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def whole(raw, tmp_path):
    """The files of an undisturbed build."""
    shards.build("x", image_folder.plan(raw, 8), tmp_path / "whole", shards=4)
    return contents(tmp_path / "whole")


def test_two_machines_and_two_processes(raw, whole, tmp_path):
    """The command line, with real worker processes on the first machine."""
    for index, workers in (("0", "2"), ("1", "0")):
        options = ["--source", str(raw), "--data-dir", str(tmp_path / "out"), "--size", "8", "--shards", "4"]
        assert build.main(["image_folder", *options, "--shard", f"{index}/2", "--workers", workers]) == 0
        assert len(list((tmp_path / "out").glob("*.array_record"))) == 2 * (int(index) + 1)
    mine = contents(tmp_path / "out")
    about = json.loads(mine.pop("dataset.json"))
    assert mine == {name: data for name, data in whole.items() if name != "dataset.json"}
    assert about["name"] == "image_folder"


def test_an_interrupted_build_goes_on(raw, whole, tmp_path, monkeypatch):
    recipe, out = image_folder.plan(raw, 8), tmp_path / "out"
    records = image_folder.ImageFolderRecipe.records
    made = []

    def interrupted(self, item):
        made.append(item)
        if len(made) == 7:
            raise KeyboardInterrupt
        return records(self, item)

    monkeypatch.setattr(image_folder.ImageFolderRecipe, "records", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shards.build("x", recipe, out, shards=4)
    with pytest.raises(InputError, match="2 of 4 shards are not built"):
        RecordFolder(out)
    left = out / ".00002-of-00004.0123.partial.array_record"  # what a killed run leaves behind
    left.write_bytes(b"half")
    made.clear()
    made.extend(["never interrupted again"] * 7)
    shards.build("x", recipe, out, shards=4)
    assert contents(out) == whole
    assert len(made) == 7 + 5  # the first two shards held five of the ten pictures


def test_other_options_are_refused(raw, whole, tmp_path):
    with pytest.raises(InputError, match=r"options \{'size': 8, 'items': 10\} instead of \{'size': 9, 'items': 10\};"):
        shards.build("x", image_folder.plan(raw, 9), tmp_path / "whole", shards=4)
    assert contents(tmp_path / "whole") == whole


def test_other_pictures_are_refused(raw, whole, tmp_path):
    (raw / "0.png").rename(raw / "00.png")
    with pytest.raises(InputError, match="another build was begun here, with items_sha256"):
        shards.build("x", image_folder.plan(raw, 8), tmp_path / "whole", shards=4)
    assert contents(tmp_path / "whole") == whole


def test_a_build_of_an_older_version_goes_on(raw, whole, tmp_path):
    path = tmp_path / "whole" / "dataset.json"
    about = json.loads(path.read_text())
    del about["items_sha256"]
    path.write_text(json.dumps(about))
    shards.build("x", image_folder.plan(raw, 8), tmp_path / "whole", shards=4)


def test_damaged_pictures_are_left_out_and_noted(raw, tmp_path):
    (raw / "3.png").write_bytes(b"damaged")
    out = tmp_path / "out"
    shards.build("x", image_folder.plan(raw, 8), out, shards=2)
    built = RecordFolder(out)
    assert built.columns["name"].tolist() == [f"{n}.png" for n in range(10) if n != 3]
    (skipped,) = json.loads((out / "00000-of-00002.json").read_text())["skipped"]
    assert "3.png: not a readable picture" in skipped


def test_too_many_damaged_pictures(raw, tmp_path):
    """The count goes over shards, and over runs."""
    for number in (1, 4, 8):
        (raw / f"{number}.png").write_bytes(b"damaged")
    recipe = image_folder.plan(raw, 8)
    shards.build("x", recipe, tmp_path / "enough", shards=5, max_corrupt=3)
    with pytest.raises(InputError, match=r"2 items are damaged, at most 1 may be; the last: .*4\.png"):
        shards.build("x", recipe, tmp_path / "out", shards=5, max_corrupt=1)
    with pytest.raises(InputError, match=r"3 items are damaged, at most 2 may be; the last: .*8\.png"):
        shards.build("x", recipe, tmp_path / "out", shards=5, max_corrupt=2)
    with pytest.raises(InputError, match=r"3 items are damaged, at most 2 may be; the last: .*8\.png"):
        shards.build("x", recipe, tmp_path / "enough", shards=5, max_corrupt=2)  # where all is built already


def test_a_shard_of_nothing_but_damage(raw, tmp_path):
    for number in (0, 1):
        (raw / f"{number}.png").write_bytes(b"damaged")
    shards.build("x", image_folder.plan(raw, 8), tmp_path / "out", shards=5)
    built = RecordFolder(tmp_path / "out")
    assert len(built) == 8
    np.testing.assert_array_equal(built[0]["image"].shape, (8, 8, 3))
    assert built.columns["name"][0] == "2.png"


@pytest.mark.parametrize("arguments", [["--shard", "2/2"], ["--shard", "1"], ["--shard", "-1/2"]])
def test_parts_that_do_not_exist(arguments, tmp_path):
    with pytest.raises(SystemExit):
        build.main(["image_folder", "--data-dir", str(tmp_path), *arguments])


def test_what_the_user_got_wrong(tmp_path, capsys):
    assert build.main(["image_folder", "--data-dir", str(tmp_path)]) == 2
    assert "say where they are with --source" in capsys.readouterr().err
    assert build.main(["procedural_anime", "--data-dir", str(tmp_path), "--count", "2", "--shards", "3"]) == 2
    assert "2 items cannot fill 3 shards" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["procedural_anime", "--size", "64"], "procedural_anime does not take --size, but --count, --seed"),
        (["image_folder", "--source", "raw", "--stride", "2"], "image_folder does not take --stride, but --source"),
        (["celeba", "--source", "raw", "--frontal"], "celeba does not take --frontal, but --source, --size"),
    ],
)
def test_options_of_other_datasets_are_refused(tmp_path, capsys, arguments, message):
    assert build.main([*arguments, "--data-dir", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_description(tmp_path, capsys, content):
    (tmp_path / "dataset.json").write_text(content)
    assert build.main(["procedural_anime", "--data-dir", str(tmp_path), "--count", "2", "--shards", "1"]) == 2
    assert "dataset.json: d" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        ["--size", "0"],
        ["--workers", "-1"],
        ["--max-corrupt", "-1"],
        ["--seed", "-1"],
        ["--shards", "0"],
        ["--count", "x"],
    ],
)
def test_numbers_out_of_range(tmp_path, capsys, option):
    with pytest.raises(SystemExit) as stopped:
        build.main(["procedural_anime", "--data-dir", str(tmp_path / "out"), *option])
    assert stopped.value.code == 2
    assert f"argument {option[0]}: a number from" in capsys.readouterr().err


def test_folders_that_are_files(tmp_path, raw, capsys):
    (tmp_path / "file").write_text("")
    assert build.main(["image_folder", "--source", str(raw), "--data-dir", str(tmp_path / "file")]) == 2
    assert "file: cannot be made (File exists)" in capsys.readouterr().err
    assert build.main(["celeba", "--source", str(tmp_path / "file"), "--data-dir", str(tmp_path / "out")]) == 2
    assert "list_attr_celeba.txt: cannot be read (Not a directory)" in capsys.readouterr().err


def test_a_folder_named_like_a_picture(raw, tmp_path):
    (raw / "x.png").mkdir()
    assert len(image_folder.plan(raw).items) == 10
