"""Measuring what moves heads, on a few made-up pictures with a reader and a system whose answers are known."""

import json

import flax.struct
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from jaxanim.core.errors import InputError, WeightsError
from jaxanim.core.system import Frame
from jaxanim.data import pictures
from jaxanim.data.record_folder import FORMAT, RecordFolder, write_shard
from jaxanim.evaluate.face_reader import FoundFaces
from jaxanim.geometry import open_head
from jaxanim.weights import weights_file
from jaxanim.weights.card import Card
from launch import evaluate
from launch.evaluations import head_pairs, heads, methods
from launch.evaluations.methods import Copy, Method

SIZE, FRAMES = 32, 3
# Person, split. The yaw in radians tells a frame: a tenth of the person, and a hundredth of the frame.
PEOPLE = {0: "train", 1: "validation", 2: "test", 3: "test"}


def yaw_of(person, frame):
    return 0.1 * person + 0.01 * frame


@pytest.fixture(scope="module")
def head():
    return open_head.load_open_head()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Plain pictures, whose grey tells person and frame."""
    folder, records = tmp_path_factory.mktemp("data"), []
    for person, split in PEOPLE.items():
        for frame in range(FRAMES):
            picture = np.full((SIZE, SIZE, 3), 50 * person + 5 * frame, np.uint8)
            rotations = np.zeros((5, 3), np.float32)
            rotations[1, 1] = yaw_of(person, frame)
            record = {
                "image": pictures.encode(picture, quality=100),
                "landmarks_68": np.full((68, 2), person + frame, np.float32),
                "identity": np.full(60, 0.5 * person, np.float32),
                "expression": np.zeros(52, np.float32),
                "rotations": rotations,
                "camera": np.array([80, 16 + person, 16, 1], np.float32),
            }
            records.append((record, {"person": person, "clip": person, "frame": frame, "split": split}))
    write_shard(folder, 0, 1, records, [])
    fields = {"image": "rgb"} | dict.fromkeys(list(records[0][0])[1:], "array")
    about = {"format": FORMAT, "name": "talking_heads", "shards": 1, "fields": fields, "options": {}}
    (folder / "dataset.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(autouse=True)
def _stub_reader(monkeypatch):
    """Finds the landmarks where it is told to look, and makes the grey the expression and the pose."""

    def reader(pictures, points):
        grey = pictures.mean(axis=(1, 2, 3))
        return FoundFaces(np.asarray(points), np.tile(grey[:, None], 52) / 255, np.tile(grey[:, None], 3))

    monkeypatch.setattr(heads, "bundled_reader", lambda: reader)


@flax.struct.dataclass
class WarpedFrame(Frame):
    warped: jnp.ndarray


class Painter(Copy):
    """Paints the first coordinate of the mesh wanted all over, and keeps the source as what was warped."""

    def render(self, variables, code, drive):
        grey = drive[:, :1, None, None] * variables["one"]
        copies = jnp.broadcast_to(code, (drive.shape[0], *code.shape))
        return WarpedFrame(jnp.broadcast_to(grey, copies.shape), None, copies)


PAINTER = Method("painter", Painter(), {"one": jnp.ones(())})


def drawn(of, data, head, count=12):
    return of(RecordFolder(data), head, split="test", count=count)


def grey_of(pictures):
    return np.round(pictures.mean(axis=(1, 2, 3)) / 5).astype(int) * 5


def mesh_of(head, identity, yaw, person):
    rotations = np.zeros((len(yaw), 5, 3), np.float32)
    rotations[:, 1, 1] = yaw
    cameras = np.stack([np.array([80, 16 + each, 16, 1], np.float32) for each in person])
    blank = {"expression": np.zeros((len(yaw), 52), np.float32), "rotations": rotations, "camera": cameras}
    return head_pairs.vertices(head, {"identity": identity, **blank}, size=SIZE)


def test_pairs_of_one_person(data, head):
    pairs = drawn(head_pairs.of_one_person, data, head, 40)
    source, driver = grey_of(pairs.source), grey_of(pairs.driver)
    assert set(source // 50) == {2, 3}
    assert (source // 50 == driver // 50).all()
    assert {(a % 50 // 5, b % 50 // 5) for a, b in zip(source, driver, strict=True)} == {
        (a, b) for a in range(FRAMES) for b in range(FRAMES) if a != b
    }
    person, frame = driver // 50, driver % 50 // 5
    identity = np.tile(0.5 * person[:, None], 60).astype(np.float32)
    np.testing.assert_allclose(pairs.wanted_ndc, mesh_of(head, identity, yaw_of(person, frame), person), atol=1e-5)
    np.testing.assert_array_equal(pairs.wanted_points, pairs.driver_points)
    np.testing.assert_array_equal(pairs.driver_points[:, 0, 0], person + frame)


def test_pairs_of_two_people_keep_the_face_and_the_place_and_take_the_pose(data, head):
    pairs = drawn(head_pairs.of_two_people, data, head)
    source, driver = grey_of(pairs.source), grey_of(pairs.driver)
    person = source // 50
    assert (person != driver // 50).all()
    identity = np.tile(0.5 * person[:, None], 60).astype(np.float32)
    yaw = yaw_of(driver // 50, driver % 50 // 5)
    np.testing.assert_allclose(pairs.wanted_ndc, mesh_of(head, identity, yaw, person), atol=1e-5)
    nose = pairs.wanted_points[:, 30]
    np.testing.assert_allclose(nose, np.stack([16 + person + 8 * np.sin(yaw), nose[:, 1]], axis=1), atol=2)


def test_what_data_cannot_be_used(data, head, tmp_path):
    folder = RecordFolder(data)
    with pytest.raises(InputError, match="'validation' has one person"):
        head_pairs.of_two_people(folder, head, split="validation", count=1)
    folder.columns["split"] = np.full(len(folder), "train")
    with pytest.raises(InputError, match="no pictures of the split 'test'"):
        head_pairs.of_one_person(folder, head, split="test", count=1)
    del folder.fields["camera"]
    with pytest.raises(InputError, match="has no camera"):
        head_pairs.of_one_person(folder, head, split="test", count=1)


def test_methods_are_given_the_mesh_wanted(data, head):
    pairs = drawn(head_pairs.of_two_people, data, head, 3)
    made = PAINTER.results(pairs)
    expected = np.round((pairs.wanted_ndc[:, 0, 0] + 1) * 127.5)
    np.testing.assert_allclose(made["painter"].mean(axis=(1, 2, 3)), expected, atol=1)
    np.testing.assert_array_equal(made["painter, warped alone"], pairs.source)
    np.testing.assert_array_equal(methods.copy().results(pairs)["copy"], pairs.source)
    with pytest.raises(WeightsError, match="painter returns NaN"):
        Method("painter", Painter(), {"one": jnp.full((), np.nan)}).results(pairs)


def test_measures_and_sheet(data):
    found, sheet = heads.measure(lambda head, size: [PAINTER, methods.copy()], data, split="test", pairs=8)
    assert list(found["same"]) == list(found["cross"]) == ["painter", "painter, warped alone", "copy"]
    assert found["same"]["copy"] == found["same"]["painter, warped alone"]
    copied = found["same"]["copy"]
    assert 5 - 0.5 < copied["L1"] < 10 + 0.5  # frames are 5 or 10 grey levels apart
    assert copied["APD"] == pytest.approx(copied["L1"], abs=1e-3)
    assert copied["AED"] == pytest.approx(copied["L1"] / 255, abs=1e-4)
    assert copied["AKD"] == 0
    assert copied["L1"] < found["same"]["painter"]["L1"]
    assert set(found["cross"]["copy"]) == {"AED", "APD"}
    assert 40 <= found["cross"]["copy"]["APD"] <= 60  # people are 50 apart
    assert sheet.shape == (4 * SIZE, 2 * heads.SHOWN * SIZE, 3)


def test_the_truth_itself_is_perfect(data, head):
    pairs = drawn(head_pairs.of_one_person, data, head, 3)
    found = heads.compare({"truth": pairs.driver}, pairs, heads.bundled_reader(), truth=True)["truth"]
    assert found.pop("PSNR") > 100
    assert found.pop("SSIM") == pytest.approx(1)
    assert found == {"L1": 0, "AKD": 0, "AED": 0, "APD": 0}


def test_the_program_measures_the_copy(data, tmp_path, capsys):
    numbers, sheet = tmp_path / "numbers.json", tmp_path / "sheet.png"
    files = ["--json", str(numbers), "--sheet", str(sheet)]
    assert evaluate.main(["--system", "copy", "--data", str(data), "--pairs", "7", *files]) == 0
    written = json.loads(numbers.read_text())
    assert written["pairs"] == 7
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("|")[1].strip() == "method"
    assert f"{written['same']['copy']['SSIM']:.4f}" in lines[2]
    assert PIL.Image.open(sheet).size == (12 * SIZE, 2 * SIZE)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--system", "copy", "--judge_steps", "5"], "--judge_steps does not belong to copy"),
        (["--system", "copy", "--pairs", "0"], "a number from 1 on is expected"),
        (["--system", "other"], "invalid choice: 'other'"),
        ([], "one of the arguments --weights --system is required"),
        (["--weights", "tha4.safetensors"], "holds tha4 weights, those of atw and gdpw can be measured"),
        (["--weights", "atw.safetensors", "--sheet", "a.png"], "--sheet does not belong to atw"),
    ],
)
def test_what_the_program_refuses(data, tmp_path, monkeypatch, capsys, options, said):
    monkeypatch.chdir(tmp_path)
    for system in ("tha4", "atw"):
        weights_file.write(tmp_path / f"{system}.safetensors", Card(system, "a", "CC0", "b"), {"x": np.zeros(1)})
    with pytest.raises(SystemExit) as ended:
        evaluate.main([*options, "--data", str(data)])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
