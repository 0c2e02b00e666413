"""`jaxanim fit` as people call it: a real photograph, videos of it, recordings, and input that shows no face."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest
import skimage.data

from jaxanim.animate import crop, film, video
from jaxanim.cli import fit_pictures
from jaxanim.cli.main import main
from jaxanim.core.errors import InputError
from jaxanim.geometry.open_head import load_open_head
from jaxanim.signals import face_signal, face_track, openface
from jaxanim.tracking import face_tracks, surfaces
from jaxanim.tracking.regressor import files
from jaxanim.tracking.regressor.design import Design
from jaxanim.tracking.regressor.parameters import Statistics
from jaxanim.tracking.regressor.regressor import NETWORK, FaceRegressor
from jaxanim.weights.card import Card

# The astronaut's points by hand, in pixels: eyes' centres, tip of the nose, corners of the mouth.
ASTRONAUT = np.array([[202.5, 100.8], [248.3, 103.3], [224.2, 126.7], [203.3, 139.7], [248.3, 140.0]])


def five(landmarks):
    return np.stack([landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0), *landmarks[[30, 48, 54]]])


@pytest.fixture(scope="module")
def astronaut():
    return np.asarray(skimage.data.astronaut())


@pytest.fixture(scope="module")
def photo(astronaut, tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "astronaut.png"
    PIL.Image.fromarray(astronaut).save(path)
    return path


@pytest.fixture(scope="module")
def fitted(photo, tmp_path_factory):
    """What the command makes of the photo."""
    folder = tmp_path_factory.mktemp("fit")
    assert main(["fit", str(photo), "-o", str(folder / "fit.npz"), "--preview", str(folder / "fit.png")]) == 0
    return folder


def test_a_photograph(fitted, astronaut):
    track = face_track.load(fitted / "fit.npz")
    assert track.found.tolist() == [True]
    assert track.confidence[0] > 0.8
    error = np.linalg.norm(five(track.landmarks68[0]) - ASTRONAUT, axis=-1) / np.linalg.norm(
        ASTRONAUT[1] - ASTRONAUT[0]
    )
    assert error.mean() < 0.18  # of the eyes' distance; on drawn people it is a few hundredths
    assert error.max() < 0.3
    assert np.abs(track.head_degrees[0]).max() < 20
    assert track.expression[0].max() <= 1
    assert track.pose.shape == (1, 45)
    assert track.action_units[0][openface.action_units.NAMES.index("AU12")] > 0.5  # she smiles
    preview = np.asarray(PIL.Image.open(fitted / "fit.png"))
    assert preview.shape == astronaut.shape
    assert (preview[90:150, 200:250] != astronaut[90:150, 200:250]).any()
    assert (preview[300:] == astronaut[300:]).mean() > 0.5  # the suit is left alone


def test_a_fit_drives_a_photo(fitted, photo, tmp_path):
    arguments = ["animate", str(photo), "--system", "atw", "--crop", "face", "--drive", str(fitted / "fit.npz")]
    assert main([*arguments, "--fps", "5", "-o", str(tmp_path / "frames")]) == 0
    assert len(list((tmp_path / "frames").iterdir())) == 1


@pytest.mark.parametrize("of_photo", [False, True])
def test_a_video_drives(astronaut, photo, tmp_path, of_photo):
    clip, frames = tmp_path / "clip.mp4", tmp_path / "frames"
    with video.open_writer(clip, width=256, height=256, fps=10.0, transparent=False) as write:
        for _ in range(3):
            write(np.ascontiguousarray(astronaut[:256, 100:356]))
    target = [str(photo), "--system", "atw", "--crop", "face"] if of_photo else ["--size", "64"]
    assert main(["animate", *target, "--drive", str(clip), "--fps", "10", "-o", str(frames)]) == 0
    assert len(list(frames.iterdir())) == 3
    assert main(["animate", *target, "--drive", str(clip), "--track-fps", "9", "-o", str(tmp_path / "no")]) == 2


def test_the_square_around_a_head(astronaut):
    box = fit_pictures.head_box(astronaut)
    assert box.width == box.height
    assert box.x < ASTRONAUT[:, 0].min() < ASTRONAUT[:, 0].max() < box.x + box.width
    assert 90 < box.width < 220


def test_somebody_in_a_photo(astronaut):
    """In all of it, or in a square that reaches over its edge: the same pixels of the photo, up to the fit's noise."""
    everywhere = fit_pictures.person_in(astronaut, "largest", within=None)
    inside = fit_pictures.person_in(astronaut, "largest", within=crop.Box(120, -20, 240, 240))
    assert everywhere.people == inside.people == 1
    for seen in (everywhere, inside):
        error = np.linalg.norm(five(seen.track.landmarks68[0]) - ASTRONAUT, axis=-1)
        assert error.mean() < 0.18 * 46
        model = surfaces.landmarks_px(load_open_head(), face_tracks.fit_of(seen.track, 0), 68)[0]
        assert np.abs(five(model) - five(seen.track.landmarks68[0])).max() < 12
        assert list(seen.track.size) == [512, 512]
    pair = np.concatenate([astronaut[20:220, 120:320]] * 2, axis=1)
    right = fit_pictures.person_in(pair, 1, within=None)
    assert right.people == 2
    assert right.track.landmarks68[0, :, 0].mean() > 200
    with pytest.raises(InputError, match="no face found; --crop has to hold the face"):
        fit_pictures.person_in(astronaut, "largest", within=crop.Box(0, 300, 200, 200))


