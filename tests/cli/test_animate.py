"""`jaxanim animate`: every drive, every output, timing, and what is refused before any work is done."""

import json

import av
import numpy as np
import pytest
from PIL import Image

from jaxanim.cli import animate
from jaxanim.core.errors import InputError
from jaxanim.signals import face_track, motions, pose_vector, tracks
from tests.signals import test_face_track

COLOR_TOLERANCE = 6  # levels: H.264 at high quality


def read_video(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_motion_to_mp4(command, fake_renderer, tmp_path):
    target = tmp_path / "talk.mp4"
    result = command("animate", "--motion", "talk", "--duration", 1, "--fps", 10, "-o", target, "--size", 64)
    assert result.code == 0, result.err
    frames = read_video(target)
    assert len(frames) == 10
    assert frames[0].shape == (64, 64, 3)
    expected = motions.make_motion("talk", duration=1.0, fps=10.0, seed=0).pose
    np.testing.assert_array_equal(np.stack(fake_renderer), expected)
    for frame, pose in zip(frames, expected, strict=True):
        assert abs(int(frame[32, 48, 0]) - 255 * pose[26]) <= COLOR_TOLERANCE
        assert frame[32, 16].min() >= 255 - COLOR_TOLERANCE  # mp4 cannot be transparent: white
    assert "licence: none needed" in result.out
    assert f"{target}: 10 frames, 64x64, 1.00 s at 10 fps" in result.out


def test_another_seed_is_another_performance(command, fake_renderer, tmp_path):
    for seed in (1, 2):
        command(
            "animate", "--motion", "look", "--duration", 2, "--fps", 5, "--seed", seed, "-o", tmp_path / f"{seed}.gif"
        )
    poses = np.stack(fake_renderer)
    assert np.abs(poses[:10] - poses[10:]).max() > 0.1


def test_start_and_end_cut_a_motion(command, fake_renderer, tmp_path):
    options = ["--motion", "talk", "--fps", 10, "--size", 32]
    assert command("animate", *options, "--start", 1, "--end", 1.5, "-o", tmp_path / "a.gif").code == 0
    whole = motions.make_motion("talk", duration=1.5, fps=10.0, seed=0).pose
    np.testing.assert_array_equal(np.stack(fake_renderer), whole[10:])


@pytest.mark.parametrize("suffix", [".csv", ".json", ".npz"])
def test_tracks(command, fake_renderer, tmp_path, suffix):
    """Four frames at 4 fps, played at 8: every second frame is between two of the track."""
    mouth = [0.0, 1.0, 0.5, 0.0]
    track = tmp_path / f"track{suffix}"
    if suffix == ".csv":
        track.write_text("# fps: 4\nmouth_aaa\n" + "\n".join(map(str, mouth)))
    elif suffix == ".json":
        track.write_text(json.dumps({"fps": 4, "frames": [{"mouth_aaa": value} for value in mouth]}))
    else:
        np.savez(track, fps=4.0, mouth_aaa=np.array(mouth))
    assert command("animate", "--drive", track, "--fps", 8, "-o", tmp_path / "a.gif", "--size", 32).code == 0
    np.testing.assert_allclose(np.stack(fake_renderer)[:, 26], [0, 0.5, 1, 0.75, 0.5, 0.25, 0], atol=1e-6)


def test_a_fit(command, fake_renderer, tmp_path):
    """What `jaxanim fit` wrote drives a character by its poses and times."""
    pose = np.zeros((3, 45), np.float32)
    pose[:, 26] = [0.0, 0.5, 1.0]
    face_track.save(tmp_path / "fit.npz", test_face_track.make(pose=pose))
    fit = tmp_path / "fit.npz"
    assert command("animate", "--drive", fit, "--fps", 25, "-o", tmp_path / "a.gif", "--size", 32).code == 0
    np.testing.assert_allclose(np.stack(fake_renderer)[:, 26], [0, 0.5, 1], atol=1e-6)


def test_mocap_recording(command, fake_renderer, tmp_path):
    packet = "jawOpen&{jaw}|=head#0,-5,0,0,0,0|"
    recording = tmp_path / "take.txt"
    recording.write_text("\n".join(packet.format(jaw=jaw) for jaw in (0, 0, 100)))
    assert command("animate", "--drive", recording, "--fps", 60, "-o", tmp_path / "a.apng", "--size", 32).code == 0
    poses = np.stack(fake_renderer)
    np.testing.assert_allclose(poses[:, pose_vector.POSE_INDEX["head_y"]], 0.5, atol=1e-6)
    assert poses[0, 26] == 0.0
    assert poses[2, 26] > 0.1


def test_values_out_of_range_are_clamped_and_counted(command, fake_renderer, tmp_path):
    track = tmp_path / "t.csv"
    track.write_text("# fps: 10\nmouth_aaa,head_x\n2,0\n0.5,-3\n")
    result = command("animate", "--drive", track, "-o", tmp_path / "a.gif", "--size", 32, "--fps", 10)
    assert result.code == 0
    assert result.err == "jaxanim: warning: 2 pose numbers were outside their range and have been clamped\n"
    np.testing.assert_allclose(np.stack(fake_renderer)[:, [26, 39]], [[1, 0], [0.5, -1]])


def test_still(command, fake_renderer, tmp_path):
    target = tmp_path / "still.png"
    result = command("animate", "--pose", "mouth_aaa=1,eye_wink=0.5,head_y=-0.4", "-o", target)
    assert result.code == 0
    picture = np.asarray(Image.open(target))
    assert picture.shape == (512, 512, 4)
    assert picture[0, 400].tolist() == [255, 0, 0, 255]
    assert picture[0, 100, 3] == 0
    expected = pose_vector.make_pose({"mouth_aaa": 1, "eye_wink_left": 0.5, "eye_wink_right": 0.5, "head_y": -0.4})
    np.testing.assert_allclose(fake_renderer[0], expected)


def test_still_on_a_colour_at_another_size(command, fake_renderer, tmp_path):
    target = tmp_path / "still.png"
    assert (
        command("animate", "--pose", "mouth_aaa=1", "-o", target, "--size", "60x31", "--background", "blue").code == 0
    )
    picture = np.asarray(Image.open(target))
    assert picture.shape == (31, 60, 3)
    assert picture[15, 2].tolist() == [0, 0, 255]  # beside the square frame
    assert picture[15, 38].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("name", "transparent"), [("a.webm", True), ("a.mov", True), ("a.apng", True), ("a.gif", False)]
)
def test_background_is_transparent_where_it_can_be(command, fake_renderer, tmp_path, name, transparent):
    del fake_renderer
    target = tmp_path / name
    assert command("animate", "--motion", "idle", "--duration", 0.2, "-o", target, "--size", 32).code == 0
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        has_alpha = stream.codec_context.format.name in ("yuva420p", "yuva444p12le", "yuva444p10le", "rgba")
        tagged = stream.metadata.get("alpha_mode") == "1" or stream.metadata.get("ALPHA_MODE") == "1"
        assert (has_alpha or tagged) == transparent


