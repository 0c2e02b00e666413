"""Drawing over pictures: where ink lands, what stays, and what is refused."""

import numpy as np
import pytest

from jaxanim.tracking import preview

GREY = np.full((40, 60, 3), 100, np.uint8)


def square():
    """Two triangles, counter-clockwise seen from outside, over a part of the picture."""
    vertices = np.array([[10, 5, 0], [40, 5, 0], [40, 35, 0], [10, 35, 0]], np.float32)
    return vertices, np.array([[0, 2, 1], [0, 3, 2]])


def test_dots_are_where_the_points_are():
    points = np.array([[10.5, 20.5], [50.5, 5.5]])
    drawn = preview.draw(GREY, points)
    changed = (drawn != GREY).any(axis=-1)
    for x, y in points:
        assert drawn[int(y), int(x)].tolist() == list(preview.DOTS)
    rows, columns = np.nonzero(changed)
    near = np.hypot(columns[:, None] + 0.5 - points[:, 0], rows[:, None] + 0.5 - points[:, 1]).min(axis=1)
    assert near.max() < 2.5
    # Smooth: as heavy on all sides, and partly covered at the rim.
    np.testing.assert_allclose([columns[columns < 30].mean(), rows[columns < 30].mean()], [10, 20], atol=0.2)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 3


@pytest.mark.parametrize("count", [68, 98])
def test_landmarks_are_joined_by_lines(count):
    points = np.stack([np.linspace(5, 55, count), np.full(count, 20.0)], axis=-1)
    apart = preview.draw(GREY, points[::30])
    joined = preview.draw(GREY, points)
    assert (joined[20] != 100).any(axis=-1).mean() > 0.7
    assert (apart[20] != 100).any(axis=-1).mean() < 0.4


def test_a_surface_covers_its_pixels_only():
    vertices, faces = square()
    drawn = preview.draw(GREY, None, vertices, faces)
    changed = (drawn != GREY).any(axis=-1)
    expected = np.zeros(changed.shape, bool)
    expected[5:35, 10:40] = True
    np.testing.assert_array_equal(changed, expected)
    assert drawn[8, 12, 2] > drawn[8, 12, 0]  # bluish glass
    # Its diagonal is darker than its inside.
    assert drawn[20, 25].astype(int).sum() < drawn[12, 32].astype(int).sum()


def test_back_faces_are_not_drawn():
    vertices, faces = square()
    np.testing.assert_array_equal(preview.draw(GREY, None, vertices, faces[:, ::-1]), GREY)


def test_what_is_outside_is_left_out():
    points = np.concatenate([np.full((34, 2), -50.0), np.full((34, 2), 1e9)])
    np.testing.assert_array_equal(preview.draw(GREY, points), GREY)
    before = GREY.copy()
    preview.draw(before, np.full((5, 2), 20.0))
    np.testing.assert_array_equal(before, GREY)  # the picture given is not drawn into


def test_what_is_refused():
    vertices, faces = square()
    with pytest.raises(ValueError, match="both vertices and faces"):
        preview.draw(GREY, None, vertices)
    with pytest.raises(ValueError, match="landmarks must be finite"):
        preview.draw(GREY, np.full((68, 2), np.nan))
    vertices[0, 0] = np.inf
    with pytest.raises(ValueError, match="vertices must be finite"):
        preview.draw(GREY, None, vertices, faces)
