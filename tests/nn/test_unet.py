"""Attention, conditioned blocks and the pose U-Net: definitions in numpy, and the folding of the time branch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.nn import attention, encoder_decoder, unet
from jaxanim.nn.apply import apply
from jaxanim.ops import pyramid

TOLERANCE = 3e-5  # some hundred float32 operations on numbers of order 1
WIDTHS = (8, 16, 16)


def randomise(params, key):
    """Replaces zero-initialised parameters by noise, so that every branch counts."""
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    noisy = [leaf + 0.1 * jax.random.normal(k, leaf.shape) for leaf, k in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(structure, noisy)


def test_attention_equals_loops_over_heads(key):
    x = jax.random.normal(key, (1, 2, 3, 8))
    module = attention.SelfAttention(heads=2)
    params = randomise(module.init(key, x)["params"], key)
    result = apply(module, params, x)

    from jaxanim.nn import norms

    normed = np.asarray(apply(norms.group_norm(8, "n"), params["norm"], x), np.float64).reshape(6, 8)
    qkv = normed @ np.asarray(params["qkv"]["kernel"])[0, 0] + np.asarray(params["qkv"]["bias"])
    mixed = np.zeros((6, 8))
    for head in range(2):
        q, k, v = (qkv[:, start + 4 * head : start + 4 * head + 4] for start in (0, 8, 16))
        logits = q @ k.T / np.sqrt(4.0)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        mixed[:, 4 * head : 4 * head + 4] = weights / weights.sum(axis=1, keepdims=True) @ v
    out = mixed @ np.asarray(params["out"]["kernel"])[0, 0] + np.asarray(params["out"]["bias"])
    np.testing.assert_allclose(result, np.asarray(x) + out.reshape(1, 2, 3, 8), atol=TOLERANCE)


def test_attention_starts_as_identity(key):
    x = jax.random.normal(key, (1, 4, 4, 8))
    module = attention.SelfAttention(heads=4)
    np.testing.assert_array_equal(apply(module, module.init(key, x)["params"], x), x)


@pytest.mark.parametrize(("resample", "size"), [(unet.keep, 4), (pyramid.downsample_area, 2), (unet.double_nearest, 8)])
def test_block_resamples_both_branches(key, resample, size):
    x, code = jax.random.normal(key, (2, 4, 4, 8)), jax.random.normal(key, (2, unet.EMBEDDING))
    module = unet.ConditionedBlock(16, resample)
    params = module.init(key, x, (("pose", code),))["params"]
    result = apply(module, params, x, (("pose", code),))
    # conv1 starts at zero: what comes out is the resampled shortcut.
    shortcut = np.asarray(resample(x)) @ np.asarray(params["shortcut"]["kernel"])[0, 0]
    assert result.shape == (2, size, size, 16)
    np.testing.assert_allclose(result, shortcut + np.asarray(params["shortcut"]["bias"]), atol=TOLERANCE)


def test_double_nearest_repeats_pixels():
    x = jnp.asarray([[1.0, 2.0]])[None, ..., None]
    np.testing.assert_array_equal(unet.double_nearest(x)[0, ..., 0], [[1, 1, 2, 2], [1, 1, 2, 2]])


def test_conditions_act_one_after_the_other(key):
    """(1 + s1)((1 + s0) y + b0) + b1, which is not the same in the other order."""
    x = jax.random.normal(key, (1, 4, 4, 8))
    codes = [jax.random.normal(k, (1, unet.EMBEDDING)) for k in jax.random.split(key)]
    forward = (("time", codes[0]), ("pose", codes[1]))
    module = unet.ConditionedBlock(8)
    params = randomise(module.init(key, x, forward)["params"], key)
    one, other = apply(module, params, x, forward), apply(module, params, x, forward[::-1])
    assert np.abs(one - other).max() > 1e-3


@pytest.fixture(scope="module")
def fresh():
    """A U-Net, its parameters as initialised, and its inputs (compiling the initialisation takes seconds)."""
    key = jax.random.key(0)
    image, pose = jax.random.normal(key, (2, 16, 16, 4)), jax.random.normal(key, (2, 6))
    module = unet.PoseUNet(WIDTHS, 7)
    return module, jax.jit(module.init)(key, image, pose, None)["params"], image, pose


@pytest.fixture(scope="module")
def network(fresh):
    """The same U-Net with noise in place of its zeros."""
    module, params, image, pose = fresh
    return module, jax.jit(randomise)(params, jax.random.key(1)), image, pose


def test_unet_keeps_the_size_and_depends_on_everything(network):
    module, params, image, pose = network
    run = jax.jit(lambda p, *inputs: apply(module, p, *inputs))
    result = run(params, image, pose, None)
    assert result.shape == (2, 16, 16, 7)
    extra = jax.random.normal(jax.random.key(1), (2, 16, 16, WIDTHS[0]))
    for other in (run(params, image + 1.0, pose, None), run(params, image, pose + 1.0, None)):
        assert np.abs(other - result).max() > 1e-3
    assert np.abs(run(params, image, pose, extra) - result).max() > 1e-3


def test_unet_starts_at_zero(fresh):
    module, params, image, pose = fresh
    assert not np.asarray(jax.jit(lambda p: apply(module, p, image, pose, None))(params)).any()


def test_folding_the_time_branch_changes_nothing(network):
    module, params, image, pose = network
    folded = unet.fold_time(params, WIDTHS[0])
    assert "time_embed" not in folded
    assert not any("time" in block for block in folded.values())
    without = unet.PoseUNet(WIDTHS, 7, time_branch=False)
    result = jax.jit(lambda p: apply(without, p, image, pose, None))(folded)
    expected = jax.jit(lambda p: apply(module, p, image, pose, None))(params)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(result, expected, atol=TOLERANCE)


def test_folding_leaves_the_given_parameters_alone(network):
    _, params, _, _ = network
    before = jax.tree.map(np.asarray, params)
    unet.fold_time(params, WIDTHS[0])
    jax.tree.map(np.testing.assert_array_equal, params, before)


def test_gradients_reach_every_parameter(network):
    module, params, image, pose = network
    gradients = jax.jit(jax.grad(lambda p: (apply(module, p, image, pose, None) ** 2).mean()))(params)
    dead = [
        jax.tree_util.keystr(path)
        for path, leaf in jax.tree_util.tree_flatten_with_path(gradients)[0]
        if not np.abs(np.asarray(leaf)).max() > 0
    ]
    # A shift of all keys changes no softmax, and the time code's sines are zero.
    dead = [path for path in dead if "time_embed" not in path]
    assert dead == []


def test_encoder_decoder_takes_the_pose_at_the_bottleneck(key):
    image, pose = jax.random.normal(key, (2, 16, 16, 4)), jax.random.normal(key, (2, 3))
    module = encoder_decoder.EncoderDecoder(width=4, blocks=2)
    params = module.init(key, image, pose)["params"]
    assert params["bottleneck0_conv"]["kernel"].shape == (3, 3, 32 + 3, 32)
    result = apply(module, params, image, pose)
    assert result.shape == (2, 16, 16, 4)
    assert (np.asarray(result) >= 0).all()  # ends in a ReLU
    assert np.abs(apply(module, params, image, pose + 1.0) - result).max() > 1e-4


def test_residual_block_adds_without_a_final_relu(key):
    x = jax.random.normal(key, (1, 4, 4, 3))
    module = encoder_decoder.ResidualBlock()
    params = module.init(key, x)["params"]
    params = {**params, "norm1": {"scale": jnp.zeros(3), "bias": jnp.full(3, -5.0)}}
    np.testing.assert_allclose(apply(module, params, x), x - 5.0, atol=TOLERANCE)


def test_append_pose_writes_it_behind_every_pixel():
    result = encoder_decoder.append_pose(jnp.zeros((2, 3, 4, 1)), jnp.asarray([[1.0, 2.0], [3.0, 4.0]]))
    assert result.shape == (2, 3, 4, 3)
    np.testing.assert_array_equal(result[1, 2, 3], [0.0, 3.0, 4.0])