def test_a_drive_without_a_face(photo, tmp_path, capsys):
    clip = tmp_path / "wall.mp4"
    with video.open_writer(clip, width=64, height=64, fps=10.0, transparent=False) as write:
        write(np.full((64, 64, 3), 128, np.uint8))
    command = ["animate", str(photo), "--system", "geometric", "--drive", str(clip), "-o", str(tmp_path / "out.mp4")]
    assert main(command) == 2
    assert "wall.mp4: no face found" in capsys.readouterr().err
    assert not (tmp_path / "out.mp4").exists()


def test_a_video_in_which_the_face_leaves_and_returns(astronaut, tmp_path):
    path, empty = tmp_path / "film.mp4", np.full((256, 256, 3), 128, np.uint8)
    with video.open_writer(path, width=256, height=256, fps=10.0, transparent=False) as write:
        for number in range(6):
            left = 100 + 2 * number
            write(empty if number in (2, 3) else np.ascontiguousarray(astronaut[:256, left : left + 256]))
    assert main(["fit", str(path), "-o", str(tmp_path / "held.npz"), "--preview", str(tmp_path / "p.mp4")]) == 0
    held = face_track.load(tmp_path / "held.npz")
    assert held.found.tolist() == [True, True, False, False, True, True]
    assert held.time.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    moved = held.landmarks68[4].mean(axis=0) - held.landmarks68[0].mean(axis=0)
    assert moved[0] == pytest.approx(-8, abs=5)
    assert main(["fit", str(path), "-o", str(tmp_path / "left.npz"), "--on-missing", "skip"]) == 0
    assert len(face_track.load(tmp_path / "left.npz").time) == 4
    assert main(["fit", str(path), "-o", str(tmp_path / "none.npz"), "--on-missing", "error"]) == 2
    assert not (tmp_path / "none.npz").exists()


def test_two_faces(astronaut, tmp_path):
    face = astronaut[20:220, 120:320]
    pair = np.concatenate([face, face[:, ::-1]], axis=1)
    PIL.Image.fromarray(pair).save(tmp_path / "two.png")
    assert main(["fit", str(tmp_path / "two.png"), "-o", str(tmp_path / "fit.npz"), "--face", "all"]) == 0
    tracks = [face_track.load(tmp_path / f"fit_{number}.npz") for number in (0, 1)]
    assert sorted(track.landmarks68[0, :, 0].mean() > 200 for track in tracks) == [False, True]
    assert main(["fit", str(tmp_path / "two.png"), "-o", str(tmp_path / "x.npz"), "--face", "1"]) == 0
    assert face_track.load(tmp_path / "x.npz").landmarks68[0, :, 0].mean() > 200
    assert main(["fit", str(tmp_path / "two.png"), "-o", str(tmp_path / "y.npz"), "--face", "2"]) == 2


def test_a_photo_that_a_camera_turned(astronaut, tmp_path):
    turned = PIL.Image.fromarray(np.ascontiguousarray(np.rot90(astronaut[:256, 100:356])))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    assert main(["fit", str(tmp_path / "turned.jpg"), "-o", str(tmp_path / "fit.npz")]) == 0
    track = face_track.load(tmp_path / "fit.npz")
    error = np.linalg.norm(five(track.landmarks68[0]) - (ASTRONAUT - [100, 0]), axis=-1)
    assert error.mean() < 0.18 * 46


def test_a_recording(tmp_path):
    names = openface.action_units.NAMES
    header = ["frame", "timestamp", "confidence", "success", *(f"{n}_r" for n in names)]
    header += ["pose_Rx", "pose_Ry", "pose_Rz", "gaze_angle_x", "gaze_angle_y"]
    rows = [[n + 1, n / 25, 0.9, 1, *([0.0] * 17), 0.0, -0.3, 0.0, 0.0, 0.0] for n in range(3)]
    text = "\n".join(",".join(map(str, row)) for row in [header, *rows])
    (tmp_path / "of.csv").write_text(text)
    assert main(["fit", str(tmp_path / "of.csv"), "-o", str(tmp_path / "fit.npz")]) == 0
    track = face_track.load(tmp_path / "fit.npz")
    assert track.fps == pytest.approx(25)
    assert track.head_degrees[:, 0] == pytest.approx(np.rad2deg(0.3), abs=0.5)  # to the picture's right
    nose, eyes = track.landmarks68[0, 30], track.landmarks68[0, 36:48].mean(axis=0)
    assert nose[0] > eyes[0] + 3
    assert main(["fit", str(tmp_path / "of.csv"), "-o", str(tmp_path / "f.npz"), "--preview", "p.png"]) == 2


