"""Fits of drawn people's landmarks, whose truth is known: angles, expressions, limits, weights and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.geometry import open_head
from jaxanim.tracking import fit, landmark_model
from tests.tracking import faces

PEOPLE = (19, 39, 59, 79, 99, 119, 139, 159)  # of the test split


@pytest.fixture(scope="module", autouse=True)
def _compile_fast():
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def model():
    return open_head.load_open_head()


@pytest.fixture(scope="module")
def ready(model):
    return fit.fitter(model, 98, contour="fixed")


@pytest.fixture(scope="module")
def truth():
    return faces.drawn(PEOPLE)


@pytest.fixture(scope="module")
def points(model, truth):
    return faces.project(model, truth, 98, noise=0.01)


@pytest.fixture(scope="module")
def fitted(ready, points):
    return fit.fit_picture(ready, points, size=(faces.SIZE, faces.SIZE))


def picture(ready, points, **options):
    return fit.fit_picture(ready, points, size=(faces.SIZE, faces.SIZE), **options)


def degrees_off(ready, found, truth):
    first, second = (
        np.asarray(landmark_model.head_rotation(jnp.asarray(x.rotations), ready.landmarks)) for x in (found, truth)
    )
    cosine = (np.einsum("nij,nij->n", first, second) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_pictures_of_drawn_people(ready, fitted, truth):
    """With landmarks that are off by 1 % of the eyes' distance. Over 100 people: 0.54 degrees, correlation 0.88."""
    off = degrees_off(ready, fitted, truth)
    assert off.mean() < 1.2
    assert off.max() < 2.5
    assert np.corrcoef(fitted.expression.ravel(), truth.expression.ravel())[0, 1] > 0.8
    # Two numbers per landmark that are off by 1 % each, of which some are fitted away.
    assert (fitted.residual < 0.0145).all()
    assert (fitted.residual > 0.009).all()


def test_a_picture_alone_is_as_in_a_batch(ready, fitted, points):
    alone = picture(ready, points[3:4])
    for name in ("identity", "expression", "rotations", "camera"):
        np.testing.assert_allclose(getattr(alone, name)[0], getattr(fitted, name)[3], rtol=1e-3, atol=2e-3)


def test_expressions_stay_within_limits(fitted):
    assert fitted.expression.min() >= 0
    assert fitted.expression.max() <= 1
    assert (fitted.expression == 0).mean() > 0.1


def test_points_of_no_weight_do_not_matter(ready, points):
    weights = np.ones(points.shape[:2])
    weights[:, [3, 40, 70, 96]] = 0.0
    moved = points.copy()
    moved[:, [3, 40, 70, 96]] = -1e4
    for first, second in zip(
        *(dataclasses.astuple(picture(ready, p, weights=weights)) for p in (points, moved)), strict=True
    ):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("yaw", [40.0, -40.0])
def test_a_turned_face(model, ready, truth, yaw):
    turned = truth.rotations.copy()
    turned[:, 0], turned[:, 1] = 0.0, [0.0, np.radians(yaw), 0.0]
    found = picture(ready, faces.project(model, dataclasses.replace(truth, rotations=turned), 98))
    np.testing.assert_allclose(found.head_degrees, np.tile([yaw, 0.0, 0.0], (len(PEOPLE), 1)), atol=2.0)
