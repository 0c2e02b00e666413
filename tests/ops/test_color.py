"""sRGB and alpha, on known values, for numpy and JAX alike."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops import color

TOLERANCE = 2e-6  # float32 powers


@pytest.fixture(params=[np.asarray, jnp.asarray], ids=["numpy", "jax"])
def make(request):
    return request.param


# sRGB -> linear, from the standard: ends, the straight part, its upper end, middle grey.
KNOWN = [(0.0, 0.0), (0.02, 0.02 / 12.92), (0.04045, 0.0031308), (0.5, 0.2140411), (0.735357, 0.5), (1.0, 1.0)]


def test_known_values(make):
    srgb, linear = (make(np.array(values, np.float32)) for values in zip(*KNOWN, strict=True))
    np.testing.assert_allclose(color.srgb_to_linear(srgb), linear, atol=TOLERANCE)
    np.testing.assert_allclose(color.linear_to_srgb(linear), srgb, atol=1e-5)


def test_round_trip_of_all_8_bit_values(make):
    levels = make(np.arange(256, dtype=np.float32) / np.float32(255))
    back = color.linear_to_srgb(color.srgb_to_linear(levels))
    np.testing.assert_array_equal(np.round(np.asarray(back) * 255), np.arange(256))


def test_encoding_clips(make):
    np.testing.assert_allclose(
        color.linear_to_srgb(make(np.array([-0.5, 1.5], np.float32))), [0.0, 1.0], atol=TOLERANCE
    )


def test_decoding_negative_values_stays_finite(make):
    """Network noise can be slightly negative; a power of it would be NaN."""
    assert np.isfinite(np.asarray(color.srgb_to_linear(make(np.array([-0.1, -1e-9], np.float32))))).all()


def test_input_type_is_kept(make):
    values = make(np.zeros((2, 4), np.float32))
    for function in (color.srgb_to_linear, color.linear_to_srgb, color.premultiply, color.unpremultiply):
        result = function(values)
        assert isinstance(result, jax.Array) == isinstance(values, jax.Array)
        assert result.dtype == np.float32


def test_premultiply(make):
    rgba = make(np.array([[0.5, 1.0, 0.0, 0.5], [0.2, 0.2, 0.2, 0.0]], np.float32))
    np.testing.assert_allclose(color.premultiply(rgba), [[0.25, 0.5, 0.0, 0.5], [0, 0, 0, 0]])


def test_unpremultiply_inverts_premultiply(make):
    rgba = make(np.array([[0.5, 1.0, 0.0, 0.5], [0.3, 0.6, 0.9, 1.0], [1.0, 0.5, 0.25, 0.01]], np.float32))
    np.testing.assert_allclose(color.unpremultiply(color.premultiply(rgba)), rgba, rtol=1e-5)


def test_invisible_pixels_become_black_instead_of_infinite(make):
    """Below half a step of 8 bits (1/510) the pixel is stored as transparent; its colour would only be noise."""
    rgba = make(np.array([[1e-4, 1e-4, 1e-4, 1e-4], [0.001, 0, 0, 1 / 500]], np.float32))
    result = np.asarray(color.unpremultiply(rgba))
    np.testing.assert_array_equal(result[0, :3], 0.0)
    np.testing.assert_allclose(result[1, 0], 0.5, rtol=1e-5)


def test_black_has_a_gradient():
    slopes = jax.grad(lambda x: color.linear_to_srgb(x).sum())(jnp.array([0.0, 0.001, 0.5, 1.0]))
    np.testing.assert_allclose(slopes[1:3], [12.92, 1.055 / 2.4 * 0.5 ** (1 / 2.4 - 1)], rtol=1e-5)
    assert np.isfinite(slopes).all()