def test_png_frames(command, fake_renderer, tmp_path):
    target = tmp_path / "frames"
    assert command("animate", "--motion", "idle", "--duration", 0.3, "--fps", 10, "-o", target, "--size", 32).code == 0
    assert sorted(path.name for path in target.iterdir()) == [f"frame_{n:06d}.png" for n in range(3)]
    assert len(fake_renderer) == 3


def drive_file(tmp_path, text, name="t.csv"):
    (tmp_path / name).write_text(text)
    return ["--drive", tmp_path / name]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: ["--drive", p / "none.csv", "-o", p / "a.mp4"], "none.csv: cannot be read"),
        (lambda p: [*drive_file(p, "# fps: 5\nx\n1\n"), "-o", p / "a.mp4"], "unknown pose parameter 'x'"),
        (lambda p: [*drive_file(p, "# fps: 5\nmouth_aa\n1\n"), "-o", p / "a.mp4"], "did you mean mouth_aaa"),
        (lambda p: [*drive_file(p, "# fps: 5\nmouth_aaa\nnan\n"), "-o", p / "a.mp4"], "NaN or infinite"),
        (lambda p: [*drive_file(p, "mouth_aaa\n1\n"), "-o", p / "a.mp4"], "--track-fps"),
        (lambda p: [*drive_file(p, "# fps: 5\nmouth_aaa\n1\n"), "--start", 9, "-o", p / "a.mp4"], "outside the track"),
        (lambda p: [*drive_file(p, "hello", "t.txt"), "-o", p / "a.mp4"], "line 1 is not an iFacialMocap packet"),
        (lambda p: [*drive_file(p, "x", "t.wav"), "-o", p / "a.mp4"], "tracks are .csv, .json, .npz files"),
        (
            lambda p: [*drive_file(p, "# fps: 5\nmouth_aaa\n1\n"), "--duration", 3, "-o", p / "a.mp4"],
            "--duration is for --motion, not for --drive",
        ),
        (lambda p: ["--motion", "idle", "-o", p / "a.avi"], "cannot write .avi videos; known are .mp4"),
        (lambda p: ["--motion", "idle", "-o", p / "no" / "a.mp4"], "does not exist"),
        (
            lambda p: [*drive_file(p, "# fps: 5\nmouth_aaa\n1\n"), "-o", p],
            "already exists; PNG frames need a new or empty folder",
        ),
        (
            lambda p: ["--motion", "idle", "--size", "511", "-o", p / "a.mp4"],
            "mp4 needs even width and height, got 511x511; 512x512",
        ),
        (lambda p: ["--motion", "idle", "--size", "big", "-o", p / "a.mp4"], "size 'big' is neither like 720 nor"),
        (lambda p: ["--motion", "idle", "--size", "99999", "-o", p / "a.mp4"], "out of range"),
        (lambda p: ["--motion", "idle", "--background", "octarine", "-o", p / "a.mp4"], "nor a colour such as white"),
        (lambda p: ["--motion", "idle", "--background", "transparent", "-o", p / "a.mp4"], "mp4 cannot be transparent"),
        (
            lambda p: ["--motion", "idle", "--fps", 0, "-o", p / "a.mp4"],
            "frames per second of a mp4 must be 0.1 to 240, got 0",
        ),
        (lambda p: ["--motion", "idle", "--duration", -1, "-o", p / "a.mp4"], "positive length"),
        (lambda p: ["--motion", "idle", "--start", 3, "--end", 2, "-o", p / "a.mp4"], "positive length"),
        (lambda p: ["--motion", "idle", "--duration", "inf", "-o", p / "a.mp4"], "inf frames are more than"),
        (lambda p: ["--motion", "idle", "--end", 1e9, "-o", p / "a.mp4"], "frames are more than"),
        (
            lambda p: ["--motion", "idle", "--fps", 1, "--start", 0.6, "--duration", 0.3, "-o", p / "a.mp4"],
            "hold no frame at 1 frames a second",
        ),
        (lambda p: ["--motion", "idle", "--end", 2, "--duration", 1, "-o", p / "a.mp4"], "either --end or --duration"),
        (lambda p: ["--motion", "idle", "--track-fps", 5, "-o", p / "a.mp4"], "--track-fps is for --drive, not"),
        (lambda p: ["--motion", "idle", "--official-mocap", "-o", p / "a.mp4"], "--official-mocap is for --drive"),
        (lambda p: ["--pose", "mouth_aaa=1", "--start", 1, "-o", p / "a.png"], "--start is for --motion and --drive"),
        (lambda p: ["--pose", "mouth_aaa=1", "--seed", 1, "-o", p / "a.png"], "--seed is for --motion, not for --pose"),
        (
            lambda p: [*drive_file(p, "# fps: 5\nmouth_aaa\n1\n"), "--official-mocap", "-o", p / "a.mp4"],
            "is for .txt recordings",
        ),
        (
            lambda p: [*drive_file(p, "# fps: 5\nmouth_aaa\n1\n"), "--end", 1e9, "-o", p / "a.mp4"],
            "frames are more than",
        ),
        (lambda p: ["--motion", "idle", "-o", "."], "need a new folder with a name of its own"),
        (lambda p: ["--pose", "mouth_aaa=1", "-o", p / "a.mp4"], "a still picture must be a .png file"),
        (lambda p: ["--pose", "mouth_aaa", "-o", p / "a.png"], "not of the form name=number"),
        (lambda p: ["--pose", "mouth_aaa=wide", "-o", p / "a.png"], "not of the form name=number"),
        (lambda p: ["--pose", "mouth_aaa=nan", "-o", p / "a.png"], "NaN or infinite"),
        (lambda p: ["--pose", "moth=1", "-o", p / "a.png"], "unknown pose parameter 'moth'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(command, fake_renderer, tmp_path, make, message):
    arguments = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    result = command("animate", *arguments)
    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before
    assert fake_renderer == []  # nothing was rendered


def test_interruption_keeps_the_frames_so_far(command, monkeypatch, tmp_path):
    from jaxanim.animate import characters
    from jaxanim.weights.card import Card

    calls = []

    def render(poses):
        calls.append(len(poses))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return np.full((len(poses), 512, 512, 4), 255, np.uint8)

    monkeypatch.setattr(characters, "student_renderer", lambda path, **options: (Card("s", "n", "l", "s"), render))
    target = tmp_path / "a.mp4"
    result = command("animate", "--motion", "idle", "--duration", 3, "--fps", 10, "-o", target, "--size", 64)
    kept = 2 * animate.BATCH
    assert result.code == 2
    assert result.err == f"jaxanim: error: interrupted: {target} holds the first {kept} frames of 30\n"
    assert len(read_video(target)) == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4"]


def test_an_existing_file_survives_a_failure(command, fake_renderer, tmp_path):
    del fake_renderer
    target = tmp_path / "a.mp4"
    target.write_text("precious")
    assert command("animate", *drive_file(tmp_path, "# fps: 5\nmouth_aa\n1\n"), "-o", target).code == 2
    assert target.read_text() == "precious"


def test_written_tracks_can_be_read_back(command, fake_renderer, tmp_path):
    tracks.write_track(tmp_path / "t.csv", motions.make_motion("dance", duration=1.0, fps=10.0, seed=3))
    assert (
        command("animate", "--drive", tmp_path / "t.csv", "--fps", 10, "-o", tmp_path / "a.gif", "--size", 32).code == 0
    )
    expected = motions.make_motion("dance", duration=1.0, fps=10.0, seed=3).pose
    np.testing.assert_allclose(np.stack(fake_renderer), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "values"),
    [("a=1", {"a": 1.0}), (" a = 1 , b=-0.5,", {"a": 1.0, "b": -0.5}), ("", {}), ("a=1,a=2", {"a": 2.0})],
)
def test_parse_pose(text, values):
    assert animate.parse_pose(text) == values


@pytest.mark.parametrize("text", ["a", "a=", "=1=2", "a:1"])
def test_parse_pose_refuses_other_forms(text):
    with pytest.raises(InputError, match="not of the form name=number"):
        animate.parse_pose(text)
