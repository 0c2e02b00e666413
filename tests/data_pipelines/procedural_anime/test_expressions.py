"""The 39 face numbers do what they do on a released THA4 character, in direction and about in size.

The facts in the docstrings were measured on that character's own renderings; its eyes are 16 pixels tall and its closed
mouth 13 wide, so that sizes are compared as parts of these.
"""

import numpy as np
import pytest

from data_pipelines.procedural_anime import HOUSE_CHARACTER, eyes, face
from data_pipelines.procedural_anime.motion import HEAD_CENTER
from jaxanim.signals import pose_vector

SIDES = {"_left": 1, "_right": -1}
PIXELS = 1.5  # of the measurements


def pose(**values):
    return pose_vector.make_pose({name: float(value) for name, value in values.items()})


def brow(side, **values):
    """Returns the height of a brow's inner end, middle and outer end above its place at rest, in pixels."""
    heights = []
    for one in (pose(**values), pose()):
        outline = face.brow(HOUSE_CHARACTER, one, side).points
        middle = (outline[: len(outline) // 2] + outline[: len(outline) // 2 - 1 : -1]) / 2
        heights.append(middle[[1, len(middle) // 2, -2], 1])
    return heights[1] - heights[0]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("name", "heights"),
    [
        ("troubled", (5.0, 2.0, 0.0)),
        ("angry", (-1.5, 0.0, 4.5)),
        ("lowered", (-6.0, -6.0, -6.0)),
        ("raised", (6.0, 6.0, 6.0)),
        ("happy", (1.0, 3.0, 0.0)),
        ("serious", (-2.0, 0.0, 4.5)),
    ],
)
def test_brows(name, heights, side):
    """Troubled lifts the inner end; angry and serious lower it a little and lift the outer; happy lifts the arch."""
    moved = brow(SIDES[side], **{f"eyebrow_{name}{side}": 1})
    np.testing.assert_allclose(moved, heights, atol=PIXELS + 0.5)
    assert not brow(-SIDES[side], **{f"eyebrow_{name}{side}": 1}).any()


def lids(side, **values):
    """Returns upper and lower lid at the inner end, the middle and the outer end: 0 at the top of the open eye, 1 at
    its bottom."""
    top, bottom, _ = eyes._lids(HOUSE_CHARACTER, pose(), side)
    height, low = top[:, 1].min(), bottom[:, 1].max()
    upper, lower, _ = eyes._lids(HOUSE_CHARACTER, pose(**values), side)
    at = [2, 15, 28][::side]
    return [(lid[at, 1] - height) / (low - height) for lid in (upper, lower)]


@pytest.mark.parametrize("side", SIDES)
def test_winks(side):
    """A wink closes near the lower lid in a curve that hangs; a happy one higher, in an arch; a relaxed one is flat."""
    line = {name: lids(SIDES[side], **{name + side: 1})[0] for name in ("eye_wink", "eye_happy_wink", "eye_relaxed")}
    for name in line:
        upper, lower = lids(SIDES[side], **{name + side: 1})
        np.testing.assert_allclose(upper, lower, atol=1e-6)
        still = np.concatenate(lids(-SIDES[side], **{name + side: 1}))
        np.testing.assert_allclose(still, np.concatenate(lids(-SIDES[side])), atol=1e-6)
    middle = {name: points[1] for name, points in line.items()}
    assert middle["eye_wink"] == pytest.approx(0.86, abs=0.1)
    assert middle["eye_relaxed"] == pytest.approx(0.70, abs=0.1)
    assert middle["eye_happy_wink"] == pytest.approx(0.55, abs=0.15)
    ends = {name: (points[0] + points[2]) / 2 for name, points in line.items()}
    assert ends["eye_wink"] < middle["eye_wink"] - 0.1
    assert ends["eye_happy_wink"] > middle["eye_happy_wink"] + 0.1
    assert ends["eye_relaxed"] == pytest.approx(middle["eye_relaxed"], abs=0.05)


@pytest.mark.parametrize("side", SIDES)
def test_lids(side):
    """Surprise lifts the upper lid by 0.15 of the eye's height, a bored one hangs 0.25 lower and straight, a raised
    lower lid comes up by 0.11."""
    (_, top, _), (_, bottom, _) = lids(SIDES[side])
    upper, lower = lids(SIDES[side], **{"eye_surprised" + side: 1})
    assert upper[1] - top == pytest.approx(-0.15, abs=0.05)
    assert lower[1] >= bottom
    upper, lower = lids(SIDES[side], **{"eye_unimpressed" + side: 1})
    assert upper[1] - top == pytest.approx(0.25, abs=0.08)
    assert lower[1] == pytest.approx(bottom)
    upper, lower = lids(SIDES[side], **{"eye_raised_lower_eyelid" + side: 1})
    assert upper[1] == pytest.approx(top)
    assert lower[1] - bottom == pytest.approx(-0.14, abs=0.06)


def iris(side, **values):
    """Returns middle and half widths of an iris."""
    opening = eyes._iris(HOUSE_CHARACTER, pose(**values), side, values.get("iris_small_left", 0.0), None)
    points = opening[0].points
    return points.mean(axis=0), (points.max(axis=0) - points.min(axis=0)) / 2


def test_gaze():
    """iris_rotation_y moves both irises by 0.3 of the eye's half width, to the viewer's left where positive;
    iris_rotation_x by 0.3 of its half height, up where positive; a small iris is a dot."""
    for side in SIDES.values():
        (x, y), size = iris(side)
        assert iris(side, iris_rotation_y=1)[0][0] - x == pytest.approx(-0.3 * HOUSE_CHARACTER.eye_half_width, abs=1)
        assert iris(side, iris_rotation_y=-1)[0][0] - x == pytest.approx(0.3 * HOUSE_CHARACTER.eye_half_width, abs=1)
        assert iris(side, iris_rotation_x=1)[0][1] - y == pytest.approx(-3.5, abs=PIXELS)
        assert iris(side, iris_rotation_x=-1)[0][1] - y == pytest.approx(3.5, abs=PIXELS)
        assert (iris(side, iris_small_left=1)[1] < 0.15 * size).all()


def lips(**values):
    """Returns the outline of the mouth relative to its middle when closed."""
    outline = face.mouth(HOUSE_CHARACTER, pose(**values))[0].points
    return outline - [HEAD_CENTER[0], HEAD_CENTER[1] + HOUSE_CHARACTER.mouth_drop + 1.0]


@pytest.mark.parametrize(
    ("name", "width"), [("aaa", 1.2), ("iii", 1.2), ("uuu", 0.7), ("eee", 1.2), ("ooo", 0.85), ("delta", 0.75)]
)
def test_vowels_are_as_wide_and_open_both_ways(name, width):
    """Widths as parts of the closed mouth; both lips leave its line."""
    opened = lips(**{f"mouth_{name}": 1})
    assert np.ptp(opened[:, 0]) == pytest.approx(width * 2 * HOUSE_CHARACTER.mouth_half_width, rel=0.15)
    assert opened[:, 1].min() < -1.0
    assert opened[:, 1].max() > 1.0


def test_vowels_open_in_this_order():
    """aaa and ooo open most, delta and eee less, uuu less again, iii least."""
    opening = {
        name: np.ptp(lips(**{f"mouth_{name}": 1})[:, 1]) for name in ("aaa", "ooo", "delta", "eee", "uuu", "iii")
    }
    assert min(opening["aaa"], opening["ooo"]) > max(opening["delta"], opening["eee"])
    assert min(opening["delta"], opening["eee"]) > opening["uuu"] > opening["iii"]


def test_delta_has_its_point_above():
    """A triangle: its upper third is narrower than its lower third."""
    outline = lips(mouth_delta=1)
    top, height = outline[:, 1].min(), np.ptp(outline[:, 1])
    upper = outline[outline[:, 1] < top + 0.3 * height]
    lower = outline[outline[:, 1] > top + 0.7 * height]
    assert np.ptp(upper[:, 0]) < 0.8 * np.ptp(lower[:, 0])


def corners(**values):
    """Returns how far the corners at the viewer's left and right are above the middle of the mouth."""
    outline = lips(**values)
    middle = outline[np.abs(outline[:, 0]) < 1.0, 1].mean()
    return np.array([middle - outline[outline[:, 0].argmin(), 1], middle - outline[outline[:, 0].argmax(), 1]])


@pytest.mark.parametrize(("name", "sign"), [("mouth_raised_corner", 1), ("mouth_lowered_corner", -1)])
def test_corners_move_on_their_side(name, sign):
    left_of_viewer, right_of_viewer = corners(**{name + "_left": 1}) - corners()
    assert sign * right_of_viewer > 1
    assert abs(left_of_viewer) < 0.5
    left_of_viewer, right_of_viewer = corners(**{name + "_right": 1}) - corners()
    assert sign * left_of_viewer > 1
    assert abs(right_of_viewer) < 0.5


def test_a_smirk_is_an_even_grin_that_shows_the_teeth():
    """Both corners go up alike, the lips part a little, and what is seen between them is white."""
    left, right = corners(mouth_smirk=1)
    assert left == pytest.approx(right, abs=0.2)
    assert left > 1
    assert 2 < np.ptp(lips(mouth_smirk=1)[:, 1]) < 8
    assert any(part.fill == (1.0, 1.0, 1.0) for part in face.mouth(HOUSE_CHARACTER, pose(mouth_smirk=1)))
