"""The default detector on a photo: large, small, leaning, none, too small; which of several faces is meant."""

import numpy as np
import pytest
import skimage.data
from PIL import Image

from jaxanim.core.errors import InputError
from jaxanim.tracking import detect
from jaxanim.tracking.crops import Box
from jaxanim.tracking.detect import Detection

EYES, CHIN = np.array([222.0, 112.0]), 172.0  # of the astronaut, between them; pixels of her photo


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def detector():
    return detect.LbpDetector()


@pytest.fixture(scope="module")
def upright_detector():
    """Quicker where there is nothing to find."""
    return detect.LbpDetector(tilts=())


def on_grey(photo, side, *, height=600, width=800, corner=(400, 300)):
    """The photo, shrunk, on a larger grey picture."""
    picture = np.full((height, width, 3), 128, np.uint8)
    x, y = corner
    picture[y : y + side, x : x + side] = np.asarray(Image.fromarray(photo).resize((side, side)))
    return picture


def check(found, factor=1.0, shift=(0.0, 0.0)):
    """The box's middle lies a little below the eyes, and it reaches from above the brows to about the chin."""
    assert len(found) == 1
    box = found[0].box
    x, y = EYES * factor + shift
    assert abs(box.center[0] - x) < 15 * factor
    assert 0 < box.center[1] - y < 25 * factor
    assert 80 * factor < box.width == box.height < 125 * factor
    assert abs(box.y + box.height - CHIN * factor - shift[1]) < 15 * factor


def test_a_photo(photo, detector):
    check(detector(photo))


@pytest.mark.parametrize("side", [250, 1000])
def test_photos_of_other_sizes(photo, detector, side):
    check(detector(np.asarray(Image.fromarray(photo).resize((side, side)))), side / 512)


def test_a_small_face_in_a_large_picture(photo, upright_detector):
    """Forty pixels wide in 800: too small for the first search, in which it has sixteen."""
    check(upright_detector(on_grey(photo, 200)), 200 / 512, (400.0, 300.0))


@pytest.mark.parametrize("degrees", [-15, 40])
def test_leaning_heads(photo, detector, degrees):
    """Pillow turns counter-clockwise around the middle."""
    found = detector(np.asarray(Image.fromarray(photo).rotate(degrees, Image.Resampling.BICUBIC)))
    angle = np.deg2rad(-degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = turn @ (EYES + [0, 12] - 256) + 256
    assert np.hypot(*(found[0].box.center - expected)) < 15
    assert 80 < found[0].box.width < 125


def test_no_face(detector):
    assert detector(np.asarray(Image.fromarray(skimage.data.coffee()).resize((150, 100)))) == ()


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (5, 900), (40, 40)])
def test_small_and_odd_pictures(detector, shape):
    assert detector(np.full((*shape, 3), 90, np.uint8)) == ()


def test_faces_of_eight_pixels_are_not_found(photo, upright_detector):
    assert upright_detector(on_grey(photo, 40, height=300, width=300, corner=(100, 100))) == ()


def test_grey_photos(photo, detector):
    grey = np.asarray(Image.fromarray(photo).convert("L").convert("RGB"))
    check(detector(grey))


def test_two_people(photo, detector):
    picture = np.concatenate([photo, photo[:, ::-1]], axis=1)
    left, right = detect.choose(detector(picture), "all")
    assert abs(left.box.center[0] - EYES[0]) < 20
    assert abs(right.box.center[0] - (1024 - EYES[0])) < 20


def make_faces():
    """From left to right: numbers 0, 1, 2; the largest is the second."""
    boxes = [Box(200, 0, 30, 30), Box(10, 50, 20, 20), Box(90, 20, 60, 60)]
    return [Detection(box, score) for box, score in zip(boxes, (30.0, 20.0, 10.0), strict=True)]


@pytest.mark.parametrize(("which", "left"), [("largest", [90]), ("all", [10, 90, 200]), (0, [10]), (2, [200])])
def test_choice(which, left):
    assert [face.box.x for face in detect.choose(make_faces(), which)] == left


def test_choices_there_are_not():
    with pytest.raises(InputError, match="no face found"):
        detect.choose([], "largest")
    with pytest.raises(InputError, match="no face 3: there are faces 0 to 2"):
        detect.choose(make_faces(), 3)
    with pytest.raises(InputError, match="no face -1: there is one face, number 0"):
        detect.choose(make_faces()[:1], -1)


def test_overlapping_boxes_are_one_face():
    """Three boxes around (15, 15), two elsewhere, one alone, one small one within the first three."""
    boxes = np.array(
        [[10, 10, 10, 10], [11, 10, 10, 10], [9, 10, 10, 10], [80, 0, 20, 20], [82, 2, 20, 20], [50, 50, 9, 9]], float
    )
    faces = detect.merge(boxes, min_score=2)
    assert [face.score for face in faces] == [3, 2]
    assert faces[0].box == Box(10, 10, 10, 10)
    assert faces[1].box == Box(81, 1, 20, 20)
    assert detect.merge(np.zeros((0, 4)), min_score=1) == ()


def test_a_face_within_a_better_one_is_left_out():
    inner = Detection(Box(12, 12, 5, 5), 4.0)
    outer = Detection(Box(10, 10, 20, 20), 9.0)
    beside = Detection(Box(28, 10, 20, 20), 3.0)
    assert detect.best([inner, beside, outer]) == (outer, beside)


def test_overlap():
    first = np.array([[0.0, 0, 2, 2], [10, 10, 1, 1]])
    second = np.array([[1.0, 0, 2, 2]])
    np.testing.assert_allclose(detect.overlap(first, second), [[1 / 3], [0]])
