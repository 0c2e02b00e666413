"""`jaxanim animate PHOTO --system geometric`: fits, keyframes, expressions and edits; what is refused beforehand.

The head of the photo is known here; that it is found is tested with `jaxanim fit`.
"""

import numpy as np
import pytest
from PIL import Image

from jaxanim.animate import heads as models
from jaxanim.cli import fit_pictures
from jaxanim.signals import face_track
from jaxanim.signals.face_signal import INDEX
from tests.animate import heads

KEYS = "time,yaw,jaw\n0,0,0\n0.2,15,0\n0.3,80,0.5\n"


pytestmark = pytest.mark.usefixtures("compile_fast")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A photo, a fit of three frames and keyframes."""
    folder = tmp_path_factory.mktemp("heads")
    Image.fromarray(heads.photo()).save(folder / "photo.png")
    moves = heads.signal(degrees=[(0, 0, 0), (10, 0, 0), (20, 0, 0)])
    face_track.save(folder / "fit.npz", heads.track(moves))
    (folder / "keys.csv").write_text(KEYS)
    (folder / "aus.csv").write_text("frame, timestamp, confidence, success, AU01_r\n1, 0, 1, 1, 2\n")
    (folder / "notes.txt").write_text("nothing")
    np.savez(folder / "flame.npz", shape=np.zeros(100), expression=np.zeros((1, 50)))
    return folder


@pytest.fixture
def found(monkeypatch):
    """Pretends that the photo's head was found; returns which was asked for, and how many there are."""
    asked = {"people": 1}

    def person_in(photo, which, *, within):
        asked.update(which=which, within=within)
        return fit_pictures.InPhoto(heads.track(), asked["people"])

    monkeypatch.setattr(fit_pictures, "person_in", person_in)
    return asked


@pytest.fixture
def rows(monkeypatch):
    """Keeps what drives the system in place of rendering it."""
    seen = []

    class Still(models.PhotoAnimator):
        def __init__(self, *given, **more):
            pass

        def frames(self, drives):
            seen.append(np.array(drives))
            return (heads.photo() for _ in drives)

    monkeypatch.setattr(models, "PhotoAnimator", Still)
    return seen


def photo_command(folder, *more, system="geometric"):
    return ["animate", folder / "photo.png", "--system", system, "--mode", "none", "--fps", 10, *more]


def frames_of(path):
    return [np.asarray(Image.open(frame)) for frame in sorted(path.iterdir())]


@pytest.mark.sweep  # the README's commands do the same
def test_a_fit_moves_the_head_and_the_first_frame_is_the_photo(command, folder, found, tmp_path):
    options = ["--drive", folder / "fit.npz", "--mode", "vanilla", "-o", tmp_path / "a"]
    result = command(*photo_command(folder, *options))
    assert result.code == 0, result.err
    assert "displacements of the open head (geometric); licence: Apache-2.0" in result.out
    assert result.err == ""
    first, second, third = (frame.astype(int) for frame in frames_of(tmp_path / "a"))
    np.testing.assert_array_equal(first, heads.photo())
    assert np.abs(second - first).mean() > 1
    assert np.abs(third - first).mean() > np.abs(second - first).mean()
    assert (third[[0, -1]] == first[[0, -1]]).all()


def test_a_picture_of_an_edit(command, folder, found, rows, tmp_path):
    result = command(*photo_command(folder, "--edit", "yaw=-20,jaw=0.3", "-o", tmp_path / "a.png"))
    assert result.code == 0, result.err
    assert Image.open(tmp_path / "a.png").size == (96, 96)
    assert rows[0].shape == (1, 115)
    assert rows[0][0, 52] == pytest.approx(-20, abs=1e-4)
    assert rows[0][0, INDEX["jawOpen"]] == pytest.approx(0.3)


def test_an_edit_comes_and_goes(command, folder, found, rows, tmp_path):
    options = ["--edit", "roll=10", "--duration", 1, "-o", tmp_path / "a"]
    assert command(*photo_command(folder, *options)).code == 0
    roll = rows[0][:, 54]
    assert len(roll) == 10
    assert roll[[0, -1]] == pytest.approx([0, 0], abs=1e-4)
    assert roll.max() == pytest.approx(10, abs=1e-4)


def test_an_expression_and_an_edit(command, folder, found, rows, tmp_path):
    options = ["--expression", "smile=0.5", "--edit", "yaw=5", "--duration", 1, "-o", tmp_path / "a"]
    assert command(*photo_command(folder, *options)).code == 0
    smile = rows[0][:, INDEX["mouthSmileLeft"]]
    assert smile[0] == 0
    assert smile.max() > 0.2
    assert rows[0][:, 52] == pytest.approx(np.full(10, 5.0), abs=1e-4)


