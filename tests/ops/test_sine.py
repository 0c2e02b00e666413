"""The fast sine against float64, with its gradient and the bound it promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops.sine import fast_sin


def bound(x: np.ndarray) -> np.ndarray:
    """The error that the docstring promises."""
    return 2e-7 + 1.3e-7 * np.abs(x)


@pytest.mark.parametrize("limit", [0.5, 3.2, 30.0, 300.0])
def test_error_is_within_its_promise(limit):
    x = np.linspace(-limit, limit, 200_001).astype(np.float32)
    error = np.abs(np.asarray(fast_sin(jnp.asarray(x)), np.float64) - np.sin(x.astype(np.float64)))
    assert (error <= bound(x.astype(np.float64))).all()


def test_exact_points():
    """Multiples of half pi, as exactly as float32 holds them."""
    x = np.array([0.0, 0.5, 1.0, 1.5, 2.0, -0.5, -1.0]) * np.pi
    np.testing.assert_allclose(fast_sin(jnp.asarray(x, jnp.float32)), [0, 1, 0, -1, 0, -1, 0], atol=1e-6)


def test_odd():
    x = jnp.linspace(0.0, 40.0, 1001)
    np.testing.assert_array_equal(fast_sin(-x), -fast_sin(x))


def test_shape_and_type():
    result = fast_sin(jnp.zeros((2, 3, 4)))
    assert result.shape == (2, 3, 4)
    assert result.dtype == jnp.float32


def test_gradient_is_the_cosine():
    x = jnp.linspace(-20.0, 20.0, 4001)
    gradient = jax.vmap(jax.grad(fast_sin))(x)
    np.testing.assert_allclose(gradient, np.cos(np.asarray(x, np.float64)), atol=4e-6)


def test_not_a_number_stays_one():
    assert np.isnan(np.asarray(fast_sin(jnp.asarray([np.nan, np.inf], jnp.float32)))).all()
