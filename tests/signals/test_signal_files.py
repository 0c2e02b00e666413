"""One reader for every recording: which file is whose."""

import json

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.signals import face_signal, face_track, mediapipe, signal_files
from tests.signals import test_face_track, test_openface

SCORES = {name: 0.5 * (name == "jawOpen") for name in mediapipe.NAMES}
EXPECTED = face_signal.row_of({"jawOpen": 0.5})
TABLE = "\n".join([",".join(SCORES), ",".join(map(str, SCORES.values()))])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", json.dumps([SCORES])),
        ("a.jsonl", json.dumps(SCORES)),
        ("a.csv", TABLE),
        ("a.txt", "jawOpen&50|=head#0,0,0,0,0,0"),
    ],
)
def test_text_files(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    signal = signal_files.read_signal(tmp_path / name, fps=30.0)
    np.testing.assert_array_equal(signal.expression, [EXPECTED])
    np.testing.assert_array_equal(signal.head_degrees, np.zeros((1, 3)))


def test_tables_of_openface(tmp_path):
    units = [*test_openface.UNITS, "pose_Rx", "pose_Ry", "pose_Rz", "gaze_angle_x", "gaze_angle_y"]
    path = test_openface.write(tmp_path / "a.csv", [(1, 0.0, 1, 0.1)], units=units)
    signal = signal_files.read_signal(path)
    assert signal.head_degrees[0, 0] < 0 < signal.head_degrees[0, 1]
    assert signal.expression[0, face_signal.INDEX["browInnerUp"]] == pytest.approx(0.02)
    with pytest.raises(InputError, match=r"a\.csv: has no columns pose_Rx"):
        signal_files.read_signal(test_openface.write(tmp_path / "a.csv", [(1, 0.0, 1, 0.1)]))


def test_fits(tmp_path):
    track = test_face_track.make()
    face_track.save(tmp_path / "fit.npz", track)
    np.testing.assert_array_equal(signal_files.read_signal(tmp_path / "fit.npz").expression, track.expression)


@pytest.mark.parametrize(
    ("name", "message"), [("a.wav", r"\.npz, \.txt, \.json, \.jsonl, \.csv files"), ("a.csv", "cannot be read")]
)
def test_other_files(tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        signal_files.read_signal(tmp_path / name)
