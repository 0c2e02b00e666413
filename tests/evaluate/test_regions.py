"""The regions of eyes and mouth."""

import numpy as np
import pytest

from jaxanim.evaluate import eyes_and_mouth


def face():
    """Eyes of 8x4 pixels around (30, 40) and (70, 40), a mouth of 20x8 around (50, 80)."""
    points = np.zeros((68, 2))
    for start, count, centre, half in (
        (36, 6, (30, 40), (4, 2)),
        (42, 6, (70, 40), (4, 2)),
        (48, 20, (50, 80), (10, 4)),
    ):
        angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
        points[start : start + count] = np.array(centre) + np.stack([np.cos(angle), np.sin(angle)], -1) * half
    return points


def test_boxes_reach_a_quarter_of_the_eyes_distance_beyond_the_points():
    mask = eyes_and_mouth(face(), 100)
    rows, columns = np.nonzero(mask[60:])
    assert (columns.min(), columns.max()) == (30, 69)  # 40..60, and 10 on both sides
    assert rows.min() + 60 == 66  # 80 - 4 * sin(72 degrees) - 10, as ten points of twenty lie on the sides
    assert not mask[:20].any()
    assert not mask[40, 50]
    assert mask[40, 30]
    assert mask[40, 70]


def test_many_faces_at_a_time_and_faces_over_the_border():
    faces = np.stack([face(), face() + 500.0])
    masks = eyes_and_mouth(faces, 100)
    assert masks.shape == (2, 100, 100)
    np.testing.assert_array_equal(masks[0], eyes_and_mouth(face(), 100))
    assert not masks[1].any()


def test_other_landmarks_are_refused():
    with pytest.raises(ValueError, match=r"\(98, 2\)"):
        eyes_and_mouth(np.zeros((98, 2)), 100)
