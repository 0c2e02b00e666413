"""The ResNet's block against numpy loops, and what its stages look like."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.nn import norms, resnet
from jaxanim.nn.apply import apply
from tests.nn.test_conv_and_norms import loop_conv

TOLERANCE = 1e-4  # products of several norms and convolutions, of order 10


def random_pictures(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def init(module, x):
    """Random parameters of a module, variances above 0."""
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        noise = rng.standard_normal(leaf.shape)
        return jnp.asarray(np.exp(0.3 * noise) if path[-1].key == "var" else noise, jnp.float32)

    shapes = jax.eval_shape(module.init, jax.random.key(0), x)["params"]
    return jax.tree_util.tree_map_with_path(draw, shapes)


def run(module, params, x):
    return jax.jit(lambda params, x: apply(module, params, x))(params, x)


def loop_norm(x, params):
    scale, bias, mean, variance = (np.asarray(params[name], np.float64) for name in ("scale", "bias", "mean", "var"))
    return (x - mean) / np.sqrt(variance + 1e-5) * scale + bias


def loop_layer(x, params, conv, norm, *, stride=1):
    kernel = np.asarray(params[conv]["kernel"], np.float64)
    return loop_norm(loop_conv(x, kernel, stride=stride, padding=kernel.shape[0] // 2), params[norm])


def test_norm_uses_its_statistics_only():
    x = random_pictures(2, 3, 4, 5)
    module = norms.FrozenBatchNorm()
    params = init(module, x)
    both = run(module, params, x)
    np.testing.assert_allclose(both, loop_norm(np.asarray(x), params), atol=1e-5)
    np.testing.assert_allclose(run(module, params, x[:1]), both[:1], atol=1e-6)


@pytest.mark.parametrize(("channels", "stride", "projected"), [(12, 1, False), (6, 1, True), (12, 2, True)])
def test_bottleneck(channels, stride, projected):
    x = random_pictures(1, 6, 8, channels)
    module = resnet.Bottleneck(3, stride)
    params = init(module, x)
    assert ("shortcut_conv" in params) == projected
    image = np.asarray(x[0], np.float64)
    y = np.maximum(loop_layer(image, params, "conv0", "norm0"), 0.0)
    y = np.maximum(loop_layer(y, params, "conv1", "norm1", stride=stride), 0.0)
    y = loop_layer(y, params, "conv2", "norm2")
    shortcut = loop_layer(image, params, "shortcut_conv", "shortcut_norm", stride=stride) if projected else image
    expected = np.maximum(y + shortcut, 0.0)
    assert expected.shape == (6 // stride, 8 // stride, 12)
    np.testing.assert_allclose(run(module, params, x)[0], expected, atol=TOLERANCE * np.abs(expected).max())


@pytest.mark.parametrize(("channels", "stride", "projected"), [(4, 1, False), (3, 1, True), (4, 2, True)])
def test_basic_block(channels, stride, projected):
    x = random_pictures(1, 6, 8, channels)
    module = resnet.BasicBlock(4, stride)
    params = init(module, x)
    assert ("shortcut_conv" in params) == projected
    image = np.asarray(x[0], np.float64)
    y = np.maximum(loop_layer(image, params, "conv0", "norm0", stride=stride), 0.0)
    y = loop_layer(y, params, "conv1", "norm1")
    shortcut = loop_layer(image, params, "shortcut_conv", "shortcut_norm", stride=stride) if projected else image
    expected = np.maximum(y + shortcut, 0.0)
    assert expected.shape == (6 // stride, 8 // stride, 4)
    np.testing.assert_allclose(run(module, params, x)[0], expected, atol=TOLERANCE * np.abs(expected).max())


def test_stem():
    x = random_pictures(1, 12, 16, 3)
    module = resnet.ResNet((1,), 4)
    params = init(module, x)
    result = run(module, params, x)
    kernel = np.asarray(params["stem_conv"]["kernel"], np.float64)
    stem = loop_conv(np.asarray(x[0], np.float64), kernel, stride=2, padding=3)
    np.testing.assert_allclose(result.stem[0], stem, atol=1e-3)
    padded = np.pad(np.maximum(loop_norm(stem, params["stem_norm"]), 0.0), ((1, 1), (1, 1), (0, 0)))
    pooled = [[padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max(axis=(0, 1)) for j in range(4)] for i in range(3)]
    np.testing.assert_allclose(result.pooled[0], pooled, atol=1e-3)
    np.testing.assert_allclose(result.features[0], np.asarray(result.stages[-1][0]).mean(axis=(0, 1)), rtol=1e-5)


def test_stages_of_resnet50():
    shapes = jax.eval_shape(resnet.ResNet().init_with_output, jax.random.key(0), jnp.zeros((2, 64, 96, 3)))
    result, variables = shapes
    assert [stage.shape for stage in result.stages] == [
        (2, 16, 24, 256),
        (2, 8, 12, 512),
        (2, 4, 6, 1024),
        (2, 2, 3, 2048),
    ]
    assert result.features.shape == (2, 2048)
    # torchvision's resnet50 without its classifier has 23,508,032 trained numbers; here statistics count, too.
    leaves = jax.tree_util.tree_flatten_with_path(variables["params"])[0]
    counts = [(path[-1].key, int(np.prod(leaf.shape))) for path, leaf in leaves]
    assert sum(count for name, count in counts if name not in ("mean", "var")) == 23_508_032
    assert sum(count for name, count in counts if name == "var") == 26_560


def test_stages_of_resnet18():
    module = resnet.ResNet(resnet.RESNET18, block=resnet.BasicBlock)
    result, variables = jax.eval_shape(module.init_with_output, jax.random.key(0), jnp.zeros((2, 64, 96, 3)))
    assert [stage.shape[1:] for stage in result.stages] == [(16, 24, 64), (8, 12, 128), (4, 6, 256), (2, 3, 512)]
    # torchvision's resnet18 without its classifier has 11,176,512 trained numbers and 4,800 channels of norms.
    leaves = jax.tree_util.tree_leaves(variables["params"])
    assert sum(int(np.prod(leaf.shape)) for leaf in leaves) == 11_176_512 + 2 * 4_800


def test_imagenet_colours():
    """Its mean colour is 0; one deviation more is 1."""
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    pixels = jnp.asarray(np.stack([mean, mean + deviation]), jnp.float32)
    np.testing.assert_allclose(norms.imagenet_standardize(pixels), [[0.0] * 3, [1.0] * 3], atol=1e-6)
