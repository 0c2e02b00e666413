"""OpenFace's tracks: columns by name, frames without a face, and what is refused."""

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.signals import action_units, openface

UNITS = [f"{unit}_r" for unit in action_units.NAMES]


def write(path, rows, *, head=("frame", "timestamp", "success"), units=UNITS):
    """Writes a table as OpenFace does, with spaces behind the commas; a row's last number is that of every unit."""
    lines = [", ".join([*head, *units, "AU28_c"])]
    lines += [", ".join(map(str, [*row[:-1], *[row[-1]] * len(units), 1])) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_rows_and_times(tmp_path):
    path = write(tmp_path / "a.csv", [(1, 0.0, 1, 0.5), (2, 0.04, 1, 1.5)])
    track = openface.read_track(path)
    np.testing.assert_allclose(track.time, [0, 0.04])
    np.testing.assert_allclose(track.intensities, np.array([[0.5], [1.5]]) * np.ones((1, 17)))
    assert (track.lost, track.clamped) == (0, 0)


def test_columns_are_found_by_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",".join([*reversed(UNITS), "timestamp"]) + "\n" + ",".join([*map(str, range(17)), "0"]) + "\n")
    track = openface.read_track(path)
    np.testing.assert_array_equal(track.intensities[0], np.minimum(np.arange(16, -1, -1), 5))
    assert track.clamped == 11  # 6 to 16


def test_frames_without_a_face_are_joined_by_a_line(tmp_path):
    rows = [(1, 0.0, 1, 1.0), (2, 0.1, 0, 5.0), (3, 0.2, 1, 3.0)]
    track = openface.read_track(write(tmp_path / "a.csv", rows))
    assert track.lost == 1
    np.testing.assert_allclose(openface.resample(track, 10.0)[:, 0], [1, 2, 3], atol=1e-6)


def test_rate_in_place_of_timestamps(tmp_path):
    path = write(tmp_path / "a.csv", [(1, 0.0), (2, 1.0)], head=("frame",))
    np.testing.assert_allclose(openface.read_track(path, fps=25.0).time, [0, 0.04])
    with pytest.raises(InputError, match="--track-fps"):
        openface.read_track(path)
    with pytest.raises(InputError, match="must be positive"):
        openface.read_track(path, fps=0.0)


def test_head_and_gaze(tmp_path):
    """Radians of the frames with a face; without such columns there are none, and half of them are not enough."""
    units = [*UNITS, "pose_Rx", "pose_Ry", "pose_Rz", "gaze_angle_x", "gaze_angle_y"]
    rows = [(1, 0.0, 1, 0.1), (2, 0.1, 0, 9.0), (3, 0.2, 1, 0.3)]
    track = openface.read_track(write(tmp_path / "a.csv", rows, units=units))
    np.testing.assert_allclose(track.head_radians, [[0.1] * 3, [0.3] * 3])
    np.testing.assert_allclose(track.gaze_radians, [[0.1] * 2, [0.3] * 2])
    track = openface.read_track(write(tmp_path / "b.csv", rows, units=units[:-1]))
    assert track.head_radians is not None
    assert track.gaze_radians is None
    assert openface.read_track(write(tmp_path / "c.csv", rows)).head_radians is None


FACES = ("frame", "face_id", "timestamp", "success")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "none.csv", "cannot be read"),
        (lambda p: write(p / "a.csv", [(1, 0.0, 1, 1.0)], units=UNITS[1:]), "no column AU01_r"),
        (lambda p: write(p / "a.csv", []), "no face in any of its 0 frames"),
        (lambda p: write(p / "a.csv", [(1, 0.0, 0, 1.0)]), "no face in any of its 1 frames"),
        (lambda p: write(p / "a.csv", [(1, 0.0, 1, "x")]), "row 1: could not convert"),
        (lambda p: write(p / "a.csv", [(1, 0.0, 1, "nan")]), "NaN or infinite"),
        (lambda p: write(p / "a.csv", [(1, 0.1, 1, 1.0), (2, 0.1, 1, 1.0)]), "must be finite and increase"),
        (lambda p: write(p / "a.csv", [(1, 0, 0.0, 1, 1.0), (1, 1, 0.0, 1, 1.0)], head=FACES), "holds 2 faces"),
        (lambda p: write(p / "a.txt", []), "a .csv file as OpenFace writes it"),
    ],
)
def test_refused(tmp_path, make, message):
    path = make(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        openface.read_track(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"hello\nworld\n", b'"' + b"a" * 200_000])
def test_other_files(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError):
        openface.read_track(tmp_path / "a.csv")


def test_a_row_that_is_cut_short(tmp_path):
    path = write(tmp_path / "a.csv", [(1, 0.0, 1, 1.0), (2, 0.1, 1, 1.0)])
    path.write_text(path.read_text()[:-20])
    with pytest.raises(InputError, match="row 2 has"):
        openface.read_track(path)
