"""Halving and doubling, against hand-sized numbers, numpy and jax.image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops import pyramid

TOLERANCE = 2e-6  # a few float32 products of numbers of order 1


def test_downsample_is_the_mean_of_blocks():
    image = jnp.asarray([[1.0, 3.0, 0.0, 0.0], [5.0, 7.0, 0.0, 4.0]])[..., None]
    np.testing.assert_allclose(pyramid.downsample_area(image)[..., 0], [[4.0, 1.0]])


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_downsample_takes_any_batch(key, batch):
    image = jax.random.normal(key, (*batch, 4, 6, 3))
    blocks = np.asarray(image).reshape(*batch, 2, 2, 3, 2, 3)
    np.testing.assert_allclose(pyramid.downsample_area(image), blocks.mean(axis=(-4, -2)), atol=TOLERANCE)


@pytest.mark.parametrize("shape", [(3, 4, 1), (4, 5, 1)])
def test_downsample_refuses_odd_sizes(shape):
    with pytest.raises(ValueError, match=f"even height and width, got {shape[0]}x{shape[1]}"):
        pyramid.downsample_area(jnp.zeros(shape))


def test_upsample_in_one_dimension():
    """Half-pixel centres: a quarter of the way to each neighbour, edges repeated."""
    image = jnp.asarray([[0.0, 4.0, 8.0]])[..., None]
    expected = [0.0, 1.0, 3.0, 5.0, 7.0, 8.0]
    np.testing.assert_allclose(pyramid.upsample_bilinear(image)[..., 0], [expected, expected])


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (7, 3)])
def test_upsample_equals_linear_resize(key, batch, size):
    image = jax.random.normal(key, (*batch, *size, 2))
    shape = (*batch, 2 * size[0], 2 * size[1], 2)
    expected = jax.image.resize(image, shape, "linear", antialias=False)
    np.testing.assert_allclose(pyramid.upsample_bilinear(image), expected, atol=TOLERANCE)


def test_upsample_keeps_the_type():
    assert pyramid.upsample_bilinear(jnp.zeros((2, 2, 1), jnp.bfloat16)).dtype == jnp.bfloat16


def test_upsample_commutes_with_a_linear_layer(key):
    """What lets networks compute before doubling instead of after."""
    image, kernel = jax.random.normal(key, (3, 4, 5)), jax.random.normal(key, (5, 2))
    before = pyramid.upsample_bilinear(image @ kernel)
    np.testing.assert_allclose(before, pyramid.upsample_bilinear(image) @ kernel, atol=1e-5)


def test_halving_a_doubled_image_smooths_it():
    """Down after up is the 1-2-1 kernel (6/8 and 1/8 1/8) with repeated edges, not the identity."""
    image = jnp.asarray([[0.0, 8.0, 0.0]])[..., None]
    result = pyramid.downsample_area(pyramid.upsample_bilinear(image))[..., 0]
    np.testing.assert_allclose(result, [[1.0, 6.0, 1.0]])


@pytest.mark.parametrize("factors", [(1, 3), (4, 1), (5, 2), (3, 3)])
def test_other_factors_down_and_up(key, factors):
    image = jax.random.normal(key, (2, 4, 3, 2))
    height, width = 4 * factors[0], 3 * factors[1]
    expected = jax.image.resize(image, (2, height, width, 2), "linear", antialias=False)
    enlarged = pyramid.upsample_bilinear(image, factors)
    np.testing.assert_allclose(enlarged, expected, atol=TOLERANCE)
    blocks = np.asarray(enlarged).reshape(2, 4, factors[0], 3, factors[1], 2)
    np.testing.assert_allclose(pyramid.downsample_area(enlarged, factors), blocks.mean(axis=(2, 4)), atol=TOLERANCE)


def test_factors_that_do_not_divide():
    with pytest.raises(ValueError, match="multiples of 3x2 pixels, got 6x5"):
        pyramid.downsample_area(jnp.zeros((6, 5, 1)), (3, 2))
    with pytest.raises(ValueError, match="factors must be 1 or more"):
        pyramid.upsample_bilinear(jnp.zeros((6, 5, 1)), (0, 2))


@pytest.mark.parametrize(
    ("factors", "steps"),
    [
        ((1, 1), ()),
        ((8, 8), ((2, 2), (2, 2), (2, 2))),
        ((6, 6), ((2, 2), (3, 3))),
        ((15, 15), ((15, 15),)),
        ((6, 4), ((2, 2), (1, 2), (3, 1))),
        ((1, 2), ((1, 2),)),
    ],
)
def test_steps_of_a_pyramid(factors, steps):
    assert pyramid.halving_steps(factors) == steps


def test_bands_give_the_picture_back(key):
    image = jax.random.normal(key, (2, 12, 24, 3))
    steps = pyramid.halving_steps((6, 12))
    small, bands = jax.jit(lambda image: pyramid.residual_bands(image, steps))(image)
    assert small.shape == (2, 2, 2, 3)
    assert [band.shape[1:3] for band in bands] == [(12, 24), (6, 12), (6, 6)]

    @jax.jit
    def joined(small, bands):
        for step, band in reversed(list(zip(steps, bands, strict=True))):
            small = pyramid.upsample_bilinear(small, step) + band
        return small

    np.testing.assert_allclose(joined(small, bands), image, atol=1e-5)
