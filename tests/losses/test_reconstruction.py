"""Distances of arrays, one number per example, on hand-sized examples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.losses import reconstruction

PREDICTION = jnp.array([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
TARGET = jnp.array([[[1.0, 4.0], [0.0, 4.0]], [[1.0, -1.0], [2.0, -2.0]]])


def test_l1_is_the_mean_per_example():
    """First example: |0| |-2| |3| |0|, second: 1 1 2 2."""
    np.testing.assert_allclose(reconstruction.l1(PREDICTION, TARGET), [1.25, 1.5])


def test_l1_of_equal_arrays_is_zero():
    np.testing.assert_array_equal(reconstruction.l1(TARGET, TARGET), [0, 0])


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 2), (3, 2, 1, 2)])
def test_l1_takes_any_number_of_axes(shape):
    values = jnp.arange(12, dtype=jnp.float32).reshape(shape)
    np.testing.assert_allclose(reconstruction.l1(values, jnp.zeros(shape)), [1.5, 5.5, 9.5])


def test_masked_l1_counts_what_the_mask_shows():
    """Of the first example only its second row counts: (3 + 0) / 4 elements; of the second half of everything."""
    mask = jnp.array([[[0.0], [1.0]], [[0.5], [0.5]]])
    np.testing.assert_allclose(reconstruction.masked_l1(PREDICTION, TARGET, mask), [0.75, 0.75])


def test_masked_l1_is_not_divided_by_the_masks_area():
    """As in the released code: half the mask, half the loss."""
    one, zero = jnp.ones((1, 2, 2, 3)), jnp.zeros((1, 2, 2, 3))
    whole, half = jnp.ones((1, 2, 2, 1)), jnp.array([[[[1.0], [1.0]], [[0.0], [0.0]]]])
    assert reconstruction.masked_l1(one, zero, whole)[0] == 1.0
    assert reconstruction.masked_l1(one, zero, half)[0] == 0.5


def test_masked_l2_counts_what_the_mask_shows():
    """Nine times as much for an error of 3 as for one of 1, and half of it under a mask of a half."""
    off, mask = jnp.array([[[3.0], [1.0]]]), jnp.array([[[1.0], [0.5]]])
    np.testing.assert_allclose(reconstruction.masked_l2(off, 0 * off, mask), [(9 + 0.5) / 2])


def test_gradient_is_the_sign_over_the_count():
    gradient = jax.grad(lambda x: reconstruction.l1(x, TARGET)[1])(PREDICTION)
    np.testing.assert_allclose(gradient[1], np.array([[-1, 1], [-1, 1]]) / 4)
    assert not gradient[0].any()  # examples do not touch one another


def test_feature_matching_sums_the_means_of_layers():
    """Example 0: |1| + (|1| + |3|)/2; example 1: |2| + 0."""
    first = (jnp.asarray([[1.0], [2.0]]), jnp.asarray([[1.0, 3.0], [5.0, 5.0]]))
    second = (jnp.asarray([[0.0], [4.0]]), jnp.asarray([[2.0, 0.0], [5.0, 5.0]]))
    np.testing.assert_allclose(reconstruction.feature_matching(first, second), [3.0, 2.0])


@pytest.mark.parametrize("layers", [0, 1])
def test_feature_matching_needs_the_same_layers(layers):
    pair = (jnp.zeros((1, 2)), jnp.zeros((1, 2)))
    with pytest.raises(ValueError, match=f"got {layers} and {layers and 2}"):
        reconstruction.feature_matching(pair[:layers], pair if layers else ())
