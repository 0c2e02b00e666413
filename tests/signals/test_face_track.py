"""Files of fits: there and back, what they drive, and what is refused."""

import dataclasses
import zipfile

import numpy as np
import pytest

from jaxanim.core.errors import InputError, OutputError
from jaxanim.signals import face_track, tracks

SHAPES = {
    "landmarks68": (68, 2),
    "landmarks98": (98, 2),
    "expression": (52,),
    "rotations": (5, 3),
    "camera": (4,),
    "action_units": (17,),
    "pose": (45,),
    "head_degrees": (3,),
    "crop": (2, 3),
}


def make(count: int = 3, **more) -> face_track.FaceTrack:
    """A track of arbitrary numbers between 0 and 1."""
    rng = np.random.default_rng(0)
    values = {name: rng.uniform(size=(count, *shape)).astype(np.float32) for name, shape in SHAPES.items()}
    values |= {"fps": 25.0, "size": np.array([480, 640]), "crop_size": 128, "time": np.arange(count) / 25.0}
    values |= {"found": np.arange(count) != 1, "confidence": np.linspace(0, 1, count, dtype=np.float32)}
    return face_track.FaceTrack(identity=rng.normal(size=60).astype(np.float32), **values | more)


def write(path, **changes):
    """Writes the arrays of a track, some of them changed or left out, without any check."""
    arrays = vars(make()) | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def test_there_and_back(tmp_path):
    track = make()
    face_track.save(tmp_path / "fit.npz", track)
    assert [path.name for path in tmp_path.iterdir()] == ["fit.npz"]
    read = face_track.load(tmp_path / "fit.npz")
    for field in dataclasses.fields(track):
        given, found = getattr(track, field.name), getattr(read, field.name)
        assert type(given) is type(found), field.name
        np.testing.assert_array_equal(given, found, err_msg=field.name)
    assert isinstance(read.fps, float)
    assert isinstance(read.crop_size, int)


def test_doubles_become_singles_but_times_stay(tmp_path):
    face_track.save(tmp_path / "fit.npz", make(expression=np.full((3, 52), 1 / 3), time=np.array([0, 1 / 3, 2 / 3])))
    with np.load(tmp_path / "fit.npz") as stored:
        assert stored["expression"].dtype == np.float32
        np.testing.assert_array_equal(stored["time"], [0, 1 / 3, 2 / 3])


def test_signals_of_it():
    track = make()
    signal = track.to_signal()
    np.testing.assert_array_equal(signal.expression, track.expression)
    np.testing.assert_array_equal(signal.head_degrees, track.head_degrees)
    units = make(action_units=np.full((3, 17), 6.0, np.float32)).to_action_units()
    np.testing.assert_array_equal(units.intensities, np.full((3, 17), 5.0))
    assert units.clamped == 51


def test_its_poses_are_a_track(tmp_path):
    face_track.save(tmp_path / "fit.npz", make(pose=np.full((3, 45), 0.25)))
    track = tracks.read_track(tmp_path / "fit.npz")
    np.testing.assert_array_equal(track.pose, np.full((3, 45), 0.25))
    np.testing.assert_array_equal(track.time, [0, 0.04, 0.08])
    for name in ("pose", "time"):
        with pytest.raises(InputError, match=f"is a fit without '{name}'"):
            tracks.read_track(write(tmp_path / "b.npz", **{name: None}))


BAD = {
    "nothing but poses": (
        {name: None for name in SHAPES if name != "pose"},
        "not what jaxanim fit writes: it has no 'l",
    ),
    "one array missing": ({"crop": None}, "has no 'crop'; it holds action_units, camera"),
    "unknown array": ({"hair": np.zeros(3)}, "unknown array 'hair'; a newer version"),
    "other length": ({"pose": np.zeros((2, 45))}, r"pose has shape \(2, 45\), \(3, 45\) was expected"),
    "other width": ({"landmarks68": np.zeros((3, 51, 2))}, r"\(3, 51, 2\), \(3, 68, 2\) was expected"),
    "other rank": ({"expression": np.zeros(52)}, r"expression has shape \(52,\), \(3, 52\)"),
    "rates": ({"fps": np.ones(3)}, r"fps has shape \(3,\), \(\) was expected"),
    "rate of zero": ({"fps": 0.0}, "frames per second must be positive, got 0.0"),
    "nan": ({"camera": np.full((3, 4), np.nan)}, "camera holds 12 numbers that are NaN or infinite"),
    "words": ({"identity": np.array(["a"])}, "identity holds <U1, numbers were expected"),
    "found as numbers": ({"found": np.ones(3)}, "found holds float64, truth values were expected"),
    "broken size": ({"size": np.array([1.5, 2.5])}, "size holds float64, whole numbers were expected"),
    "times that stand still": ({"time": np.zeros(3)}, "times must increase"),
    "confidence": ({"confidence": np.array([0, 1, 2.0])}, "confidence goes from 0 to 2, possible are 0 to 1"),
    "code": ({"pose": np.array([object()])}, "Object arrays cannot be loaded"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, changes, message):
    with pytest.raises(InputError, match=rf"fit\.npz: .*{message}"):
        face_track.load(write(tmp_path / "fit.npz", **changes))


def test_other_files(tmp_path):
    with pytest.raises(InputError, match=r"none\.npz: cannot be read"):
        face_track.load(tmp_path / "none.npz")
    (tmp_path / "a.npz").write_bytes(b"text")
    with pytest.raises(InputError, match=r"a\.npz: is not a readable \.npz file"):
        face_track.load(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"a\.csv: is no \.npz file"):
        face_track.load(tmp_path / "a.csv")
    with zipfile.ZipFile(write(tmp_path / "c.npz", crop=None), "a") as archive:
        archive.writestr("crop", "text")
    with pytest.raises(InputError, match=r"c\.npz: holds 'crop', which is no array"):
        face_track.load(tmp_path / "c.npz")
    np.savez(tmp_path / "b.npz", **vars(make(0)))
    with pytest.raises(InputError, match="has no frames"):
        face_track.load(tmp_path / "b.npz")


def test_nothing_unsound_is_written(tmp_path):
    with pytest.raises(ValueError, match="head_degrees holds 1 numbers that are NaN"):
        face_track.save(tmp_path / "fit.npz", make(head_degrees=np.array([[0, 0, np.nan]] + [[0, 0, 0]] * 2)))
    with pytest.raises(OutputError, match=r"a\.json: a fit is written as an \.npz file"):
        face_track.save(tmp_path / "a.json", make())
    with pytest.raises(OutputError, match="does not exist"):
        face_track.save(tmp_path / "no" / "fit.npz", make())
    assert list(tmp_path.iterdir()) == []
