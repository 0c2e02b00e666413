"""Following every face: numbers from left to right, kept while faces move, leave, return, come in and meet."""

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.tracking import follow_all
from tests.tracking.synthetic import PLACING, SHAPE, PixelDetector, PixelLocator, frame


def run(frames, detector=None, **options):
    """Returns where each face is in each frame, by its number; those that are held have a minus sign."""
    found = follow_all.follow_all(frames, detector or PixelDetector(), PixelLocator(), PLACING, **options)
    return [
        {face.face: (int((face.points - SHAPE).mean(axis=0)[0]) * (1 if face.found else -1)) for face in faces}
        for faces in found
    ]


def test_faces_are_numbered_from_left_to_right_and_keep_their_numbers():
    detector = PixelDetector()
    frames = [frame((150 - 2 * t, 40), (40 + 2 * t, 80)) for t in range(5)]
    assert run(frames, detector) == [{0: 40 + 2 * t, 1: 150 - 2 * t} for t in range(5)]
    assert detector.calls == 1


def test_a_face_that_comes_in_is_found_by_the_next_search():
    frames = [frame((40, 50))] + [frame((40, 50), (140, 50))] * 4
    assert run(frames, every=3) == [{0: 40}] * 3 + [{0: 40, 1: 140}] * 2


def test_a_face_that_returns_to_its_place_gets_its_number():
    frames = [frame((40, 50), (140, 50)), frame((140, 50)), frame((50, 50), (140, 50))]
    assert run(frames) == [{0: 40, 1: 140}, {0: -40, 1: 140}, {0: 50, 1: 140}]
    assert run(frames, on_missing="skip") == [{0: 40, 1: 140}, {1: 140}, {0: 50, 1: 140}]
    with pytest.raises(InputError, match="face 0 is not in frame 1"):
        run(frames, on_missing="error")


def test_a_face_far_from_where_one_was_lost_is_a_new_one():
    assert run([frame((40, 50)), frame(), frame((160, 50))]) == [{0: 40}, {0: -40}, {0: -40, 1: 160}]


def test_two_faces_that_run_into_one():
    """The locator sees the one face twice; the second number is lost."""
    frames = [frame((60, 50), (110, 50)), frame((70, 50), (100, 50)), frame((85, 50))]
    assert run(frames)[-1] == {0: 85, 1: -100}


def test_first_frames_without_a_face():
    frames = [frame(), frame((40, 50))]
    assert run(frames) == [{}, {0: 40}]
    with pytest.raises(InputError, match="no face is in frame 0"):
        run(frames, on_missing="error")


def test_never_a_face():
    with pytest.raises(InputError, match="no face found in any of 2 frames"):
        run([frame(), frame()])


def test_searching_more_than_once_a_frame():
    with pytest.raises(ValueError, match="at least 1 frame, got 0"):
        run([frame()], every=0)


def test_crops_are_of_the_frames_own_faces():
    (faces,) = follow_all.follow_all([frame((40, 50), (140, 50))], PixelDetector(), PixelLocator(), PLACING)
    assert [face.alignment.size for face in faces] == [64, 64]
    middles = [face.alignment.corners.mean(axis=0)[0] for face in faces]
    np.testing.assert_allclose(middles, [40.5, 140.5])
