"""EmotioNet with the lists of its authors, in both forms, and with what OpenFace wrote."""

import json

import numpy as np
import pytest

from data_pipelines import build, openface
from data_pipelines.recipes import emotionet
from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError, Loader
from jaxanim.signals import action_units
from tests.data_pipelines.recipes.layouts import run, save, skipped

SITE = "https://s3.us-east-2.amazonaws.com/emotionet/Images/N_0000000001"
NAMES = [f"N_0000000001_{number:05d}" for number in range(1, 5)]


def values(present, unknown=()):
    return ["1" if unit in present else "999" if unit in unknown else "0" for unit in range(1, 61)]


def tabs(name, units):
    return "\t".join([f"{SITE}/{name}.jpg", "http://gone.example/a photo, 1.jpg", *units])


@pytest.fixture
def raw(tmp_path):
    for number, name in enumerate(NAMES):
        save(tmp_path / "raw" / "images" / "N_0000000001" / f"{name}.png", (20 * number,) * 3)
    return tmp_path / "raw"


def test_lists_with_tabs(tmp_path, raw):
    """The third picture is in no list, a fifth was not downloaded."""
    first = [tabs(NAMES[0], values({6, 12})), tabs(NAMES[1], values({4}, {60}))]
    second = [tabs(NAMES[3], values({1})), tabs("N_0000000001_00005", values({1}))]
    (raw / "dataFile_0001.txt").write_text("\n".join(first) + "\n")
    (raw / "dataFile_0002.txt").write_text("\r\n".join(second) + "\r\n")
    built = run(tmp_path, "emotionet", "--size", "8")
    assert [np.flatnonzero(built[n]["action_units"]).tolist() for n in range(3)] == [[5, 11], [3], [0]]
    assert [np.flatnonzero(built[n]["known"] == 0).tolist() for n in range(3)] == [[], [59], []]
    assert [int(built[n]["image"][0, 0, 0]) for n in range(3)] == pytest.approx([0, 20, 60], abs=1)
    assert built.columns["name"][0] == f"images/N_0000000001/{NAMES[0]}.png"
    options = json.loads((tmp_path / "built" / "dataset.json").read_text())["options"]
    assert (options["unlabelled"], options["unseen"], options["items"]) == (1, 1, 3)
    batch = Loader(built, seed=0, batch_size=3).global_batch(0)
    assert (batch["action_units"].shape, batch["action_units"].dtype) == ((3, 60), np.uint8)


def test_a_list_with_commas(tmp_path, raw):
    """Names and addresses in quotes, as in the list of 2020; units that are not in it are unknown."""
    header = ["URL", "URL orig", "'AU 1'", "'AU 2'", '"AU 60"']
    lines = [",".join(header), f"'{SITE}/{NAMES[0]}.jpg','http://x',1,999,0", f"{SITE}/{NAMES[1]}.jpg,,0,5, 1 "]
    (raw / "EmotioNet_FACS_aws_2020_24600.csv").write_text("\n".join(lines))
    built = run(tmp_path, "emotionet")
    assert [built[n]["action_units"][[0, 1, 59]].tolist() for n in range(2)] == [[1, 0, 0], [0, 5, 1]]
    assert [np.flatnonzero(built[n]["known"]).tolist() for n in range(2)] == [[0, 59], [0, 1, 59]]


LISTS = {
    "a value": (
        "a.txt",
        tabs(NAMES[0], ["7", *values({})[1:]]),
        "a.txt, line 1: action unit 1 is 0 to 5 or 999, got '7'",
    ),
    "too few": ("a.txt", tabs(NAMES[0], values({})[1:]), "a.txt, line 1: 62 values are expected, got 61"),
    "a header": ("a.csv", "path,AU 1\nx,1", "a.csv: the first line must name URL and AU 1 to AU 60, got path, AU 1"),
    "a unit": ("a.csv", "URL,AU 61\nx,1", "a.csv: the first line must name URL and AU 1 to AU 60"),
    "an empty list": ("a.csv", "", "a.csv: the first line must name URL"),
    "a short line": ("a.csv", "URL,AU 1,AU 2\nx,1", "a.csv, line 2: 3 values are expected, got 2"),
    "contradiction": ("a.csv", "URL,AU 1\nx.jpg,1\nx.jpg,0", "a.csv, line 3: x is listed twice, with different"),
    "others": ("a.csv", "URL,AU 1\nx.jpg,1", r"none of its 4 pictures is among the 1 that have labels \(listed\)"),
    "a cell without end": ("a.csv", "URL,AU 1\nx," + "1" * 200_000, "a.csv: not a list of action units"),
    "a workbook": ("a.xlsx", "PK", r"has no lists of action units .*; save \.xlsx as \.csv"),
}


@pytest.mark.parametrize(("name", "text", "message"), LISTS.values(), ids=LISTS)
def test_lists_that_are_wrong(raw, name, text, message):
    (raw / name).write_text(text)
    with pytest.raises(InputError, match=message):
        emotionet.plan(raw)


def test_pictures_of_the_same_name(raw):
    save(raw / "more" / f"{NAMES[0]}.png", (0, 0, 0))
    with pytest.raises(InputError, match="has the same name as images/"):
        emotionet.plan(raw)


def table(intensity, header=None, lines=1, success=None):
    """A file of FaceLandmarkImg: names after ', ', intensities before presences, AU28 only present or not."""
    units = list(action_units.NAMES)
    before = ["face", "confidence"] + ([] if success is None else ["success"])
    names = header or [*before, *(f"{unit}_r" for unit in units), *(f"{unit}_c" for unit in units), "AU28_c"]
    row = ["0", "0.98", *([] if success is None else [success]), *[f"{intensity}"] * 17, *["1"] * 18]
    return "\n".join([", ".join(names), *[", ".join(row)] * lines]) + "\n"


def test_openface(tmp_path, raw):
    contents = [table(1.25), table(0.5, lines=2), table(0.5, success="0"), table(2.0, success="1")]
    for name, content in zip(NAMES, contents, strict=True):
        path = raw / "openface" / "part" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    built = run(tmp_path, "emotionet", "--labels", "openface")
    assert built.columns["name"].tolist() == [f"images/N_0000000001/{NAMES[n]}.png" for n in (0, 3)]
    np.testing.assert_array_equal(built[0]["action_units"], np.full(17, 1.25, np.float32))
    assert sorted(built[0]) == ["action_units", "image"]
    messages = skipped(tmp_path)
    assert ["holds 2 faces" in messages[0], "did not find the face" in messages[1]] == [True, True]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (table(1.0, header=["face", "confidence"]), "has no column AU01_r"),
        (table(1.0, lines=0), "holds 0 faces"),
        (table("nan"), "intensities of action units lie in 0 to 5"),
        (table(5.5), "intensities of action units lie in 0 to 5"),
        (table("wide"), "could not convert"),
        ("", "not a .csv file"),
    ],
)
def test_openface_files_that_are_wrong(content, message):
    with pytest.raises(CorruptRecordError, match=f"^f: .*{message}"):
        openface.parse(content.encode(), "f")


def test_without_openface_or_lists(tmp_path, raw, capsys):
    arguments = ["emotionet", "--source", str(raw), "--data-dir", str(tmp_path / "b")]
    assert build.main([*arguments, "--labels", "openface"]) == 2
    assert "openface: no such folder" in capsys.readouterr().err
    assert build.main(arguments) == 2
    assert "has no lists of action units (*.txt, *.csv)\n" in capsys.readouterr().err
    with pytest.raises(InputError, match="labels are one of listed, openface, got 'guess'"):
        emotionet.plan(raw, labels="guess")
