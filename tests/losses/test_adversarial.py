"""Wasserstein scores and the gradient penalty, by hand and against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.losses import adversarial

REAL = jnp.asarray([3.0, 4.0]).reshape(1, 1, 2, 1)
FAKE = jnp.asarray([0.0, 0.0]).reshape(1, 1, 2, 1)
ALL_REAL = jnp.ones(1)


def squares(scale):
    """Two patches: scale * x^2 of each of two pixels."""
    return lambda images: scale * jnp.square(images).reshape(images.shape[0], 2)


def test_score_is_the_mean_over_patches():
    np.testing.assert_allclose(adversarial.score(jnp.asarray([[[1.0, 3.0]], [[0.0, -2.0]]])), [2.0, -1.0])


@pytest.mark.parametrize(("reduction", "length"), [("sum", 10.0), ("mean", 5.0)])
def test_penalty_by_hand(reduction, length):
    """The slope of the sum of x^2 at (3, 4) is (6, 8), of length 10; of the mean of two patches half of that."""
    penalty = adversarial.gradient_penalty(squares(1.0), REAL, FAKE, ALL_REAL, reduction=reduction)
    np.testing.assert_allclose(penalty, [(length - 1.0) ** 2], rtol=1e-6)


def test_share_weighs_the_real_picture():
    """At a quarter of the way from the fake one, the slope is a quarter as long."""
    penalty = adversarial.gradient_penalty(squares(1.0), REAL, FAKE, jnp.asarray([0.25]), reduction="sum")
    np.testing.assert_allclose(penalty, [1.5**2], rtol=1e-6)


def test_each_example_has_its_own():
    real = jnp.concatenate([REAL, 2 * REAL])
    penalty = adversarial.gradient_penalty(squares(1.0), real, 0 * real, jnp.asarray([1.0, 0.5]), reduction="sum")
    np.testing.assert_allclose(penalty, [81.0, 81.0], rtol=1e-6)


def test_gradient_of_the_penalty_by_hand():
    """(10 a - 1)^2 has the slope 20 (10 a - 1)."""

    def penalty(scale):
        return adversarial.gradient_penalty(squares(scale), REAL, FAKE, ALL_REAL, reduction="sum").sum()

    np.testing.assert_allclose(jax.grad(penalty)(jnp.asarray(0.3)), 20 * (3.0 - 1.0), rtol=1e-5)


def test_a_flat_critic_has_a_finite_gradient():
    def penalty(scale):
        return adversarial.gradient_penalty(squares(scale), REAL, FAKE, ALL_REAL, reduction="sum").sum()

    value, slope = jax.value_and_grad(penalty)(jnp.asarray(0.0))
    np.testing.assert_allclose(value, 1.0, atol=1e-5)
    assert jnp.isfinite(slope)


def test_pictures_get_no_gradient():
    def penalty(fake):
        return adversarial.gradient_penalty(squares(1.0), REAL, fake, ALL_REAL * 0.5, reduction="sum").sum()

    assert not jax.grad(penalty)(FAKE).any()


REAL_PATCHES, FAKE_PATCHES = jnp.asarray([[1.0, 3.0], [0.5, -1.0]]), jnp.asarray([[0.0, 2.0], [-2.0, -0.5]])


def test_least_squares():
    """(0 + 4)/2 + (0 + 4)/2; (0.25 + 4)/2 + (4 + 0.25)/2."""
    np.testing.assert_allclose(adversarial.least_squares_critic(REAL_PATCHES, FAKE_PATCHES), [4.0, 4.25])
    np.testing.assert_allclose(adversarial.least_squares_generator(FAKE_PATCHES), [1.0, 5.625])


def test_hinge():
    """Real ones above 1 and fakes below -1 are good enough: 0 + (1 + 3)/2; (0.5 + 2)/2 + (0 + 0.5)/2."""
    np.testing.assert_allclose(adversarial.hinge_critic(REAL_PATCHES, FAKE_PATCHES), [2.0, 1.5])
    np.testing.assert_allclose(adversarial.hinge_generator(FAKE_PATCHES), [-1.0, 1.25])