@pytest.mark.parametrize(
    "options", [["--face", "0"], ["--on-missing", "skip"], ["--no-smoothing"], ["--regressor", "r.safetensors"]]
)
def test_options_that_a_recording_does_not_take(tmp_path, capsys, options):
    (tmp_path / "of.csv").write_text("frame\n")
    assert main(["fit", str(tmp_path / "of.csv"), "-o", str(tmp_path / "fit.npz"), *options]) == 2
    assert f"{options[0]} is for pictures" in capsys.readouterr().err


def test_a_recording_that_does_not_say_its_rate(tmp_path, capsys):
    frame = dict.fromkeys(face_signal.EXPRESSIONS, 0.1)
    (tmp_path / "mp.jsonl").write_text("\n".join([json.dumps(frame)] * 5))
    command = ["fit", str(tmp_path / "mp.jsonl"), "-o", str(tmp_path / "fit.npz")]
    assert main(command) == 2
    assert "give --track-fps" in capsys.readouterr().err
    assert main([*command, "--track-fps", "10"]) == 0
    assert face_track.load(tmp_path / "fit.npz").time == pytest.approx(np.arange(5) / 10)


@pytest.mark.parametrize(("ending", "frames", "fps"), [(".gif", 6, 30.0), (".mp4", 12, 60.0)])
def test_a_preview_is_as_fast_as_the_video(tmp_path, ending, frames, fps):
    """A gif cannot tell 60 frames a second apart, and shows every other one."""
    clip, preview = tmp_path / "clip.mp4", tmp_path / f"preview{ending}"
    with video.open_writer(clip, width=64, height=64, fps=60.0, transparent=False) as write:
        for number in range(12):
            write(np.full((64, 64, 3), 20 * number, np.uint8))
    source = fit_pictures.FileSource(clip)
    assert len(list(source.frames())) == 12
    fit_pictures._draw(preview, source, [])
    shown = film.Film(preview)
    assert len(list(shown.frames())) == frames
    assert shown.fps == pytest.approx(fps, rel=0.12)  # a gif counts hundredths


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: PIL.Image.new("RGB", (200, 200), (90, 120, 60)).save(path), "photo.png: no face"),
        (lambda path: PIL.Image.fromarray(np.zeros((8, 8), np.uint16)).save(path), "8-bit"),
        (lambda path: path.write_bytes(b"\x89PNG nothing"), "photo.png"),
        (lambda path: None, "photo.png"),
    ],
)
def test_pictures_without_a_face(tmp_path, capsys, make, said):
    make(tmp_path / "photo.png")
    assert main(["fit", str(tmp_path / "photo.png"), "-o", str(tmp_path / "fit.npz")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "fit.npz").exists()


def test_a_regressor_of_something_else(photo, tmp_path, capsys):
    design = Design("bfm", 199, 29, width=8, hidden=8, size=32)
    count = design.parameters
    other = FaceRegressor(design, Statistics(jnp.zeros(count), jnp.ones(count)))
    params = other.init(jax.random.key(0))["params"][NETWORK]
    files.write_regressor(tmp_path / "other.safetensors", Card(files.SYSTEM, "other", "CC0", "a test"), other, params)
    options = ["--regressor", str(tmp_path / "other.safetensors")]
    assert main(["fit", str(photo), "-o", str(tmp_path / "fit.npz"), *options]) == 2
    assert "parameters of bfm" in capsys.readouterr().err
    assert not (tmp_path / "fit.npz").exists()


def test_a_head_that_is_not_there(tmp_path, capsys):
    PIL.Image.new("RGB", (200, 200), (90, 120, 60)).save(tmp_path / "wall.png")
    command = ["animate", str(tmp_path / "wall.png"), "--system", "atw", "--crop", "face", "--expression", "smile"]
    assert main([*command, "-o", str(tmp_path / "out.mp4")]) == 2
    assert "no face found; give the square that holds it, --crop X,Y,SIZE" in capsys.readouterr().err


def test_a_face_of_eight_pixels_is_none(astronaut, tmp_path):
    small = PIL.Image.fromarray(astronaut[60:200, 160:300]).resize((10, 10))
    ground = PIL.Image.new("RGB", (200, 200), (200, 200, 190))
    ground.paste(small, (80, 80))
    ground.save(tmp_path / "photo.png")
    assert main(["fit", str(tmp_path / "photo.png"), "-o", str(tmp_path / "fit.npz")]) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "fit.txt"], ".npz"),
        (["-o", "fit.npz", "--face", "left"], "largest, all"),
        (["-o", "fit.npz", "--detector", "x.pt"], "detectors are"),
        (["-o", "fit.npz", "--regressor", "nowhere.safetensors"], "nowhere"),
        (["-o", "fit.npz", "--preview", "p.mp4"], ".png"),
        (["-o", "fit.npz", "--track-fps", "25"], "--track-fps is for recordings"),
    ],
)
def test_options_that_cannot_be(photo, tmp_path, monkeypatch, capsys, options, said):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", str(photo), *options]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
