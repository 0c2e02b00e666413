"""Pose tracks: reading CSV and JSON, good and bad; checks, resampling and writing. NPZ has a file of its own."""

import json
from pathlib import Path

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.signals import pose_vector, tracks

TOLERANCE = 1e-6  # float32 poses


def column(poses, name: str) -> np.ndarray:
    return (poses.pose if isinstance(poses, tracks.PoseTrack) else poses)[:, pose_vector.POSE_INDEX[name]]


def write(path: Path, text: str | bytes | dict) -> Path:
    if isinstance(text, dict):
        text = json.dumps(text)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.fixture
def csv(tmp_path):
    return lambda text, **options: tracks.read_track(write(tmp_path / "a.csv", text), **options)


@pytest.fixture
def json_track(tmp_path):
    return lambda content, **options: tracks.read_track(write(tmp_path / "a.json", content), **options)


def triangle() -> tracks.PoseTrack:
    """The mouth opens from 10 s to 11 s and closes until 12 s, while the head turns."""
    pose = np.zeros((3, 45))
    pose[:, pose_vector.POSE_INDEX["mouth_aaa"]] = [0.0, 1.0, 0.0]
    pose[:, pose_vector.POSE_INDEX["head_y"]] = [-1.0, 0.0, 1.0]
    return tracks.make_track(np.array([10.0, 11.0, 12.0]), pose)


def test_csv_with_times(csv):
    track = csv("time,mouth_aaa,head_y\n0,0.5,-1\n0.25,1,0.5\n")
    np.testing.assert_array_equal(track.time, [0.0, 0.25])
    np.testing.assert_array_equal(column(track, "mouth_aaa"), [0.5, 1.0])
    np.testing.assert_array_equal(column(track, "head_y"), [-1.0, 0.5])
    assert np.count_nonzero(track.pose) == 4  # absent names are 0
    assert (track.clamped, track.duration) == (0, 0.25)


@pytest.mark.parametrize(
    ("text", "given", "rate"),
    [
        ("# fps: 10\nmouth_aaa\n0\n1\n", None, 10.0),
        ("#FPS:12.5\nmouth_aaa\n0\n1\n", None, 12.5),
        ("# made by hand\n  # fps: 10\n# more: words\nmouth_aaa\n0\n1\n", None, 10.0),
        ("mouth_aaa\n0\n1\n", 20.0, 20.0),
        ("# fps: 10\nmouth_aaa\n0\n1\n", 20.0, 10.0),  # the file knows better
        ("# fps: 10\nmouth_aaa,time\n0,3\n1,3.5\n", 20.0, 2.0),  # and times best
    ],
)
def test_csv_rate(csv, text, given, rate):
    track = csv(text, fps=given)
    assert track.duration == pytest.approx(1 / rate)
    np.testing.assert_array_equal(column(track, "mouth_aaa"), [0.0, 1.0])


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbftime,mouth_aaa\r\n0,0.5\r\n1,1\r\n",  # as spreadsheets write it
        b"\n\ntime,mouth_aaa\n\n0,0.5\n   \n1,1\n\n",
        b" time , mouth_aaa \n 0 , 0.5 \n1, 1e0",
        b'"time","mouth_aaa"\n"0","0.5"\n"1","1"\n',
        b"\xef\xbb\xbf# any words\n# fps: 1\nmouth_aaa\n0.5\n1\n",
    ],
    ids=["byte order mark", "blank lines", "spaces", "quotes", "mark before a comment"],
)
def test_csv_as_programs_write_it(csv, text):
    track = csv(text)
    np.testing.assert_array_equal(track.time, [0.0, 1.0])
    np.testing.assert_array_equal(column(track, "mouth_aaa"), [0.5, 1.0])


def test_csv_name_without_side(csv):
    track = csv("eye_wink\n0.25\n", fps=30.0)
    assert column(track, "eye_wink_left") == column(track, "eye_wink_right") == 0.25


def test_csv_ending_in_capitals(tmp_path):
    assert len(tracks.read_track(write(tmp_path / "A.CSV", "time,head_x\n0,1\n")).time) == 1


