"""The perceptual loss sums layers and scales, for every example alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.losses import perceptual, vgg_weights

RNG = np.random.default_rng(7)
FIRST, SECOND = (jnp.asarray(RNG.random((2, 32, 32, 3)), jnp.float32) for _ in range(2))


@pytest.fixture(scope="module")
def params():
    return jax.tree.map(jnp.asarray, vgg_weights.random_vgg19())


@jax.jit
def distances(params, first, second):
    return [perceptual.pyramid_distance(params, first, second, scales=scales) for scales in ((1, 2), (1,), (2,))]


def test_scales_add_up_and_examples_are_apart(params):
    both, large, small = distances(params, FIRST, SECOND)
    np.testing.assert_allclose(both, large + small, rtol=1e-5)
    assert both.shape == (2,)
    mixed = distances(params, FIRST, SECOND.at[0].set(FIRST[0]))[0]
    np.testing.assert_allclose(mixed, [0.0, both[1]], rtol=1e-5)


def test_there_is_a_scale(params):
    with pytest.raises(ValueError, match="at least one scale"):
        perceptual.pyramid_distance(params, FIRST, SECOND, scales=())
