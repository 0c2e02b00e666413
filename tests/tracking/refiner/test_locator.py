"""Two looks as one locator: what the refiner finds in its crop is told in the picture's pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.data

from jaxanim.geometry import mirror
from jaxanim.signals.face_signal import EXPRESSIONS
from jaxanim.tracking import alignments
from jaxanim.tracking.follow import Locator
from jaxanim.tracking.locators import load_locator
from jaxanim.tracking.refiner import locator as locators
from jaxanim.tracking.refiner.design import Design
from jaxanim.tracking.refiner.locator import RefinedLocator
from jaxanim.tracking.refiner.refiner import NETWORK, Refiner
from jaxanim.tracking.regressor import files
from jaxanim.tracking.regressor.locator import RegressorLocator

MIDDLE = np.array([225.0, 120.0])  # of the astronaut's face
LEFT, RIGHT = np.array([202.5, 100.8]), np.array([248.3, 103.3])  # her eyes, by hand


@pytest.fixture(scope="module")
def locator():
    return load_locator(careful=False)


@pytest.fixture(scope="module")
def first():
    _, regressor, params = files.read_regressor(files.bundled_regressor())
    return RegressorLocator(regressor, params)


@pytest.fixture(scope="module")
def picture():
    return np.asarray(skimage.data.astronaut())


def around(side, degrees=0.0):
    return alignments.around_center(MIDDLE, side, 128, degrees=degrees)


def test_it_is_a_locator(locator, first):
    assert isinstance(locator, Locator)
    assert locator.placing == first.placing


def test_points_are_those_of_the_picture(locator, picture):
    near, far = locator(picture, [around(150.0), around(180.0)])
    assert near.points.shape == (98, 2)
    assert np.linalg.norm(near.points - far.points, axis=-1).mean() < 3
    eyes = [near.more.landmarks68[part].mean(axis=0) for part in (slice(36, 42), slice(42, 48))]
    assert max(np.linalg.norm(eyes[0] - LEFT), np.linalg.norm(eyes[1] - RIGHT)) < 6
    assert near.more.expression.shape == (52,)


def test_a_turned_crop_tells_the_same(locator, first, picture):
    """The second look is upright, whatever the first one was."""
    straight, turned = (locator(picture, [around(165.0, degrees)])[0] for degrees in (0.0, 15.0))
    assert np.linalg.norm(straight.points - turned.points, axis=-1).mean() < 5
    (alone,) = first(picture, [around(165.0)])
    np.testing.assert_array_equal(straight.more.head, alone.more.head)
    np.testing.assert_array_equal(straight.more.identity, alone.more.identity)
    assert np.abs(straight.points - alone.points).max() > 0.5


def test_a_careful_look_does_not_know_left_from_right(picture):
    careful = load_locator(careful=True)
    (found,) = careful(picture, [around(165.0)])
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    (other,) = careful(mirrored, [alignments.around_center(np.array([512 - MIDDLE[0], MIDDLE[1]]), 165.0, 128)])
    np.testing.assert_allclose(mirror.mirror_points(other.points, 512), found.points, atol=0.4)
    order = mirror.mirrored_names(EXPRESSIONS)
    np.testing.assert_allclose(other.more.expression[order], found.more.expression, atol=0.05)


def test_where_no_face_is_the_first_look_stays(locator, first, monkeypatch, picture):
    monkeypatch.setattr(locators, "is_a_face", lambda points, picture: False)
    (found,), (alone,) = locator(picture, [around(165.0)]), first(picture, [around(165.0)])
    np.testing.assert_array_equal(found.points, alone.points)


def test_refiners_of_other_expressions_are_refused(first):
    other = Refiner(Design(expression=50, size=32, widths=(8, 8), hidden=8, decoder=8))
    params = jax.tree.map(jnp.zeros_like, other.init(jax.random.key(0))["params"][NETWORK])
    with pytest.raises(ValueError, match="52 expressions is needed, this one finds 50"):
        RefinedLocator(first, other, params)
