"""`jaxanim animate PHOTO`: expressions and tracks to every output, sizes, crops, and what is refused beforehand."""

import av
import numpy as np
import pytest
from PIL import Image

from jaxanim.animate import faces
from jaxanim.signals import face_track
from tests.animate import models
from tests.signals import test_face_track, test_openface

CROP = ["--crop", "10,4,64"]


pytestmark = pytest.mark.usefixtures("compile_fast")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A photo of 91x75, a square one, two models and a track."""
    folder = tmp_path_factory.mktemp("photo")
    pixels = np.random.default_rng(0).integers(0, 256, (75, 91, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    Image.fromarray(pixels[:64, :64]).save(folder / "square.png")
    models.write_units(folder / "units.safetensors")
    models.write_classes(folder / "classes.safetensors")
    rows = [(1, 0.0, 1, 0.0), (2, 0.1, 0, 9.0), (3, 0.2, 1, 4.0), (4, 0.3, 1, 7.0)]
    test_openface.write(folder / "aus.csv", rows)
    return folder


def photo_command(folder, *more, photo="photo.png", model="units"):
    return ["animate", folder / photo, "--system", "atw", "--weights", folder / f"{model}.safetensors", *more]


def frames_of(path):
    return [np.asarray(Image.open(frame)) for frame in sorted(path.iterdir())]


def test_an_expression_in_a_crop(command, folder, tmp_path):
    result = command(
        *photo_command(folder, *CROP, "--expression", "smile", "--duration", 0.5, "--fps", 10, "-o", tmp_path / "a")
    )
    assert result.code == 0, result.err
    assert "tiny units (atw); licence: none needed" in result.out
    assert "a: 5 frames, 91x75, 0.50 s at 10 fps" in result.out
    photo = np.asarray(Image.open(folder / "photo.png"))
    frames = frames_of(tmp_path / "a")
    outside = np.full(photo.shape[:2], True)
    outside[4:68, 10:74] = False
    assert all((frame[outside] == photo[outside]).all() for frame in frames)
    np.testing.assert_array_equal(frames[0], frames[-1])  # it comes and goes
    assert (frames[0] != frames[2]).any()


def test_a_track_of_action_units(command, folder, tmp_path):
    """Four frames, one without a face, and 17 intensities above 5."""
    result = command(*photo_command(folder, *CROP, "--drive", folder / "aus.csv", "--fps", 10, "-o", tmp_path / "a"))
    assert result.code == 0, result.err
    assert "no face in 1 frames" in result.err
    assert "17 intensities were outside 0 to 5" in result.err
    frames = frames_of(tmp_path / "a")
    assert len(frames) == 4
    assert (frames[0] != frames[3]).any()


def test_a_fit(command, folder, tmp_path):
    """What `jaxanim fit` wrote moves a face by its action units; here all of them rise from frame to frame."""
    track = test_face_track.make(action_units=np.repeat([[0.0], [2.0], [6.0]], 17, axis=1))
    face_track.save(tmp_path / "fit.npz", track)
    drive = ["--drive", tmp_path / "fit.npz"]
    result = command(*photo_command(folder, *CROP, *drive, "--fps", 25, "-o", tmp_path / "a"))
    assert result.code == 0, result.err
    assert "17 intensities were outside 0 to 5" in result.err
    frames = frames_of(tmp_path / "a")
    assert len(frames) == 3
    assert (frames[0] != frames[2]).any()
    result = command(*photo_command(folder, *CROP, *drive, "--track-fps", 5, "-o", tmp_path / "b"))
    assert result.code == 2
    assert "a fit has its times" in result.err


def test_a_class_and_its_amount(command, folder, tmp_path):
    more = ["--mode", "none", "--expression", "happy=0.5", "--duration", 0.3, "--fps", 10, "-o", tmp_path / "a"]
    assert command(*photo_command(folder, *more, photo="square.png", model="classes")).code == 0
    first, middle, last = frames_of(tmp_path / "a")
    np.testing.assert_array_equal(first, last)
    assert (first != middle).any()


def test_odd_photos_are_cut_where_a_format_needs_it(command, folder, tmp_path):
    more = ["--mode", "none", "--expression", "blink", "--duration", 0.3, "--fps", 10, "-o", tmp_path / "a.mp4"]
    result = command(*photo_command(folder, *CROP, *more))
    assert result.code == 0, result.err
    assert "cut to 90x74" in result.err
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert [frame.to_ndarray(format="rgb24").shape for frame in container.decode(video=0)] == [(74, 90, 3)] * 3


@pytest.mark.parametrize(
    ("more", "shape"),
    [(["--size", "40x20", *CROP], (20, 40)), (["--fit", "anisotropic"], (75, 91))],
)
def test_sizes_and_fits(command, folder, tmp_path, more, shape):
    more = [*more, "--mode", "none", "--expression", "sad", "--duration", 0.3, "--fps", 10, "-o", tmp_path / "a.gif"]
    assert command(*photo_command(folder, *more)).code == 0
    assert Image.open(tmp_path / "a.gif").size == shape[::-1]


def test_the_bundled_model_is_used_once_it_is_there(command, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(faces, "bundled_models", lambda: {"units": folder / "units.safetensors"})
    more = ["--mode", "none", "--expression", "fear", "--duration", 0.3, "--fps", 10, "-o", tmp_path / "a"]
    assert command("animate", folder / "square.png", "--system", "atw", *more).code == 0


def test_a_model_that_ships_is_chosen_by_its_name(command, folder, tmp_path, monkeypatch):
    shipped = {name: folder / f"{name}.safetensors" for name in ("units", "classes")}
    monkeypatch.setattr(faces, "bundled_models", lambda: shipped)
    more = ["--weights", "classes", "--mode", "none", "--expression", "happy", "--duration", 0.3, "--fps", 10]
    assert command("animate", folder / "square.png", "--system", "atw", *more, "-o", tmp_path / "a").code == 0


SMILE = ["--expression", "smile"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: photo_command(f, *SMILE), "is 91x75, not square: find the head with --crop face"),
        (lambda f: photo_command(f, *CROP, "--expression", "grin"), "unknown expression 'grin'"),
        (lambda f: photo_command(f, *CROP, *SMILE, model="classes"), "this model knows neutral, happy"),
        (lambda f: photo_command(f, *CROP, "--expression", "smile=2"), "NAME=AMOUNT"),
        (lambda f: photo_command(f, *CROP, "--drive", f / "aus.csv", model="classes"), "is driven by classes"),
        (lambda f: photo_command(f, *CROP, "--drive", f / "photo.png"), "a .csv file as OpenFace writes it"),
        (lambda f: photo_command(f, "--crop", "1,2", *SMILE), "not of the form x,y,size"),
        (lambda f: photo_command(f, "--crop", "500,0,64", *SMILE), "lies outside of the photo, which is 91x75"),
        (lambda f: photo_command(f, *CROP, "--fit", "pad", *SMILE), "--fit is for whole photos"),
        (lambda f: photo_command(f, *CROP, *SMILE, photo="none.png"), "none.png: no such file"),
        (lambda f: photo_command(f, *CROP, *SMILE, photo="aus.csv"), "aus.csv: not a readable picture"),
        (lambda f: photo_command(f, *CROP, *SMILE, model="none"), "none.safetensors"),
        (
            lambda f: ["animate", f / "photo.png", "--system", "atw", "--weights", "moods", *SMILE],
            "moods: no such file",
        ),
        (lambda f: photo_command(f, *CROP, *SMILE, "--background", "transparent"), "a photo covers everything"),
        (lambda f: photo_command(f, *CROP, *SMILE, "--duration", 0.01), "three frames or more"),
        (lambda f: photo_command(f, *CROP, *SMILE, "--start", 1), "--start is for tracks"),
        (lambda f: photo_command(f, *CROP, "--drive", f / "aus.csv", "--duration", 1), "--duration is for expressions"),
        (lambda f: photo_command(f, *CROP, *SMILE, "--fps", 0), "frames per second of a mp4 must be"),
        (lambda f: photo_command(f, *CROP, *SMILE, "--character", "a.safetensors"), "--character is for characters"),
        (lambda f: photo_command(f, *CROP, "--motion", "idle"), "--motion is for characters"),
        (lambda f: photo_command(f, *CROP, *SMILE, "--official-output"), "--official-output is for characters"),
        (lambda f: ["animate", f / "photo.png", *SMILE], "say what animates the photo with --system atw"),
        (lambda f: ["animate", f / "photo.png", "--system", "atw", *SMILE], "no atw model ships"),
        (lambda f: ["animate", *SMILE], "--expression is for photos: jaxanim animate PHOTO --system atw"),
        (lambda f: ["animate", "--motion", "idle", "--crop", "0,0,64"], "--crop is for photos"),
        (lambda f: ["animate", f / "photo.png", "--system", "f3a", *SMILE], "invalid choice: 'f3a'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(command, folder, tmp_path, monkeypatch, make, message):
    monkeypatch.setattr(faces, "bundled_models", dict)
    result = command(*make(folder), "-o", tmp_path / "a.mp4")
    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
