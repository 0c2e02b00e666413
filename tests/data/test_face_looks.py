"""Looks of faces: changes stay pictures, and a brush leaves edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.data import face_looks

SIZE = 64
CHANGES = ("light", "colors", "brush", "cover", "blur", "coarsen", "canvas", "paint")


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_looks_stay_pictures(name):
    image = jnp.asarray(np.random.default_rng(0).random((SIZE, SIZE, 3)), jnp.float32)
    changed = getattr(face_looks, name)(jax.random.key(1), image)
    assert changed.shape == image.shape
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1 + 1e-6
    assert float(jnp.abs(changed - image).mean()) > 1e-3


def test_a_blur_repeats_the_edge():
    image = np.zeros((SIZE, SIZE, 3), np.float32)
    image[0], image[:, 0] = 1.0, 1.0
    blurred = np.asarray(face_looks.blur(jax.random.key(2), jnp.asarray(image)))
    np.testing.assert_array_equal(blurred[-1, 4:], 0.0)  # what is on the other side stays there
    np.testing.assert_allclose(blurred[0, -1], blurred[-1, 0], atol=1e-6)
    assert blurred[0, -1, 0] > 0.5


def test_a_brush_leaves_edges_and_smooths_between_them():
    image = np.full((SIZE, SIZE, 3), 0.2, np.float32)
    image[:, SIZE // 2 :] = 0.8
    grainy = image + 0.02 * np.random.default_rng(0).standard_normal(image.shape).astype(np.float32)
    painted = np.asarray(face_looks.brush(jax.random.key(0), jnp.asarray(grainy)))
    assert np.abs(painted - image)[:, 4:-4].max() < 0.1  # a blur would be 0.3 away at the edge
    assert (painted - image).std() < 0.6 * (grainy - image).std()
