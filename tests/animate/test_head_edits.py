"""Edits and keyframes of a head: what names mean, what is added and what is set, and the ways between keyframes."""

import numpy as np
import pytest

from jaxanim.animate import head_drive, head_edits, head_keyframes
from jaxanim.core.errors import InputError
from jaxanim.signals import gaze
from jaxanim.signals.face_signal import INDEX

YAW, PITCH, ROLL = range(head_drive.DEGREES.start, head_drive.DEGREES.stop)


def row():
    values = np.zeros(head_drive.ROW + 60)
    values[[YAW, ROLL, INDEX["jawOpen"], INDEX["eyeLookInLeft"]]] = 15, 5, 0.25, 0.5
    return values


def edited(text):
    (result,) = head_edits.apply(row()[None], head_edits.parse(text))
    return result


def test_adding_and_setting():
    result = edited("yaw=-20, jaw=0.5, roll:=1")
    assert result[[YAW, ROLL, INDEX["jawOpen"]]].tolist() == [-5, 1, 0.75]
    assert (result != row()).sum() == 3
    assert edited("jawOpen:=0.5")[INDEX["jawOpen"]] == 0.5


def test_frontal_and_names_of_both_sides():
    assert edited("frontal,yaw=3")[head_drive.DEGREES].tolist() == [3, 0, 0]
    assert edited("blink=1")[[INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]].tolist() == [1, 1]
    assert edited("mouthSmile=0.5")[[INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]].tolist() == [0.5, 0.5]
    assert edited("shape60=2")[-1] == 2


def test_gaze_in_degrees():
    """The left eye looks 15 degrees to the picture's left; both turn by 6 to its right."""
    assert gaze.degrees_of(row()[:52]).tolist() == [[-15, 0], [0, 0]]
    np.testing.assert_allclose(gaze.degrees_of(edited("gaze_x=6")[:52]), [[-9, 0], [6, 0]])
    np.testing.assert_allclose(gaze.degrees_of(edited("gaze_y:=-5")[:52]), [[-15, -5], [0, -5]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yaw", "not of the form"),
        ("yaw=left", "not of the form"),
        ("yaw=nan", "not of the form"),
        ("jawOpn=1", "did you mean jawOpen"),
        ("xyzxyz=1", "known are yaw"),
        ("shape61=1", "shape1 to shape60"),
        (" , ", "changes nothing"),
    ],
)
def test_edits_that_cannot_be(text, said):
    with pytest.raises(InputError, match=said):
        head_edits.parse(text)
    with pytest.raises(InputError, match="this head has 0 shapes"):
        head_edits.apply(row()[None, : head_drive.ROW], head_edits.parse("shape1=1"))


def test_keyframes_rise_smoothly_and_do_not_overshoot(tmp_path):
    (tmp_path / "keys.csv").write_text("time,yaw,jaw\n0,0,0\n1,20,1\n2,20,0\n")
    rows = head_keyframes.rows(head_keyframes.read(tmp_path / "keys.csv"), row(), 10.0)
    yaw, jaw = rows[:, YAW] - 15, rows[:, INDEX["jawOpen"]] - 0.25
    assert len(rows) == 21
    np.testing.assert_allclose(yaw[[0, 10, 15, 20]], [0, 20, 20, 20])
    assert yaw.max() == pytest.approx(20)
    assert (np.diff(yaw[:11]) > 0).all()
    assert np.diff(jaw)[9:11] == pytest.approx([0, 0], abs=0.06)  # it rests at the turning point
    assert rows[:, ROLL].tolist() == [5] * 21  # what is not named stays as it is in the photo


def test_keyframes_can_be_set_and_cut(tmp_path):
    (tmp_path / "keys.json").write_text('{"fps": 2, "frames": [{"yaw": -10}, {"yaw": -10, "blink": 1}]}')
    keys = head_keyframes.read(tmp_path / "keys.json")
    rows = head_keyframes.rows(keys, row(), 4.0, start=0.25, end=0.75, sets=True)
    assert rows[:, YAW].tolist() == [-10, -10]
    assert rows[1, INDEX["eyeBlinkLeft"]] == 1
    (tmp_path / "one.csv").write_text("time,pitch\n3,4\n")
    assert head_keyframes.rows(head_keyframes.read(tmp_path / "one.csv"), row(), 5.0)[:, PITCH].tolist() == [4]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("frame,timestamp,AU01_r\n1,0,0\n", "jaxanim fit RECORDING"),
        ("time,yaw\n1,0\n0,1\n", "increase"),
        ("time,yaw\n0,nan\n", "yaw holds 1 numbers that are NaN"),
        ("yaw\n0\n", "--track-fps"),
        ("time,yaw\n", "has 0 rows"),
        ("time,yaw\n0\n", "row 1 has 1 fields"),
    ],
)
def test_files_that_are_no_keyframes(tmp_path, text, said):
    (tmp_path / "keys.csv").write_text(text)
    with pytest.raises(InputError, match=said) as error:
        head_keyframes.read(tmp_path / "keys.csv")
    assert "keys.csv" in str(error.value)
