"""Pose tracks in NPZ files: good ones, bad ones, damaged ones, and such as would run code or exhaust memory."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.signals import pose_vector, tracks

POSE = np.linspace(0, 1, 90).reshape(2, 45)


@pytest.fixture
def read(tmp_path):
    """Writes the arrays and reads them as a track."""

    def write_and_read(arrays: dict, fps: float | None = None) -> tracks.PoseTrack:
        np.savez(tmp_path / "a.npz", **arrays)
        return tracks.read_track(tmp_path / "a.npz", fps=fps)

    return write_and_read


@pytest.mark.parametrize(
    ("arrays", "fps", "times"),
    [
        ({"fps": 4}, None, [0.0, 0.25]),
        ({"fps": np.float32(4)}, 30.0, [0.0, 0.25]),
        ({"time": [1, 3]}, None, [1.0, 3.0]),
        ({"time": np.array([1, 3], np.float32), "fps": 4}, None, [1.0, 3.0]),
        ({}, 4.0, [0.0, 0.25]),
    ],
)
def test_whole_poses(read, arrays, fps, times):
    track = read({"pose": POSE, **arrays}, fps)
    np.testing.assert_array_equal(track.time, times)
    np.testing.assert_array_equal(track.pose, POSE.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint8])
def test_types_of_numbers(read, dtype):
    track = read({"pose": np.ones((2, 45), dtype), "fps": 30})
    np.testing.assert_array_equal(track.pose, np.ones((2, 45)))


def test_one_array_per_name(read):
    track = read({"mouth_aaa": [0.5, 1.5], "eye_wink": [0, 1], "fps": 30})
    expected = [pose_vector.make_pose({"mouth_aaa": 0.5}), pose_vector.make_pose({"mouth_aaa": 1.0, "eye_wink": 1.0})]
    np.testing.assert_array_equal(track.pose, expected)
    assert track.clamped == 1


BAD = {
    "nothing": ({}, "arrays must be one-dimensional"),
    "rate only": ({"fps": 30}, "arrays must be one-dimensional"),
    "no frames": ({"pose": np.zeros((0, 45)), "fps": 30}, "the track has no frames"),
    "no rate": ({"pose": POSE}, "holds neither times nor frames per second; give --track-fps"),
    "one pose without a time axis": ({"pose": np.zeros(45), "fps": 30}, r"pose has shape \(45,\), \(frames, 45\) was"),
    "other number of parameters": ({"pose": np.zeros((2, 44)), "fps": 30}, r"pose has shape \(2, 44\)"),
    "transposed": ({"pose": np.zeros((45, 2)), "fps": 30}, r"pose has shape \(45, 2\)"),
    "unknown array": ({"pose": POSE, "fps": 30, "rate": 3}, "unknown array 'rate' beside 'pose'"),
    "name beside poses": ({"pose": POSE, "fps": 30, "head_x": [0, 1]}, "unknown array 'head_x' beside 'pose'"),
    "unknown name": ({"mouth_aa": [1], "fps": 30}, "unknown pose parameter 'mouth_aa'; did you mean mouth_aaa"),
    "other lengths": ({"head_x": [1], "head_y": [1, 2], "fps": 30}, r"of one length, got \[\(1,\), \(2,\)\]"),
    "other length of time": ({"head_x": [1], "time": [1, 2]}, "of one length"),
    "two axes": ({"head_x": [[1, 2]], "fps": 30}, "one-dimensional"),
    "number": ({"head_x": 1, "fps": 30}, "one-dimensional"),
    "fewer times than poses": ({"pose": POSE, "time": [0]}, "time"),
    "more times than poses": ({"pose": POSE, "time": [0, 1, 2]}, "time"),
    "times with two axes": ({"pose": POSE, "time": [[0], [1]]}, "time"),
    "time as number": ({"pose": POSE, "time": 0.0}, "time"),
    "several rates": ({"pose": POSE, "fps": [30, 60]}, "fps"),
    "rate of zero": ({"pose": POSE, "fps": 0}, "frames per second must be positive, got 0"),
    "same times": ({"pose": POSE, "time": [1, 1]}, "times must be finite and increase"),
    "nan": ({"pose": POSE * np.nan, "fps": 30}, "90 pose numbers are NaN or infinite"),
    "words": ({"pose": np.full((2, 45), "a"), "fps": 30}, "pose holds <U1, numbers were expected"),
    "word as rate": ({"pose": POSE, "fps": "fast"}, "fps holds <U4, numbers were expected"),
    "complex": ({"pose": POSE * 1j, "fps": 30}, "pose holds complex128"),
    "side twice": ({"eye_wink_left": [1], "eye_wink": [0], "fps": 30}, "eye_wink_left.*twice|twice.*eye_wink_left"),
}


@pytest.mark.parametrize(("arrays", "message"), BAD.values(), ids=BAD)
def test_bad_arrays(read, arrays, message):
    with pytest.raises(InputError, match=rf"a\.npz: .*({message})"):
        read(arrays)


class _Bait:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self):
        return os.system, ("echo ran > ran",)


def test_pickled_arrays_are_refused(tmp_path, monkeypatch, read):
    monkeypatch.chdir(tmp_path)
    bait = np.array([_Bait()], dtype=object)
    with pytest.raises(InputError, match=r"a\.npz: is not a readable \.npz file \(Object arrays cannot be loaded"):
        read({"pose": bait, "fps": 30})
    assert not (tmp_path / "ran").exists()
    np.load(tmp_path / "a.npz", allow_pickle=True)["pose"]
    assert (tmp_path / "ran").exists()  # the bait was live


def saved(array: np.ndarray, *, save=np.save) -> bytes:
    file = io.BytesIO()
    save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"PK\x03\x04" + b"\0" * 60,
        b"PK\x05\x06" + b"\0" * 18,
        b"\x80\x02}.",
        saved(POSE),
        saved(POSE)[:40],
        saved(POSE, save=np.savez_compressed)[:-30],
    ],
    ids=["empty", "text", "zip head", "empty zip", "pickle", "npy", "cut npy", "cut npz"],
)
def test_files_that_are_no_npz(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz: "):
        tracks.read_track(tmp_path / "a.npz", fps=30.0)


def test_members_that_are_no_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", pose=POSE, fps=30)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("time", "0 1")
    with pytest.raises(InputError, match=r"a\.npz: holds 'time', which is no array"):
        tracks.read_track(tmp_path / "a.npz")


def write_member(path: Path, header: str, numbers: bytes = b"") -> Path:
    """An archive with one array whose header says what it likes."""
    text = header.encode().ljust(118 - 1) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pose.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + numbers)
    return path


def test_handmade_header(tmp_path):
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 45)}"
    track = tracks.read_track(write_member(tmp_path / "a.npz", header, POSE.tobytes()), fps=30.0)
    np.testing.assert_array_equal(track.pose, POSE.astype(np.float32))


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000, 45)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 45)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 45)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 45)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2, 45)}",
        "{'descr': '<f8', 'fortran_order': False}",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (2, 45)}",
        "__import__('os').system('echo ran > ran')",
        "{" * 60,
        "",
    ],
)
def test_headers_that_lie(tmp_path, monkeypatch, header):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"a\.npz: "):
        tracks.read_track(write_member(tmp_path / "a.npz", header, POSE.tobytes()), fps=30.0)
    assert not (tmp_path / "ran").exists()


def test_unpacked_size_is_limited(tmp_path, monkeypatch):
    """720 kB of zeros that are packed into less than 5 kB."""
    np.savez_compressed(tmp_path / "a.npz", pose=np.zeros((2000, 45)), fps=30)
    monkeypatch.setattr(tracks, "MAX_ARRAY_BYTES", 5_000)
    assert (tmp_path / "a.npz").stat().st_size < 5_000
    with pytest.raises(InputError, match="more than a track may have"):
        tracks.read_track(tmp_path / "a.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damage(tmp_path, save):
    """One flipped bit in every third byte, and cuts: a track or an InputError, never another error."""
    save(tmp_path / "a.npz", mouth_aaa=np.array([0.0, 0.5, 1.0]), fps=np.array(30.0))
    content = (tmp_path / "a.npz").read_bytes()
    refused = 0
    for position in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        for bad in (bytes(damaged), content[:position]):
            (tmp_path / "a.npz").write_bytes(bad)
            try:
                assert isinstance(tracks.read_track(tmp_path / "a.npz"), tracks.PoseTrack)
            except InputError:
                refused += 1
    assert refused > len(content) / 3 * 1.2  # every cut, and many a flip
