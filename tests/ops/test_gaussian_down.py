"""Smaller pictures are a Gaussian around every n-th pixel, from the first one on, with zeros outside."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops.gaussian_down import gaussian_down, kernel

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("factor", [2, 4])
def test_agrees_with_a_loop(factor):
    image = RNG.standard_normal((2, 8, 12, 3))
    sigma = (factor - 1) / 2
    reach = round(4 * sigma)
    steps = np.arange(-reach, reach + 1)
    window = np.exp(-(steps[:, None] ** 2 + steps[None, :] ** 2) / (2 * sigma**2))
    window /= window.sum()
    padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    want = np.zeros((2, 8 // factor, 12 // factor, 3))
    for row in range(want.shape[1]):
        for column in range(want.shape[2]):
            top, left = row * factor, column * factor
            around = padded[:, top : top + 2 * reach + 1, left : left + 2 * reach + 1]
            want[:, row, column] = (window[None, :, :, None] * around).sum(axis=(1, 2))
    np.testing.assert_allclose(gaussian_down(jnp.asarray(image, jnp.float32), factor), want, rtol=1e-5, atol=1e-6)


def test_kernels():
    """2: sigma 1/2, two pixels to each side; 32: sigma 15.5, 62."""
    np.testing.assert_allclose(kernel(2)[2:] / kernel(2)[2], np.exp([0.0, -2.0, -8.0]), rtol=1e-12)
    assert len(kernel(32)) == 125
    assert kernel(32).sum() == pytest.approx(1.0)


def test_a_factor_of_one_changes_nothing():
    image = jnp.asarray(RNG.standard_normal((3, 5, 2)), jnp.float32)
    assert gaussian_down(image, 1) is image


def test_any_leading_axes_and_half_precision():
    image = jnp.ones((2, 3, 8, 8, 1), jnp.bfloat16)
    small = gaussian_down(image, 2)
    assert (small.shape, small.dtype) == ((2, 3, 4, 4, 1), jnp.bfloat16)
    np.testing.assert_allclose(small[0, 0, 1:3, 1:3, 0].astype(jnp.float32), np.ones((2, 2)), rtol=1e-2)


@pytest.mark.parametrize("factor", [0, -2, 3])
def test_factors_that_do_not_divide(factor):
    with pytest.raises(ValueError, match=f"must divide both sides, got {factor} for 8x12"):
        gaussian_down(jnp.zeros((8, 12, 1)), factor)