BAD_CSV = {
    "empty": ("", "is empty"),
    "blank": ("\n \n\n", "is empty"),
    "comments only": ("# fps: 30\n", "is empty"),
    "header only": ("time,mouth_aaa\n", "the track has no frames"),
    "no rate": ("mouth_aaa\n1\n", "holds neither times nor frames per second; give --track-fps"),
    "unknown name": ("time,mouth_aa\n0,1\n", "unknown pose parameter 'mouth_aa'; did you mean mouth_aaa"),
    "no name": ("time,mouth_aaa,\n0,1,\n", "a number was expected|unknown pose parameter ''"),
    "no header": ("0,1,2\n0,1,3\n", "unknown pose parameter|names a column twice"),
    "twice": ("time,head_x, head_x\n0,1,1\n", "names a column twice"),
    "side twice": ("time,eye_wink_left,eye_wink\n0,1,0\n", "eye_wink_left.*twice|twice.*eye_wink_left"),
    "short row": ("time,head_x\n0,1\n1\n", "row 2 has 1 fields, the header has 2"),
    "long row": ("time,head_x\n0,1,2\n", "row 1 has 3 fields, the header has 2"),
    "semicolons": ("time;head_x\n0;1\n", "unknown pose parameter 'time;head_x'"),
    "word": ("time,head_x\n0,1\n1,much\n", "row 2: head_x is 'much', a number was expected"),
    "missing number": ("time,head_x\n0,\n", "row 1: head_x is '', a number was expected"),
    "word as time": ("time,head_x\nnow,1\n", "row 1: time is 'now', a number was expected"),
    "late comment": ("time,head_x\n0,1\n# done,1\n", "row 2: time is '# done', a number was expected"),
    "nan": ("time,head_x,head_y\n0,1,0\n1,nan,inf\n", "2 pose numbers are NaN or infinite .the first is head_x"),
    "nan as time": ("time,head_x\n0,1\nnan,1\n", "times must be finite and increase"),
    "same time": ("time,head_x\n0,1\n0,1\n", "times must be finite and increase"),
    "backwards": ("time,head_x\n1,1\n0.5,1\n", "times must be finite and increase"),
    "rate as word": ("# fps: many\nhead_x\n1\n", "fps is 'many', a number was expected"),
    "rate of zero": ("# fps: 0\nhead_x\n1\n", "frames per second must be positive, got 0"),
    "rate below zero": ("# fps: -1\nhead_x\n1\n", "frames per second must be positive, got -1"),
    "rate of nan": ("# fps: nan\nhead_x\n1\n", "frames per second must be positive, got nan"),
    "picture": (b"\x89PNG\r\n\x1a\n\xff\xfe", "is not a text file"),
    "other encoding": ("time,head_x\n".encode("utf-16"), "is not a text file"),
    "huge field": ("time,head_x\n0," + "1" * 200_000 + "\n", "field larger than|a number was expected|infinite"),
    "null bytes": ("time,head_x\n0,\x00\n", "head_x is|NUL"),
    "quote without end": ('time,head_x\n0,"1\n1,2\n', r"row 1 has|a number was expected"),
}


@pytest.mark.parametrize(("text", "message"), BAD_CSV.values(), ids=BAD_CSV)
def test_bad_csv(csv, text, message):
    with pytest.raises(InputError, match=rf"a\.csv: .*({message})"):
        csv(text)


@pytest.mark.parametrize("fps", [0.0, -30.0, np.nan, np.inf])
def test_bad_rate_of_the_caller(csv, fps):
    with pytest.raises(InputError, match=f"frames per second must be positive, got {fps}"):
        csv("head_x\n1\n", fps=fps)


def test_clamping_is_counted(csv):
    track = csv("time,mouth_aaa,head_y,eye_wink\n0,1.5,-1,0\n1,-0.1,-2,3\n2,1,1,1\n")
    assert track.clamped == 5  # 1.5, -0.1, -2, and 3 for both eyes
    np.testing.assert_array_equal(column(track, "mouth_aaa"), [1.0, 0.0, 1.0])
    np.testing.assert_array_equal(column(track, "head_y"), [-1.0, -1.0, 1.0])
    np.testing.assert_array_equal(column(track, "eye_wink_right"), [0.0, 1.0, 1.0])


