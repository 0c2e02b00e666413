"""The regressor as a locator: what it finds in a crop is told in the picture's pixels and axes."""

import jax.numpy as jnp
import numpy as np
import pytest
import skimage.data

from jaxanim.geometry import mirror
from jaxanim.tracking import alignments
from jaxanim.tracking.follow import Locator
from jaxanim.tracking.regressor import files
from jaxanim.tracking.regressor.design import Design
from jaxanim.tracking.regressor.locator import RegressorLocator
from jaxanim.tracking.regressor.parameters import Statistics
from jaxanim.tracking.regressor.regressor import FaceRegressor

MIDDLE = np.array([225.0, 120.0])  # of the astronaut's face


@pytest.fixture(scope="module")
def locator():
    _, regressor, params = files.read_regressor(files.bundled_regressor())
    return RegressorLocator(regressor, params)


@pytest.fixture(scope="module")
def picture():
    return np.asarray(skimage.data.astronaut())


def test_it_is_a_locator(locator):
    assert isinstance(locator, Locator)
    assert locator.placing.size == 128


def test_points_are_those_of_the_picture(locator, picture):
    places = [alignments.around_center(MIDDLE, side, 128) for side in (150.0, 180.0)]
    near, far = locator(picture, places)
    assert near.points.shape == (98, 2)
    assert near.more.landmarks68.shape == (68, 2)
    assert np.linalg.norm(near.points - far.points, axis=-1).mean() < 5
    assert np.abs(near.points.mean(axis=0) - MIDDLE).max() < 25
    assert min(near.confidence, far.confidence) > 0.8


def test_a_turned_crop_tells_the_same(locator, picture):
    straight, turned = (
        locator(picture, [alignments.around_center(MIDDLE, 165.0, 128, degrees=degrees)])[0] for degrees in (0.0, 20.0)
    )
    assert np.linalg.norm(straight.points - turned.points, axis=-1).mean() < 8  # the wrong way: 23 and more
    cosine = (np.trace(straight.more.head.T @ turned.more.head) - 1) / 2
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))) < 20  # 40 and more were the turn told with the wrong sign


def test_a_careful_look_is_the_mean_of_six(locator, picture):
    _, regressor, params = files.read_regressor(files.bundled_regressor())
    careful = RegressorLocator(regressor, params, careful=True)
    place = alignments.around_center(MIDDLE, 165.0, 128)
    (once,), (often,) = locator(picture, [place]), careful(picture, [place])
    away = np.linalg.norm(once.points - often.points, axis=-1)
    assert 0 < away.mean() < 4
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    other = careful(mirrored, [alignments.around_center(np.array([512 - MIDDLE[0], MIDDLE[1]]), 165.0, 128)])[0]
    back = mirror.mirror_points(other.points, 512)
    np.testing.assert_allclose(back, often.points, atol=0.3)  # the mean does not know left from right


def test_where_no_face_is(locator, picture):
    (nothing,) = locator(picture, [alignments.around_center(np.array([80.0, 60.0]), 90.0, 128)])
    assert nothing.confidence < 0.5


def test_regressors_of_other_points_are_refused():
    design = Design("open_head", 60, 52, width=8, hidden=8, decoder=8, points=68, size=32)
    plain = FaceRegressor(design, Statistics(jnp.zeros(119), jnp.ones(119)))
    with pytest.raises(ValueError, match="68 \\+ 98"):
        RegressorLocator(plain, {})
