"""The reader on a photograph, shifted and looked at from a turned box."""

import numpy as np
import pytest
import skimage.data
from scipy.spatial.transform import Rotation

from jaxanim.evaluate import face_reader

# By hand, of the astronaut's face cut out: the picture's left eye, right eye, corners of the mouth.
CORNER = np.array([100, 0])
LEFT, RIGHT, MOUTH = np.array([202.5, 100.8]), np.array([248.3, 103.3]), ((203.3, 139.7), (248.3, 140.0))
SHIFT = 12
DEGREES = 20.0


def points_of(turn=0.0):
    """68 landmarks of which those that place the box are right; the box may be turned around the nose."""
    points = np.zeros((68, 2))
    points[36:42], points[42:48], points[48], points[54] = LEFT, RIGHT, *MOUTH
    middle, angle = np.array([224.0, 127.0]), np.radians(turn)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return ((points - middle) @ matrix.T + middle - CORNER).astype(np.float32)


@pytest.fixture(scope="module")
def looked():
    """The same face, shifted, in a turned box, and again; and what the fit was told of it."""
    picture = np.ascontiguousarray(skimage.data.astronaut()[:256, 100:356])
    shifted = np.roll(picture, (SHIFT, -SHIFT), axis=(0, 1))
    points = np.stack([points_of(), points_of() + np.float32([-SHIFT, SHIFT]), points_of(DEGREES), points_of()])
    told, fit_picture = [], face_reader.fit.fit_picture

    def listening(*arguments, prior, **options):
        told.append(prior)
        return fit_picture(*arguments, prior=prior, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(face_reader.fit, "fit_picture", listening)
        found = face_reader.bundled_reader()(np.stack([picture, shifted, picture, picture]), points)
    return found, told[0]


@pytest.fixture(scope="module")
def found(looked):
    return looked[0]


def test_landmarks_are_where_the_face_is(found):
    eyes = [found.landmarks68[0, part].mean(axis=0) + CORNER for part in (slice(36, 42), slice(42, 48))]
    assert max(np.linalg.norm(eyes[0] - LEFT), np.linalg.norm(eyes[1] - RIGHT)) < 8


def test_a_shifted_face_has_shifted_landmarks_and_all_else_alike(found):
    moved = found.landmarks68[1] - found.landmarks68[0]
    np.testing.assert_allclose(moved, np.broadcast_to([-SHIFT, SHIFT], moved.shape), atol=0.2)
    np.testing.assert_allclose(found.head_degrees[1], found.head_degrees[0], atol=0.5)
    np.testing.assert_allclose(found.expression[1], found.expression[0], atol=0.02)


def test_what_is_found_does_not_turn_with_the_box(found):
    assert np.linalg.norm(found.landmarks68[2] - found.landmarks68[0], axis=-1).mean() < 5
    yaw, pitch, roll = np.abs(found.head_degrees[2] - found.head_degrees[0])
    assert roll < DEGREES / 3
    assert max(yaw, pitch) < DEGREES


def test_the_network_says_how_the_head_is_turned_in_the_picture(looked):
    straight, turned = Rotation.from_rotvec(looked[1].rotations[[0, 2], 1])
    degrees = np.degrees((straight.inv() * turned).magnitude())
    assert degrees < 28  # 40 and more were the turn told with the wrong sign


def test_a_picture_does_not_depend_on_the_others(found):
    np.testing.assert_allclose(found.landmarks68[3], found.landmarks68[0], atol=1e-3)
    np.testing.assert_allclose(found.expression[3], found.expression[0], atol=1e-4)
    assert found.expression.shape == (4, 52)