def test_json_with_rate(json_track):
    track = json_track({"fps": 4, "frames": [{"mouth_aaa": 1}, {}, {"eye_wink": 0.5, "head_y": -0.4}]})
    np.testing.assert_array_equal(track.time, [0.0, 0.25, 0.5])
    np.testing.assert_array_equal(column(track, "mouth_aaa"), [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(column(track, "eye_wink_right"), [0.0, 0.0, 0.5])
    np.testing.assert_allclose(column(track, "head_y"), [0.0, 0.0, -0.4], atol=TOLERANCE)


def test_json_with_times(json_track):
    track = json_track({"fps": 4, "frames": [{"time": 1, "head_x": 0.5}, {"time": 3.5}]})
    np.testing.assert_array_equal(track.time, [1.0, 3.5])
    np.testing.assert_array_equal(column(track, "head_x"), [0.5, 0.0])


def test_json_with_the_callers_rate(json_track):
    assert json_track({"frames": [{}, {}]}, fps=5.0).duration == pytest.approx(0.2)


def test_json_with_a_byte_order_mark(tmp_path):
    track = tracks.read_track(write(tmp_path / "a.json", b'\xef\xbb\xbf{"fps": 4, "frames": [{"head_x": 0.5}]}'))
    np.testing.assert_array_equal(column(track, "head_x"), [0.5])


def frame(**values) -> dict:
    return {"fps": 30, "frames": [values]}


BAD_JSON = {
    "empty": ("", "is not valid JSON"),
    "cut off": ('{"fps": 30, "frames": [', "is not valid JSON"),
    "binary": (b"\xff\xfe\x00", "is not valid JSON"),
    "deep": ("[" * 100_000, "is not valid JSON"),
    "list": ("[]", 'must be {"fps": ..., "frames": '),
    "number": ("3", "must be {"),
    "no frames": ({"fps": 30}, "must be {"),
    "frames of another kind": ({"fps": 30, "frames": {"head_x": [1]}}, "must be {"),
    "lists as frames": ({"fps": 30, "frames": [[1, 2]]}, "must be {"),
    "empty frames": ({"fps": 30, "frames": []}, "the track has no frames"),
    "unknown entry": ({"fps": 30, "frames": [{}], "rate": 3}, "unknown entry 'rate'; known are 'fps' and 'frames'"),
    "no rate": ({"frames": [{}]}, "holds neither times nor frames per second"),
    "rate as word": ({"fps": "fast", "frames": [{}]}, "fps is 'fast', a number was expected"),
    "rate as null": ({"fps": None, "frames": [{}]}, "fps is None, a number was expected"),
    "rate of zero": ({"fps": 0, "frames": [{}]}, "frames per second must be positive, got 0"),
    "huge rate": ('{"fps": 1' + "0" * 400 + ', "frames": [{}]}', r"fps is 10+(\.\.\.)?, a number was expected"),
    "unknown name": (frame(mouth_aa=1), "unknown pose parameter 'mouth_aa'; did you mean mouth_aaa"),
    "word": (frame(head_x="much"), "head_x is 'much', a number was expected"),
    "null": (frame(head_x=None), "head_x is None, a number was expected"),
    "list as number": (frame(head_x=[1]), r"head_x is \[1\], a number was expected"),
    "nan": (frame(head_x=float("nan")), "1 pose numbers are NaN or infinite .the first is head_x"),
    "infinite": (frame(head_x=float("-inf")), "1 pose numbers are NaN or infinite"),
    "huge number": (
        '{"fps": 1, "frames": [{"head_x": 1' + "0" * 400 + "}]}",
        r"head_x is 10+(\.\.\.)?, a number was expected",
    ),
    "some times": ({"frames": [{"time": 0}, {"head_x": 1}]}, "some frames have a time and some have none"),
    "same times": ({"frames": [{"time": 0}, {"time": 0}]}, "times must be finite and increase"),
    "side twice": (frame(eye_wink_left=1, eye_wink=0), "eye_wink_left.*twice|twice.*eye_wink_left"),
}


@pytest.mark.parametrize(("content", "message"), BAD_JSON.values(), ids=BAD_JSON)
def test_bad_json(json_track, content, message):
    with pytest.raises(InputError, match=rf"(?s)a\.json: .*({message})"):
        json_track(content)


def test_unknown_kind_of_file(tmp_path):
    for name in ("a.txt", "a", "a.csv.gz"):
        with pytest.raises(InputError, match=rf"{name}: tracks are \.csv, \.json, \.npz files"):
            tracks.read_track(write(tmp_path / name, "time,head_x\n0,1\n"))


@pytest.mark.parametrize("ending", ["csv", "json", "npz"])
def test_missing_file_and_folder(tmp_path, ending):
    with pytest.raises(InputError, match=rf"a\.{ending}: cannot be read \(No such file"):
        tracks.read_track(tmp_path / f"a.{ending}")
    (tmp_path / f"b.{ending}").mkdir()
    with pytest.raises(InputError, match=rf"b\.{ending}: cannot be read \(Is a directory"):
        tracks.read_track(tmp_path / f"b.{ending}")


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_huge_file(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(tracks, "MAX_FILE_BYTES", 2 << 20)
    (tmp_path / f"a.{ending}").write_bytes(b" " * ((3 << 20) + 1))
    with pytest.raises(InputError, match=rf"a\.{ending}: 3 MiB is more than a track may have \(2 MiB\)"):
        tracks.read_track(tmp_path / f"a.{ending}")


def test_too_many_frames(csv, monkeypatch):
    monkeypatch.setattr(tracks, "MAX_FRAMES", 2)
    assert len(csv("time,head_x\n0,1\n1,1\n").time) == 2
    with pytest.raises(InputError, match="3 frames are more than the 2 that are possible"):
        csv("time,head_x\n0,1\n1,1\n2,1\n")


@pytest.mark.parametrize(
    ("fps", "options", "mouth"),
    [
        (1.0, {}, [0, 1, 0]),
        (2.0, {}, [0, 0.5, 1, 0.5, 0]),
        (4.0, {"start": 10.5}, [0.5, 0.75, 1, 0.75, 0.5, 0.25, 0]),
        (4.0, {"end": 10.75}, [0, 0.25, 0.5]),
        (4.0, {"start": 10.25, "end": 11.25}, [0.25, 0.5, 0.75, 1]),
        (4.0, {"start": 10.125, "end": 10.5}, [0.125, 0.375]),
        (1.0, {"start": 12.0}, [0]),
        (1.0, {"start": 11.0, "end": 15.0}, [1, 0, 0, 0]),  # the last pose is held
        (0.75, {}, [0, 2 / 3]),  # 10 s and 11 1/3 s; 12 2/3 s would be more than half a frame too late
        (0.8, {}, [0, 0.75, 0]),  # 10 s, 11.25 s and 12.5 s
    ],
)
def test_resampling(fps, options, mouth):
    poses = tracks.resample(triangle(), fps, **options)
    assert poses.dtype == np.float32
    np.testing.assert_allclose(column(poses, "mouth_aaa"), mouth, atol=TOLERANCE)


@pytest.mark.parametrize("fps", [23.976, 24.0, 29.97, 30.0, 59.94, 60.0, 144.0])
def test_resampling_at_its_own_rate_changes_nothing(fps):
    pose = np.zeros((100, 45))
    pose[:, pose_vector.POSE_INDEX["head_y"]] = np.sin(np.arange(100))
    track = tracks.make_track(np.arange(100) / fps, pose)
    np.testing.assert_allclose(tracks.resample(track, fps), track.pose, atol=TOLERANCE)


def test_resampling_of_one_frame():
    track = tracks.make_track(np.array([3.0]), np.full((1, 45), 0.5))
    np.testing.assert_array_equal(tracks.resample(track, 30.0), track.pose)


def test_interpolation_stays_within_neighbours():
    poses = tracks.resample(triangle(), 7.0)
    np.testing.assert_allclose(column(poses, "head_y"), np.arange(15) / 7.0 - 1.0, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": 9.9}, "start 9.9 s is outside the track, which runs from 10 to 12 s"),
        ({"start": 12.1}, "start 12.1 s is outside the track, which runs from 10 to 12 s"),
        ({"start": np.nan}, "start nan s is outside the track"),
        ({"end": 10.0}, "nothing lies between start 10 s and end 10 s at 4 frames a second"),
        ({"start": 11.0, "end": 10.5}, "nothing lies between start 11 s and end 10.5 s"),
        ({"end": np.nan}, "end nan|end must"),
        ({"end": np.inf}, "end inf|end must"),
    ],
)
def test_stretches_outside_the_track(options, message):
    with pytest.raises(InputError, match=message):
        tracks.resample(triangle(), 4.0, **options)


@pytest.mark.parametrize("fps", [0.0, -1.0, np.nan, np.inf])
def test_resampling_at_an_impossible_rate(fps):
    with pytest.raises(InputError, match=r"frames (per|a) second"):
        tracks.resample(triangle(), fps)


def test_writing_and_reading_back(tmp_path):
    pose = np.random.default_rng(0).uniform(pose_vector.POSE_LOW, pose_vector.POSE_HIGH, (5, 45))
    track = tracks.make_track(np.array([0.0, 1 / 3, 0.5, 1.0, 4.0]), pose)
    tracks.write_track(tmp_path / "a.csv", track)
    back = tracks.read_track(tmp_path / "a.csv")
    np.testing.assert_allclose(back.time, track.time, atol=TOLERANCE)
    np.testing.assert_allclose(back.pose, track.pose, atol=TOLERANCE)
    header = (tmp_path / "a.csv").read_text().splitlines()[0].split(",")
    assert header == ["time", *pose_vector.POSE_NAMES]


@pytest.mark.parametrize("start", [0.0, 1000.0, 100_000.0, 1.7e9])
def test_late_times_survive_writing(tmp_path, start):
    """Hours into a recording, or in seconds since 1970, frames are still a thirtieth of a second apart."""
    track = tracks.make_track(start + np.arange(3) / 30.0, np.zeros((3, 45)))
    tracks.write_track(tmp_path / "a.csv", track)
    np.testing.assert_allclose(np.diff(tracks.read_track(tmp_path / "a.csv").time), 1 / 30, atol=1e-5)
