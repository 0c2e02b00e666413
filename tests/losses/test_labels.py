"""Errors of labels against numpy."""

import jax.numpy as jnp
import numpy as np

from jaxanim.losses import labels


def test_cross_entropy():
    logits = np.array([[0.0, 0.0], [2.0, -1.0]], np.float32)
    wanted = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.log(shares[np.arange(2), wanted.argmax(axis=1)])
    np.testing.assert_allclose(labels.cross_entropy(jnp.asarray(logits), jnp.asarray(wanted)), expected, rtol=1e-6)
    np.testing.assert_allclose(expected[0], np.log(2.0))


def test_cross_entropy_of_large_logits_is_finite():
    error = labels.cross_entropy(jnp.asarray([[1e4, -1e4]]), jnp.asarray([[0.0, 1.0]]))
    np.testing.assert_allclose(error, [2e4])


def test_squared_error_is_the_mean_over_numbers():
    error = labels.squared_error(jnp.asarray([[1.0, 2.0], [0.0, 0.0]]), jnp.asarray([[0.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(error, [2.5, 0.0])
