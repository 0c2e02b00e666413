"""`jaxanim convert`, `info` and `sheet` on real (small) files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxanim
from jaxanim.animate import sheet, video
from jaxanim.signals import pose_vector
from tests.systems.tha4 import folders

ASSETS = Path(jaxanim.__file__).parent / "assets"


@pytest.fixture(scope="module")
def character_folder(tmp_path_factory):
    return folders.make_character(tmp_path_factory.mktemp("character") / "mika", licence="Some Licence 1.0")


@pytest.fixture
def character(command, character_folder, tmp_path):
    target = tmp_path / "mika.safetensors"
    assert command("convert", "tha4-student", character_folder, "-o", target).code == 0
    return target


def test_convert_prints_the_licence(command, character_folder, tmp_path):
    target = tmp_path / "mika.safetensors"
    result = command("convert", "tha4-student", character_folder, "-o", target)
    assert result.code == 0
    assert result.out == f"{target}: mika (tha4-student)\nlicence of the source: LICENSE: Some Licence 1.0\n"
    assert target.is_file()


def test_convert_takes_name_and_licence(command, character_folder, tmp_path):
    options = ["--name", "Mika II", "--licence", "CC0"]
    result = command("convert", "tha4-student", character_folder, "-o", tmp_path / "m.safetensors", *options)
    assert "Mika II" in result.out
    assert "licence of the source: CC0" in result.out


@pytest.mark.parametrize("what", ["tha4-student", "tha4"])
def test_convert_refuses_a_wrong_folder(command, tmp_path, what):
    result = command("convert", what, tmp_path, "-o", tmp_path / "x.safetensors")
    assert result.code == 2
    assert str(tmp_path) in result.err
    assert len(result.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_info_of_a_character(command, character):
    result = command("info", character)
    assert result.code == 0
    for text in ("mika", "tha4-student", "Some Licence 1.0", "121,476 face_morpher", "331,567 body_morpher", "45 pose"):
        assert text in result.out
    for name in pose_vector.POSE_NAMES:
        assert name in result.out


def test_info_of_the_bundled_character_says_how_it_was_made(command):
    result = command("info")
    assert result.code == 0
    assert "sora" in result.out
    assert "measured" in result.out


@pytest.mark.parametrize("path", sorted(ASSETS.rglob("*.safetensors")), ids=lambda path: path.stem)
def test_info_of_all_that_ships(command, path):
    result = command("info", path)
    assert (result.code, result.err) == (0, "")
    for text in (path.stem, "licence       Apache-2.0", "parameters", "inputs"):
        assert text in result.out
    assert "unknown" not in result.out


def test_info_of_something_else(command, tmp_path):
    (tmp_path / "x.safetensors").write_text("x")
    (tmp_path / "x.onnx").write_text("x")
    for name in ("x.safetensors", "x.onnx", "missing.safetensors"):
        result = command("info", tmp_path / name)
        assert result.code == 2
        assert name in result.err


def test_a_converted_character_renders(command, character, tmp_path):
    """The whole way of a user: folder, file, picture."""
    target = tmp_path / "still.png"
    result = command("animate", "--character", character, "--pose", "mouth_aaa=1", "-o", target)
    assert result.code == 0, result.err
    assert "licence: LICENSE: Some Licence 1.0" in result.out
    picture = np.asarray(Image.open(target))
    assert picture.shape == (512, 512, 4)
    assert picture[..., :3].std() > 10


def test_sheet_of_expressions(command, fake_renderer, tmp_path):
    target = tmp_path / "sheet.png"
    result = command("sheet", "-o", target, "--size", 32, "--columns", 8)
    assert result.code == 0
    picture = Image.open(target)
    assert picture.size == (8 * 32, 3 * (32 + sheet.LABEL_HEIGHT))
    assert len(fake_renderer) == len(sheet.EXPRESSIONS) == 24


def test_sheet_of_a_track(command, fake_renderer, tmp_path):
    """Four poses of nine, the first and the last among them."""
    track = tmp_path / "t.csv"
    track.write_text("# fps: 1\nmouth_aaa\n" + "\n".join(str(n / 8) for n in range(9)))
    result = command("sheet", "--drive", track, "--count", 4, "-o", tmp_path / "s.png", "--size", 32, "--whole-body")
    assert result.code == 0
    np.testing.assert_allclose(np.stack(fake_renderer)[:, 26] * 8, [0, 3, 5, 8])


@pytest.fixture
def pictures(tmp_path):
    """A red picture, and two videos of four and of two seconds that get brighter with time."""
    Image.new("RGB", (20, 10), (200, 0, 0)).save(tmp_path / "red.png")
    for name, seconds in (("long.mp4", 4), ("short.mp4", 2)):
        with video.open_writer(tmp_path / name, width=32, height=32, fps=4.0, transparent=False) as write:
            for number in range(4 * seconds + 1):
                write(np.full((32, 32, 3), 12 * number, np.uint8))
    return [tmp_path / name for name in ("red.png", "long.mp4", "short.mp4")]


def test_sheet_of_files_side_by_side(command, pictures, tmp_path):
    """Three moments: the first, the middle and the last one of the shorter video."""
    result = command(
        "sheet", *pictures, "--count", 3, "--size", 32, "--background", "#0000ff", "-o", tmp_path / "s.png"
    )
    assert result.code == 0
    picture = np.asarray(Image.open(tmp_path / "s.png")).astype(int)
    assert picture.shape == (3 * (32 + sheet.LABEL_HEIGHT), 3 * 32, 3)
    middles = picture[16 :: 32 + sheet.LABEL_HEIGHT, 16::32]
    np.testing.assert_allclose(middles[:, 0], [[200, 0, 0]] * 3)  # fitted into a square, blue above and below
    np.testing.assert_allclose(picture[2, 16], [0, 0, 255])
    for column in (1, 2):
        np.testing.assert_allclose(middles[:, column, 1], [0, 48, 96], atol=4)


def test_pictures_alone_make_one_row(command, pictures, tmp_path):
    assert command("sheet", pictures[0], pictures[0], "--size", 32, "-o", tmp_path / "s.png").code == 0
    assert Image.open(tmp_path / "s.png").size == (64, 32 + sheet.LABEL_HEIGHT)


def test_a_part_of_files_is_shown(command, tmp_path):
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:26, 30:46] = [0, 90, 0]
    Image.fromarray(picture).save(tmp_path / "green.png")
    result = command("sheet", tmp_path / "green.png", "--crop", "30,10,16", "--size", 16, "-o", tmp_path / "s.png")
    assert result.code == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "s.png"))[:16], np.full((16, 16, 3), [0, 90, 0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--crop", "90,90,16"], "outside"),
        (["--columns", "3"], "--columns is for characters"),
        (["--drive", "t.csv"], "--drive is for characters"),
        (["none.mp4"], "none.mp4: there is no such file"),
    ],
)
def test_sheet_of_files_refuses(command, pictures, tmp_path, options, message):
    result = command("sheet", *pictures, *options, "-o", tmp_path / "s.png")
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "s.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "s.jpg"], "a still picture must be a .png file"),
        (["-o", "s.png", "--background", "transparent"], "a sheet needs a background colour"),
        (["-o", "s.png", "--crop", "0,0,9"], "--crop is for pictures and videos"),
        (["-o", "s.png", "--columns", "0"], "1-64 columns"),
        (["-o", "s.png", "--size", "9"], "16-1024 pixels"),
        (["-o", "s.png", "--drive", "none.csv"], "none.csv: cannot be read"),
    ],
)
def test_sheet_refuses(command, fake_renderer, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    result = command("sheet", *options)
    assert result.code == 2
    assert message in result.err
    assert fake_renderer == []


def test_convert_writes_safetensors_alone(command, character_folder, tmp_path):
    """A user's checkpoint must not be overwritten by its own conversion."""
    target = tmp_path / "model.tar"
    target.write_text("precious")
    result = command("convert", "tha4-student", character_folder, "-o", target)
    assert result.code == 2
    assert "model.tar: the output is a .safetensors file" in result.err
    assert target.read_text() == "precious"
