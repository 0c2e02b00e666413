"""Batch norms are PyTorch's, with means over the batch of all devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from jaxanim.nn.batch_norm import BatchNorm

RNG = np.random.default_rng(1)
IMAGE = (3.0 + 2.0 * RNG.standard_normal((4, 3, 5, 2))).astype(np.float32)
GIVEN = jnp.asarray(IMAGE)
NORM = BatchNorm()


@pytest.fixture(scope="module")
def variables():
    return {
        "params": {"scale": jnp.asarray([2.0, -1.0]), "bias": jnp.asarray([0.5, 3.0])},
        "stats": {"mean": jnp.asarray([1.0, -2.0]), "var": jnp.asarray([4.0, 0.25])},
    }


def test_evaluation_uses_running_statistics(variables):
    ours, changed = NORM.apply(variables, GIVEN, train=False, mutable=["stats"])
    deviation = np.sqrt(np.array([4.0, 0.25]) + 1e-5)
    want = (IMAGE - np.array([1.0, -2.0])) / deviation * np.array([2.0, -1.0]) + np.array([0.5, 3.0])
    np.testing.assert_allclose(ours, want, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(changed["stats"]["mean"], variables["stats"]["mean"])


def test_training_uses_the_batch_and_moves_running_statistics_by_a_tenth(variables):
    """The batch is normalised by the biased variance; what is kept is the unbiased one."""
    ours, changed = NORM.apply(variables, GIVEN, train=True, mutable=["stats"])
    of_channels = IMAGE.astype(np.float64).reshape(60, 2)
    mean, biased, unbiased = of_channels.mean(0), of_channels.var(0), of_channels.var(0, ddof=1)
    want = (IMAGE - mean) / np.sqrt(biased + 1e-5) * np.array([2.0, -1.0]) + np.array([0.5, 3.0])
    np.testing.assert_allclose(ours, want, rtol=1e-5, atol=2e-5)
    kept = changed["stats"]
    np.testing.assert_allclose(kept["mean"], 0.9 * np.array([1.0, -2.0]) + 0.1 * mean, rtol=1e-6)
    np.testing.assert_allclose(kept["var"], 0.9 * np.array([4.0, 0.25]) + 0.1 * unbiased, rtol=1e-6)


def test_without_scale_and_shift(variables):
    plain = {"stats": variables["stats"]}
    ours = BatchNorm(affine=False).apply(plain, GIVEN, train=False)
    np.testing.assert_allclose(ours, (IMAGE - np.array([1, -2])) / np.sqrt(np.array([4, 0.25]) + 1e-5), rtol=1e-5)


def test_means_far_from_zero_lose_nothing(variables):
    image = np.float32(4096) + IMAGE
    far = {**variables, "stats": {"mean": jnp.full(2, 4096.0), "var": jnp.asarray([4.0, 0.25])}}
    ours = NORM.apply(far, jnp.asarray(image), train=False)
    deviation = np.sqrt(np.array([4.0, 0.25]) + 1e-5)
    want = (image.astype(np.float64) - 4096) / deviation * np.array([2.0, -1.0]) + np.array([0.5, 3.0])
    np.testing.assert_allclose(ours, want, rtol=1e-6, atol=1e-6)


def test_gradients_pass_through_the_batch_statistics(variables):
    """The result's sum does not depend on the input; without the statistics' gradient it would."""

    def total(image):
        return NORM.apply(variables, image, train=True, mutable=["stats"])[0][..., 0].sum()

    assert np.abs(jax.grad(total)(GIVEN)).max() < 1e-4


def test_four_devices_are_one(variables):
    """One example each: statistics of a device alone would be others."""
    mesh = jax.make_mesh((4,), ("data",))
    shared = jax.device_put(IMAGE, NamedSharding(mesh, PartitionSpec("data")))
    run = jax.jit(lambda variables, image: NORM.apply(variables, image, train=True, mutable=["stats"]))
    ours, alone = run(variables, shared), run(variables, GIVEN)
    assert len(ours[0].sharding.device_set) == 4
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_half_precision_keeps_statistics_in_float32(variables):
    image = jnp.asarray(IMAGE, jnp.bfloat16)
    ours, changed = NORM.apply(variables, image, train=True, mutable=["stats"])
    assert ours.dtype == jnp.bfloat16
    assert changed["stats"]["mean"].dtype == jnp.float32
    exact = np.asarray(image, np.float64).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(changed["stats"]["mean"], np.array([0.9, -1.8]) + 0.1 * exact, rtol=1e-5)
