"""Barycentric coordinates, depth and painted attributes, and their gradients by vertices and attributes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops import rasterize as ops
from tests.ops.rasterize.scenes import SCENES, SIZE, filled_up

# Differences of sums of 150 pixels over 1e-2 pixels: rounding gives 2e-3, the bend of the functions as much again.
STEP, TOLERANCE = 5e-3, 1e-2


def scene(name="lattice_bent"):
    vertices, faces = filled_up(*SCENES[name])
    return jnp.asarray(vertices), jnp.asarray(faces)


@jax.jit
def rasterize(vertices, faces):
    return ops.rasterize(vertices, faces, **SIZE)


def test_gradients_by_vertices_equal_finite_differences(key):
    vertices, faces = scene()
    inner = rasterize(vertices, faces).barycentric.min(axis=-1) > 0.05  # a small step does not change their face
    assert inner.sum() > 100
    keys = jax.random.split(key, 3)
    attributes = jax.random.normal(keys[0], (len(vertices), 3))
    weights = jax.random.normal(keys[1], (13, 17, 3)) * inner[..., None].astype(jnp.float32)

    @jax.jit
    def losses(vertices):
        fragments = rasterize(vertices, faces)
        painted = ops.interpolate(attributes, faces, fragments)
        products = fragments.barycentric * weights, fragments.depth * weights[..., 0], painted * weights
        return jnp.stack([product.sum() for product in products])

    gradient = jax.jit(jax.jacrev(losses))(vertices)
    for direction_key in jax.random.split(keys[2], 5):
        direction = jax.random.normal(direction_key, vertices.shape)
        direction = direction / jnp.abs(direction).max()
        numeric = (losses(vertices + STEP * direction) - losses(vertices - STEP * direction)) / (2 * STEP)
        exact = (gradient * direction[None]).sum(axis=(1, 2))
        np.testing.assert_allclose(exact, numeric, atol=TOLERANCE)
    assert (jnp.linalg.norm(gradient.reshape(3, -1), axis=1) > 100 * TOLERANCE).all()


def test_gradients_by_attributes_are_the_barycentric_weights(key):
    vertices, faces = scene()
    fragments = rasterize(vertices, faces)
    gradient = jax.grad(lambda a: ops.interpolate(a, faces, fragments).sum())(jnp.zeros((len(vertices), 1)))
    expected = np.zeros(len(vertices))
    found, weights = np.asarray(fragments.face), np.asarray(fragments.barycentric)
    np.add.at(expected, np.asarray(faces)[found[found >= 0]], weights[found >= 0])
    np.testing.assert_allclose(gradient[:, 0], expected, atol=1e-5)


def test_gradients_are_finite():
    """Also where nothing is drawn, and next to triangles that cannot be."""

    @jax.jit
    @jax.grad
    def gradient(vertices, faces):
        fragments = rasterize(vertices, faces)
        return (fragments.barycentric**2).sum() + fragments.depth.sum()

    for name in ("special", "tiny", "lattice_flat"):
        found = gradient(*scene(name))
        assert jnp.isfinite(found).all()
        assert jnp.abs(found).sum() > 0.0


def test_attributes_that_are_linear_on_the_screen_are_reproduced():
    """A vertex painted with its own position gives the position of the pixel's centre."""
    vertices, faces = scene()
    fragments = rasterize(vertices, faces)
    painted = ops.interpolate(vertices, faces, fragments)
    y, x = np.mgrid[:13, :17] + 0.5
    seen = np.asarray(fragments.face) >= 0
    np.testing.assert_allclose(painted[..., 0][seen], x[seen], atol=1e-5)
    np.testing.assert_allclose(painted[..., 1][seen], y[seen], atol=1e-5)
    np.testing.assert_allclose(painted[..., 2], fragments.depth, atol=1e-6)
    assert (np.asarray(painted)[~seen] == 0).all()


def test_host_interpolation_equals_that_of_the_device():
    pytest.importorskip("numba")
    vertices, faces = SCENES["lattice_bent"]
    on_host = ops.interpolate_host(vertices, faces, ops.rasterize_host(vertices, faces, **SIZE))
    on_device = ops.interpolate(*scene(), rasterize(*scene()))
    np.testing.assert_allclose(on_host, on_device, atol=1e-6)


def test_interpolate_refuses_another_batch():
    vertices, faces = scene()
    fragments = jax.tree.map(lambda array: jnp.stack([array] * 2), rasterize(vertices, faces))
    with pytest.raises(ValueError, match=r"batch axes \(2,\) or none"):
        ops.interpolate(jnp.zeros((3, len(vertices), 1)), faces, fragments)
    assert ops.interpolate(jnp.ones((len(vertices), 4)), faces, fragments).shape == (2, 13, 17, 4)
