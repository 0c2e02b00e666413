"""A point and the pixel under it stay together."""

import numpy as np
import pytest

from data_pipelines import face_square
from jaxanim.data import CorruptRecordError


def test_the_pixel_under_a_point_moves_with_it():
    picture = np.zeros((40, 50, 3), np.uint8)
    picture[20:24, 30:34] = 255  # its middle is at (32, 22)
    square = face_square.Square(left=20, top=10, side=24)
    cut = face_square.cut(picture, square, 12)
    rows, columns = np.nonzero(cut[..., 0] > 127)
    middle = [columns.mean() + 0.5, rows.mean() + 0.5]
    np.testing.assert_allclose(face_square.move(np.array([[32.0, 22.0]]), square, 12)[0], middle)


def test_what_lies_outside_is_black():
    cut = face_square.cut(np.full((4, 4, 3), 200, np.uint8), face_square.Square(-2, 1, 4), 4)
    np.testing.assert_array_equal(cut[..., 0], [[0, 0, 200, 200]] * 3 + [[0] * 4])


def test_around():
    points = np.array([[[10.0, 20.0], [20.0, 24.0]], [[12.0, 20.0], [22.0, 28.0]]])  # two frames
    square = face_square.around(points, (100, 100, 3), "f")
    assert square == face_square.Square(left=7, top=15, side=18)


@pytest.mark.parametrize(
    "points", [[[5, 5], [5, 5]], [[0, 0], [0, 300]], [[-60, 5], [-10, 9]], [[5, 80], [9, 150]]], ids=str
)
def test_points_that_are_no_face(points):
    with pytest.raises(CorruptRecordError, match=r"f: points from .* are not those of a face in a picture of 100x100"):
        face_square.around(np.array(points, np.float64), (100, 100, 3), "f")
