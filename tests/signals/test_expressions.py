"""Named expressions: what they are made of, how they come and go, and what is refused."""

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.signals import action_units, expressions


def test_a_smile_is_cheeks_and_corners_of_the_mouth():
    row = dict(zip(action_units.NAMES, expressions.row_of_action_units("smile"), strict=True))
    assert {name for name, value in row.items() if value} == {"AU06", "AU12", "AU25"}
    assert max(row, key=row.get) == "AU12"


@pytest.mark.parametrize("name", list(expressions.EXPRESSIONS))
def test_expressions_are_of_known_units_in_their_range(name):
    assert set(expressions.EXPRESSIONS[name]) <= set(action_units.NAMES)
    row = expressions.row_of_action_units(name)
    assert row.min() >= 0
    assert 3 <= row.max() <= action_units.LARGEST


def test_classes():
    assert expressions.row_of_classes("happy", ("sad", "happy", "neutral")).tolist() == [0, 1, 0]


def test_unknown_names_list_the_known_ones():
    with pytest.raises(InputError, match=r"unknown expression 'grin'.*smile, surprise, anger"):
        expressions.row_of_action_units("grin")
    with pytest.raises(InputError, match="unknown expression 'smile'; this model knows sad, happy"):
        expressions.row_of_classes("smile", ("sad", "happy"))


@pytest.mark.parametrize(
    ("text", "wanted"), [("smile", ("smile", 1.0)), (" sad = .5", ("sad", 0.5)), ("0=1", ("0", 1))]
)
def test_parse(text, wanted):
    assert expressions.parse(text) == wanted


@pytest.mark.parametrize("text", ["smile=", "smile=0", "smile=1.5", "smile=-1", "smile=nan", "smile=1e-1", "smile=a"])
def test_parse_refuses(text):
    with pytest.raises(InputError, match="NAME=AMOUNT"):
        expressions.parse(text)


def test_an_expression_comes_stays_and_goes():
    """Ten seconds: 0.8 s up, 0.8 s down, all of it in between; the same backwards."""
    course = expressions.come_and_go(10.0, 10.0)
    assert course.shape == (100,)
    assert course[0] == course[-1] == 0.0
    assert (np.diff(course[:9]) > 0).all()
    np.testing.assert_allclose(course[8:92], 1.0, atol=1e-6)
    np.testing.assert_allclose(course, course[::-1], atol=1e-6)


def test_short_ones_come_and_go_in_a_third():
    course = expressions.come_and_go(1.1, 10.0)  # 11 frames: up in three, down in three
    np.testing.assert_allclose(course[[0, 3, 7, 10]], [0, 1, 1, 0], atol=1e-6)
    assert 0 < course[1] < course[2] < 1


@pytest.mark.parametrize(("duration", "fps"), [(0.1, 10), (0, 10), (-1, 10), (np.nan, 10), (-1, -10), (1, np.nan)])
def test_too_short(duration, fps):
    with pytest.raises(InputError, match="three frames or more"):
        expressions.come_and_go(float(duration), float(fps))


@pytest.mark.parametrize(("duration", "fps"), [(np.inf, 10.0), (1e9, 10.0), (1e300, 1e300)])
def test_too_long(duration, fps):
    with pytest.raises(InputError, match="frames are more than the 10000000 that are possible"):
        expressions.come_and_go(duration, fps)
