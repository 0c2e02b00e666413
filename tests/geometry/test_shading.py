"""Spherical harmonics against what they stand for: the light that a matte surface gathers from all around."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.geometry import shading

shade = jax.jit(shading.shade)  # compiled once


def directions(count=200):
    """Directions all over a sphere and the share of it that each stands for."""
    height = (np.arange(count) + 0.5) / count * 2 - 1
    angle = (np.arange(2 * count) + 0.5) / (2 * count) * 2 * np.pi
    z, phi = np.meshgrid(height, angle, indexing="ij")
    radius = np.sqrt(1 - z**2)
    points = np.stack([radius * np.cos(phi), radius * np.sin(phi), z], axis=-1).reshape(-1, 3)
    return points, 4 * np.pi / len(points)


def harmonic(number, d):
    """Real spherical harmonics, normalised, in the order of the code."""
    x, y, z = d.T
    raw = [np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1][number]
    points, share = directions()
    px, py, pz = points.T
    values = [np.ones_like(px), px, py, pz, px * py, px * pz, py * pz, px * px - py * py, 3 * pz * pz - 1][number]
    return raw / np.sqrt((values**2).sum() * share)


@pytest.mark.parametrize("number", range(9))
def test_is_the_light_gathered_from_all_around(number):
    """One harmonic of light, seen by four normals; of order 0 the released code takes 1 / pi."""
    normals = np.array([[0.6, 0.0, 0.8], [0.0, -0.6, 0.8], [-0.48, 0.6, 0.64], [0.8, 0.6, 0.0]])
    points, share = directions()
    gathered = (np.maximum(normals @ points.T, 0.0) * harmonic(number, points)).sum(axis=1) * share
    expected = gathered / (math.pi if number == 0 else 1.0)
    light = jnp.zeros((9, 3)).at[number, 1].set(1.0)
    ours = np.asarray(shade(jnp.asarray(normals, jnp.float32)[None], light))[0]
    np.testing.assert_allclose(ours[:, 1], expected, atol=2e-4)
    assert np.abs(ours[:, [0, 2]]).max() == 0.0
    assert np.abs(expected).max() > 0.05


def test_batches_have_their_own_light():
    rng = np.random.default_rng(0)
    normals = jnp.asarray(rng.standard_normal((2, 3, 4, 5, 3)), jnp.float32)
    light = jnp.asarray(rng.standard_normal((2, 3, 9, 3)), jnp.float32)
    every = shade(normals, light)
    assert every.shape == (2, 3, 4, 5, 3)
    np.testing.assert_allclose(every[1, 2], shade(normals[1, 2], light[1, 2]), atol=1e-5)


def test_without_a_normal_one_colour_remains():
    light = jnp.zeros((9, 3)).at[0].set(1.0).at[8].set(0.5)
    ours = shade(jnp.zeros((1, 1, 3)), light)
    expected = 1 / math.sqrt(4 * math.pi) - 0.5 * math.pi / 8 * math.sqrt(5 / (4 * math.pi))
    np.testing.assert_allclose(ours, np.full((1, 1, 3), expected), rtol=1e-6)