def test_keyframes_and_limits(command, folder, found, rows, tmp_path):
    result = command(*photo_command(folder, "--drive", folder / "keys.csv", "-o", tmp_path / "a"))
    assert result.code == 0, result.err
    assert "the head is turned too far in 1 of 4 frames and stops at 60 degrees of yaw" in result.err
    assert rows[0][:, 52] == pytest.approx([0, rows[0][1, 52], 15, 60], abs=1e-3)


@pytest.mark.parametrize(("how", "first"), [([], 0.0), (["--relative"], 0.0), (["--absolute"], 10.0)])
def test_relative_and_absolute(command, folder, found, rows, tmp_path, how, first):
    face_track.save(tmp_path / "fit.npz", heads.track(heads.signal(degrees=[(10, 0, 0), (30, 0, 0)])))
    assert command(*photo_command(folder, "--drive", tmp_path / "fit.npz", *how, "-o", tmp_path / "a")).code == 0
    assert rows[0][:, 52] == pytest.approx([first, first + 20], abs=1e-3)


def test_several_people(command, folder, found, rows, tmp_path):
    found["people"] = 3
    edit = ["--edit", "yaw=1", "-o", tmp_path / "a.png"]
    assert "3 faces found, the largest is animated; --face 0" in command(*photo_command(folder, *edit)).err
    assert command(*photo_command(folder, *edit, "--face", 2)).err == ""
    assert found["which"] == 2
    command(*photo_command(folder, *edit, "--crop", "10,10,64"))
    assert found["within"].width == 64


def test_squares_of_whole_pixels():
    """A model of 128 wants squares of 128, 256, ...; the middle stays."""
    box = models.fill_pixels(fit_pictures.crop.Box(10, 20, 300, 300), 128)
    assert (box.x, box.y, box.width, box.height) == (32, 42, 256, 256)
    assert models.fill_pixels(fit_pictures.crop.Box(10, 10, 40, 40), 128).width == 128
    assert models.fill_pixels(fit_pictures.crop.Box(10, 10, 180, 180), 128).width == 256  # not three quarters of a face
    assert [models.geometric_model(side).size for side in (60, 256, 300, 1000)] == [64, 256, 160, 256]


EDIT, SMILE = ["--edit", "yaw=1"], ["--expression", "smile"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: photo_command(f, *EDIT, "--weights", "a.safetensors"), "the geometric system has none"),
        (lambda f: photo_command(f, *EDIT, system="gdpw"), "no gdpw model ships with this version"),
        (lambda f: photo_command(f, *EDIT, system="atw"), "--edit is for systems that a head drives"),
        (lambda f: photo_command(f, *SMILE, "-o", "a.png"), "cannot write .png videos"),
        (photo_command, "a photo takes --expression, --drive or --edit"),
        (lambda f: photo_command(f, "--edit", "nose=1"), "unknown movement 'nose'"),
        (lambda f: photo_command(f, *EDIT, "--fit", "pad"), "--fit is for"),
        (lambda f: photo_command(f, *EDIT, "--absolute"), "are for --drive"),
        (lambda f: photo_command(f, *EDIT, "--start", 1), "--start is for tracks"),
        (lambda f: photo_command(f, "--drive", f / "aus.csv"), "jaxanim fit RECORDING -o fit.npz"),
        (lambda f: photo_command(f, "--drive", f / "notes.txt"), "heads are driven by videos"),
        (lambda f: photo_command(f, "--drive", f / "flame.npz"), "it holds expression, shape"),
        (lambda f: photo_command(f, "--drive", f / "none.npz"), "none.npz"),
        (lambda f: photo_command(f, "--drive", f / "fit.npz", "--duration", 1), "--duration is for expressions"),
        (lambda f: photo_command(f, "--drive", f / "fit.npz", "--track-fps", 1), "fits have their times"),
        (lambda f: photo_command(f, "--expression", "grin"), "unknown expression 'grin'"),
        (lambda f: photo_command(f, *EDIT, "--crop", "500,0,64"), "lies outside of the photo"),
        (lambda f: photo_command(f, *EDIT, "--face", "all"), "largest, or a number"),
        (lambda f: ["animate", "--motion", "idle", *EDIT], "--edit is for photos"),
        (lambda f: photo_command(f, *EDIT, "--relative", "--absolute"), "not allowed with"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(command, folder, found, tmp_path, monkeypatch, make, message):
    monkeypatch.setattr(models, "bundled_gdpw", lambda: None)
    arguments = make(folder)
    result = command(*arguments, *([] if "-o" in arguments else ["-o", tmp_path / "a.mp4"]))
    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
