"""From followed faces to what `jaxanim fit` writes."""

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.geometry.open_head import load_open_head
from jaxanim.signals import face_signal, face_track
from jaxanim.tracking import alignments, face_tracks
from jaxanim.tracking.follow import TrackedFace
from jaxanim.tracking.regressor.locator import RegressorSees

COUNT = 6


@pytest.fixture(scope="module")
def head():
    return load_open_head()


@pytest.fixture(scope="module")
def recording(head):
    """A mean face that turns to the picture's right and opens its mouth."""
    expression, degrees = np.zeros((COUNT, 52)), np.zeros((COUNT, 3))
    expression[:, face_signal.INDEX["jawOpen"]] = np.linspace(0, 0.8, COUNT)
    degrees[:, 0] = np.linspace(0, 25, COUNT)
    signal = face_signal.make_signal(expression, degrees, np.arange(COUNT) / 10)
    return face_tracks.of_signal(signal, head, fps=10.0)


def test_a_recording_is_seen_from_the_front(recording):
    face_track.check(recording)
    nose, eyes = recording.landmarks68[:, 30, 0], recording.landmarks68[:, 36:48, 0].mean(axis=1)
    assert abs(nose[0] - eyes[0]) < 2
    assert nose[-1] - eyes[-1] > 8
    mouth = recording.landmarks68[:, 66, 1] - recording.landmarks68[:, 62, 1]
    assert mouth[-1] > mouth[0] + 10
    np.testing.assert_allclose(recording.landmarks68[:, 36:48].mean(axis=(0, 1)), [256, 256], atol=90)
    assert recording.pose.shape == (COUNT, 45)


@pytest.fixture(scope="module")
def faces(recording):
    """The recording's landmarks, as a locator would find them, the fourth frame held from the third."""
    place = alignments.around_face(recording.landmarks98[0].astype(np.float64), 1.5, 128, upright=True)
    rows = [0, 1, 2, 2, 4, 5]
    return [
        TrackedFace(
            number,
            0,
            number != 3,
            recording.landmarks98[row].astype(np.float64),
            0.9 if number != 3 else 0.0,
            place,
            RegressorSees(
                recording.landmarks68[row].astype(np.float64), np.zeros(60), recording.expression[row], np.eye(3)
            ),
        )
        for number, row in enumerate(rows)
    ]


@pytest.mark.parametrize("smoothed", [False, True])
def test_a_video(head, recording, faces, smoothed):
    ready = face_tracks.make_fitter(head)
    track = face_tracks.make_track(
        faces, size=(512, 512), time=recording.time, fps=10.0, ready=ready, smoothed=smoothed
    )
    face_track.check(track)
    assert track.found.tolist() == [True, True, True, False, True, True]
    assert track.confidence[3] == 0
    assert track.identity.shape == (60,)
    # The regressor that these faces come from sees no turn and is believed a little.
    assert track.head_degrees[-1, 0] == pytest.approx(25, abs=8)
    assert abs(track.head_degrees[0, 0]) < 4
    jaw = track.expression[:, face_signal.INDEX["jawOpen"]]
    assert jaw[-1] > jaw[0] + 0.4
    if not smoothed:
        np.testing.assert_allclose(track.landmarks98[0], recording.landmarks98[0], atol=1e-3)


def test_nobody(head):
    with pytest.raises(InputError, match="no frame"):
        face_tracks.make_track([], size=(8, 8), time=np.zeros(0), fps=25.0, ready=face_tracks.make_fitter(head))


def test_a_frame_as_a_fit(recording):
    one = face_tracks.fit_of(recording, 2)
    assert one.expression.shape == (1, 52)
    np.testing.assert_array_equal(one.camera[0], recording.camera[2])
