"""Where faces are cut: squares around boxes and landmarks, FFHQ's and VoxCeleb's crops, boxes like a detector's."""

import numpy as np
import pytest
from PIL import Image

from jaxanim.core.errors import InputError
from jaxanim.tracking import alignments, crops
from jaxanim.tracking.crops import Box

FACE = np.array([[80.0, 90.0], [130.0, 80.0], [112.0, 118.0], [93.0, 142.0], [133.0, 134.0]])


def spread(count, rings, mouth):
    """Puts the five points of FACE into the places of a larger scheme, eyes as rings around their middles."""
    points = np.full((count, 2), 100.0)
    turn = np.linspace(0, 2 * np.pi, rings[0].stop - rings[0].start, endpoint=False)
    for ring, center in zip(rings, FACE[:2], strict=True):
        points[ring] = center + np.stack([6 * np.cos(turn), 3 * np.sin(turn)], axis=-1)
    points[list(mouth)] = FACE[3:]
    return points


FACES = {
    5: FACE,
    68: spread(68, (slice(36, 42), slice(42, 48)), (48, 54)),
    98: spread(98, (slice(60, 68), slice(68, 76)), (76, 82)),
}


def ffhq_quad(eye_left, eye_right, mouth_left, mouth_right):
    """The released program of FFHQ (and e4e), on points."""
    eye_avg = (eye_left + eye_right) * 0.5
    eye_to_eye = eye_right - eye_left
    eye_to_mouth = (mouth_left + mouth_right) * 0.5 - eye_avg
    x = eye_to_eye - np.flipud(eye_to_mouth) * [-1, 1]
    x /= np.hypot(*x)
    x *= max(np.hypot(*eye_to_eye) * 2.0, np.hypot(*eye_to_mouth) * 1.8)
    y = np.flipud(x) * [-1, 1]
    c = eye_avg + eye_to_mouth * 0.1
    return np.stack([c - x - y, c - x + y, c + x + y, c + x - y])


def test_around_a_box():
    alignment = alignments.around_box(Box(10, 20, 40, 30), 1.5, 64)
    np.testing.assert_allclose(alignment.corners[[0, 2]], [[0, 5], [60, 65]])


@pytest.mark.parametrize("upright", [False, True])
def test_around_points(upright):
    """All points lie in the square; the longer side of their box is 2/3 of it."""
    alignment = alignments.around_points(FACE, 1.5, 96, upright=upright)
    inside = crops.to_crop(alignment, FACE)
    np.testing.assert_allclose(inside.max(axis=0) + inside.min(axis=0), [96, 96], atol=1e-9)
    assert (inside.max(axis=0) - inside.min(axis=0)).max() == pytest.approx(64)
    assert (abs(inside[0, 1] - inside[1, 1]) < 1e-9) == upright


@pytest.mark.parametrize("count", FACES)
def test_ffhq_has_the_corners_of_the_released_program(count):
    expected = ffhq_quad(FACE[0], FACE[1], FACE[3], FACE[4])
    np.testing.assert_allclose(alignments.ffhq(FACES[count], 256).corners, expected, rtol=0, atol=1e-9)


def test_ffhq_shows_what_the_released_program_shows():
    """Pillow's transformation of a quadrangle, bilinear, at the same scale."""
    y, x = np.mgrid[:220, :220]
    picture = np.rint(127.5 + 60 * np.stack([np.sin(x / 9 + c) + np.cos(y / 8) for c in range(3)], -1)).astype(np.uint8)
    quad = ffhq_quad(FACE[0], FACE[1], FACE[3], FACE[4])
    size = round(float(np.hypot(*(quad[3] - quad[0]))))
    expected = Image.fromarray(picture).transform(
        (size, size), Image.Transform.QUAD, quad.ravel().tolist(), Image.Resampling.BILINEAR
    )
    ours = crops.take(picture, alignments.ffhq(FACE, size)).astype(int)
    inside = (
        np.asarray(
            Image.fromarray(np.full((220, 220), 255, np.uint8)).transform(
                (size, size), Image.Transform.QUAD, quad.ravel().tolist(), Image.Resampling.NEAREST
            )
        )
        > 0
    )
    difference = np.abs(ours - np.asarray(expected))[inside]
    assert difference.max() <= 2
    assert inside.mean() > 0.9


def test_ffhq_levels_the_face():
    alignment = alignments.ffhq(FACE, 256)
    left, right = crops.to_crop(alignment, FACE[:2])
    assert abs(left[1] - right[1]) < 2
    assert left[0] < 128 < right[0]
    assert alignment.degrees == pytest.approx(np.rad2deg(np.arctan2(-10, 50)), abs=3)


def test_one_crop_for_a_clip():
    """A face that moves from x 10..50 to 30..80, y 20..60: 70 wide, so 84 with a tenth on either side."""
    alignment = alignments.over_clip([Box(10, 20, 40, 40), Box(30, 25, 50, 35)], 256)
    np.testing.assert_allclose(alignment.corners[[0, 2]], [[3, -2], [87, 82]])
    with pytest.raises(InputError, match="at least one frame"):
        alignments.over_clip([], 256)


def test_boxes_move_grow_and_turn_with_the_face():
    box = alignments.face_box(FACE)
    larger = alignments.face_box(FACE * 3 + 7)
    np.testing.assert_allclose([larger.x, larger.y, larger.width], [3 * box.x + 7, 3 * box.y + 7, 3 * box.width])
    alignment = alignments.around_face(FACE, 1.4, 128, upright=True)
    np.testing.assert_allclose(crops.to_crop(alignment, box.center), [64, 64])
    assert alignment.scale == pytest.approx(128 / (1.4 * box.width))
    assert alignment.degrees == pytest.approx(alignments.tilt(FACE))
    assert alignments.around_face(FACE, 1.4, 128, upright=False).degrees == 0


def test_leaning_to_the_right_is_positive():
    assert alignments.tilt(np.array([[0.0, 0.0], [10, 10], [3, 8], [-5, 10], [0, 15]])) == pytest.approx(45)


def test_points_that_are_no_face():
    with pytest.raises(InputError, match="5, 68, 98 landmarks, got 6"):
        alignments.ffhq(np.zeros((6, 2)), 256)
    with pytest.raises(InputError, match="no face"):
        alignments.ffhq(np.full((5, 2), 3.0), 256)
    with pytest.raises(InputError, match="2 numbers that are not finite"):
        alignments.tilt(np.where(FACE[0] == FACE, np.nan, FACE))
    with pytest.raises(InputError, match="side of 0 pixels"):
        alignments.around_points(np.zeros((3, 2)), 1.5, 64, upright=False)
