"""Following one face: it moves, leaves and returns, another one comes in, there is none, the scene is cut."""

import tracemalloc

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.tracking import follow
from jaxanim.tracking.crops import Box
from jaxanim.tracking.detect import Detection
from jaxanim.tracking.follow import Located
from tests.tracking.synthetic import PLACING, SHAPE, PixelDetector, PixelLocator, frame


def run(frames, detector=None, locator=None, **options):
    return list(follow.follow(frames, detector or PixelDetector(), locator or PixelLocator(), PLACING, **options))


def centers(faces):
    """Returns the pixels in which the tracked faces are."""
    return [tuple(np.floor((face.points - SHAPE).mean(axis=0)).astype(int).tolist()) for face in faces]


def test_a_face_that_moves_is_detected_once():
    path = [(40 + 4 * t, 50 + 2 * t) for t in range(20)]
    detector = PixelDetector()
    faces = run(map(frame, path), detector)
    assert centers(faces) == path
    assert detector.calls == 1
    assert [face.frame for face in faces] == list(range(20))
    assert all(face.found and face.confidence == 0.9 for face in faces)


def test_the_crop_of_a_frame_is_around_the_face_before():
    """The first one is looked at twice, so that its crop is centred, too."""
    faces = run([frame((40, 50)), frame((46, 50))])
    for face in faces:
        middle = follow.alignments.face_box(SHAPE + [40.5, 50.5]).center
        np.testing.assert_allclose(face.alignment.corners.mean(axis=0), middle)


LEAVES = [frame((40, 50)), frame((44, 50)), frame(), frame(), frame((150, 80)), frame((153, 80))]


def test_a_face_that_leaves_and_returns_is_held():
    faces = run(LEAVES)
    assert centers(faces) == [(40, 50), (44, 50), (44, 50), (44, 50), (150, 80), (153, 80)]
    assert [face.found for face in faces] == [True, True, False, False, True, True]
    assert [face.confidence for face in faces] == [0.9, 0.9, 0, 0, 0.9, 0.9]
    assert [face.frame for face in faces] == list(range(6))


def test_a_face_that_leaves_and_returns_is_skipped():
    faces = run(LEAVES, on_missing="skip")
    assert [face.frame for face in faces] == [0, 1, 4, 5]
    assert centers(faces) == [(40, 50), (44, 50), (150, 80), (153, 80)]


def test_a_face_that_leaves_is_an_error():
    with pytest.raises(InputError, match=r"no face in frame 2 \(--on-missing hold or skip"):
        run(LEAVES, on_missing="error")


def test_first_frames_without_a_face_get_the_first_one():
    frames = [frame(), frame(), frame((40, 50)), frame((42, 50))]
    faces = run(frames)
    assert centers(faces) == [(40, 50), (40, 50), (40, 50), (42, 50)]
    assert [(face.frame, face.found) for face in faces] == [(0, False), (1, False), (2, True), (3, True)]
    assert [face.frame for face in run(frames, on_missing="skip")] == [2, 3]
    with pytest.raises(InputError, match="no face in frame 0"):
        run(frames, on_missing="error")


@pytest.mark.parametrize("on_missing", ["hold", "skip"])
def test_never_a_face(on_missing):
    with pytest.raises(InputError, match="no face found in any of 3 frames"):
        run([frame()] * 3, on_missing=on_missing)


def test_another_face_comes_in():
    """It comes from the right, and stays beside the first one, which goes on."""
    frames = [frame((60, 50), (190 - 10 * t, 50)) for t in range(10)]
    assert centers(run(frames, which=0)) == [(60, 50)] * 10


def test_of_several_faces_the_nearest_goes_on():
    """Lost for a frame, it comes back a bit further to the right; the one to the left would be number 0."""
    frames = [frame((30, 50), (120, 50)), frame(), frame((30, 50), (150, 60))]
    detector = PixelDetector()
    faces = run(frames, detector, which=1)
    assert centers(faces) == [(120, 50), (120, 50), (150, 60)]
    assert detector.calls == 3


def test_after_a_cut_the_new_scenes_nearest_face_goes_on():
    frames = [frame((40, 50)), frame((40, 50)), frame((100, 90), (180, 20)), frame((102, 90), (180, 20))]
    detector = PixelDetector()
    faces = run(frames, detector)
    assert centers(faces) == [(40, 50), (40, 50), (100, 90), (102, 90)]
    assert detector.calls == 2


def test_detections_that_the_locator_does_not_believe():
    class Doubting(PixelLocator):
        def __call__(self, picture, places):
            return [Located(found.points, 0.3) for found in super().__call__(picture, places)]

    with pytest.raises(InputError, match="no face found in any of 2 frames"):
        run([frame((40, 50))] * 2, locator=Doubting())
    assert len(run([frame((40, 50))] * 2, locator=Doubting(), min_confidence=0.2)) == 2


def test_the_largest_and_the_numbers_are_those_of_faces_that_are_believed():
    """A large one on the left that is none, and a face that is seen twice."""

    class Imagining(PixelDetector):
        def __call__(self, picture):
            seen = super().__call__(picture)
            return (Detection(Box(0, 60, 60, 60), 9.0), *seen, *seen)

    picture = frame((90, 30), (150, 30))
    assert centers(run([picture], Imagining())) == [(90, 30)]
    assert centers(run([picture], Imagining(), which=0)) == [(90, 30)]
    assert centers(run([picture], Imagining(), which=1)) == [(150, 30)]
    with pytest.raises(InputError, match="no face 2: there are faces 0 to 1"):
        run([picture], Imagining(), which=2)
    found = follow.find(picture, 7, Imagining(), PixelLocator(), PLACING)
    assert [(face.frame, face.face) for face in found] == [(7, 0), (7, 1)]


@pytest.mark.parametrize("points", [np.full((5, 2), 40.0), np.full((5, 2), np.nan), SHAPE / 20 + 50, SHAPE - 300])
def test_landmarks_that_are_no_face_are_not_believed(points):
    """On one point, not finite, eight times too small, outside of the picture: as if nothing was found."""

    class Wild(PixelLocator):
        def __call__(self, picture, places):
            return [Located(points, 1.0) for _ in places]

    with pytest.raises(InputError, match="no face found"):
        run([frame((40, 50))], locator=Wild())


def test_wrong_calls():
    with pytest.raises(ValueError, match="follow_all"):
        run([frame()], which="all")
    with pytest.raises(InputError, match="no face 2: there are faces 0 to 1"):
        run([frame((30, 50), (120, 50))], which=2)
    with pytest.raises(InputError, match="any of 0 frames"):
        run([])


def test_memory_does_not_grow_with_length():
    """A hundred frames of 72 kB pass; a fifth of them held at once would show."""
    tracemalloc.start()
    try:
        video = (frame((40 + t % 50, 50)) for t in range(100))
        for _ in follow.follow(video, PixelDetector(), PixelLocator(), PLACING):
            pass
        assert tracemalloc.get_traced_memory()[1] < 20 * 72_000
    finally:
        tracemalloc.stop()
