"""Convolutions and norms against numpy loops with PyTorch's conventions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.nn import conv, norms
from jaxanim.nn.apply import apply

TOLERANCE = 1e-5  # sums of some dozen float32 products of numbers of order 1


def init(module, key, x):
    return module.init(key, x)["params"]


def loop_conv(x: np.ndarray, kernel: np.ndarray, *, stride: int, padding: int) -> np.ndarray:
    """x (h, w, c), kernel (kh, kw, c, d): correlation with zero padding, as Conv2d."""
    size = kernel.shape[0]
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    rows, columns = ((n - size) // stride + 1 for n in x.shape[:2])
    out = np.zeros((rows, columns, kernel.shape[3]))
    for i in range(rows):
        for j in range(columns):
            patch = x[i * stride : i * stride + size, j * stride : j * stride + size]
            out[i, j] = np.einsum("abc,abcd->d", patch, kernel)
    return out


def loop_conv_transpose(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """x (h, w, c), PyTorch weight (c, d, 4, 4): every input pixel adds its 4x4 stamp, stride 2, padding 1."""
    height, width, _ = x.shape
    out = np.zeros((2 * height + 2, 2 * width + 2, weight.shape[1]))
    for i in range(height):
        for j in range(width):
            out[2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += np.einsum("c,cdab->abd", x[i, j], weight)
    return out[1:-1, 1:-1]


def test_conv3x3_keeps_the_size(key):
    x = jax.random.normal(key, (1, 4, 5, 2))
    module = conv.conv3x3(3, "c")
    params = init(module, key, x)
    params = {"kernel": params["kernel"], "bias": jnp.asarray([1.0, 2.0, 3.0])}
    expected = loop_conv(np.asarray(x[0]), np.asarray(params["kernel"]), stride=1, padding=1) + [1.0, 2.0, 3.0]
    np.testing.assert_allclose(apply(module, params, x)[0], expected, atol=TOLERANCE)


def test_halving_conv(key):
    x = jax.random.normal(key, (1, 6, 8, 2))
    module = conv.halving_conv(3, "c")
    params = init(module, key, x)
    assert set(params) == {"kernel"}
    expected = loop_conv(np.asarray(x[0]), np.asarray(params["kernel"]), stride=2, padding=1)
    assert expected.shape == (3, 4, 3)
    np.testing.assert_allclose(apply(module, params, x)[0], expected, atol=TOLERANCE)


def test_doubling_conv_is_a_flipped_pytorch_transposed_conv(key):
    from jaxanim.weights import layouts

    x = jax.random.normal(key, (1, 3, 4, 2))
    weight = np.asarray(jax.random.normal(key, (2, 3, 4, 4)))
    result = apply(conv.doubling_conv(3, "c"), {"kernel": jnp.asarray(layouts.conv_transpose(weight))}, x)
    np.testing.assert_allclose(result[0], loop_conv_transpose(np.asarray(x[0]), weight), atol=TOLERANCE)


def test_conv1x1_is_a_product_per_pixel(key):
    x = jax.random.normal(key, (2, 3, 3, 4))
    module = conv.conv1x1(5, "c")
    params = init(module, key, x)
    expected = np.asarray(x) @ np.asarray(params["kernel"])[0, 0] + np.asarray(params["bias"])
    np.testing.assert_allclose(apply(module, params, x), expected, atol=TOLERANCE)


def test_zero_initialised_conv_starts_at_zero(key):
    x = jax.random.normal(key, (1, 4, 4, 2))
    module = conv.conv3x3(3, "c", kernel_init=conv.ZEROS)
    assert not np.asarray(apply(module, init(module, key, x), x)).any()


def numpy_group_norm(x: np.ndarray, groups: int) -> np.ndarray:
    b, h, w, c = x.shape
    grouped = x.reshape(b, h * w, groups, c // groups).astype(np.float64)
    mean = grouped.mean(axis=(1, 3), keepdims=True)
    variance = ((grouped - mean) ** 2).mean(axis=(1, 3), keepdims=True)
    return ((grouped - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape)


@pytest.mark.parametrize(("channels", "groups"), [(64, 32), (32, 32), (8, 8)])
def test_group_norm(key, channels, groups):
    x = 3.0 + 2.0 * jax.random.normal(key, (2, 4, 4, channels))
    module = norms.group_norm(channels, "n")
    result = apply(module, init(module, key, x), x)
    np.testing.assert_allclose(result, numpy_group_norm(np.asarray(x), groups), atol=TOLERANCE)


def test_instance_norm_scales_and_shifts_each_channel(key):
    x = jax.random.normal(key, (2, 5, 5, 3))
    params = {"scale": jnp.asarray([1.0, 2.0, 3.0]), "bias": jnp.asarray([0.0, -1.0, 1.0])}
    result = apply(norms.instance_norm("n"), params, x)
    expected = numpy_group_norm(np.asarray(x), 3) * [1.0, 2.0, 3.0] + [0.0, -1.0, 1.0]
    np.testing.assert_allclose(result, expected, atol=TOLERANCE)


def test_epsilon_is_pytorchs():
    """On nearly constant channels the epsilon decides: 1e-6, Flax's default, would be three times off."""
    x = jnp.asarray([[0.0, 2e-3]]).reshape(1, 1, 2, 1)
    module = norms.instance_norm("n")
    result = np.asarray(apply(module, {"scale": jnp.ones(1), "bias": jnp.zeros(1)}, x)).ravel()
    np.testing.assert_allclose(result, np.array([-1e-3, 1e-3]) / np.sqrt(1e-6 + 1e-5), rtol=1e-4)


def test_variance_survives_a_large_mean():
    """E[x^2] - E[x]^2 in float32 would lose all digits of the variance at mean 1000."""
    x = jnp.asarray([1000.0, 1001.0, 1002.0, 1003.0]).reshape(1, 2, 2, 1)
    module = norms.instance_norm("n")
    result = np.asarray(apply(module, {"scale": jnp.ones(1), "bias": jnp.zeros(1)}, x)).ravel()
    np.testing.assert_allclose(result, np.array([-1.5, -0.5, 0.5, 1.5]) / np.sqrt(1.25 + 1e-5), rtol=1e-4)


@pytest.mark.parametrize("channels", [511, 512], ids=["convolution", "patches on CPUs"])
@pytest.mark.parametrize(("size", "padding"), [(3, 1), (1, 0), (4, 2)])
def test_convolve_is_a_correlation_with_zeros_around(channels, size, padding):
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal((2, 6, 5, channels)), rng.standard_normal((size, size, channels, 3))
    want = np.stack([loop_conv(picture, kernel, stride=1, padding=padding) for picture in x])
    given = [jnp.asarray(array, jnp.float32) for array in (x, kernel)]
    ours = jax.jit(conv.convolve, static_argnums=2)(*given, padding)
    np.testing.assert_allclose(ours, want, rtol=0, atol=TOLERANCE * np.abs(want).max())


def test_patches_have_the_gradients_of_the_convolution():
    rng = np.random.default_rng(1)
    x, kernel = rng.standard_normal((2, 4, 5, 512)), rng.standard_normal((3, 3, 512, 4))
    weights = rng.standard_normal((2, 4, 5, 4))
    given = [jnp.asarray(array, jnp.float32) for array in (x, kernel, weights)]
    towards_x, towards_kernel = jax.grad(lambda x, k, w: (conv.convolve(x, k, 1) * w).sum(), argnums=(0, 1))(*given)
    back = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    want_x = np.stack([loop_conv(part, back, stride=1, padding=1) for part in weights])
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    want_kernel = np.zeros(kernel.shape)
    for i in range(3):
        for j in range(3):
            want_kernel[i, j] = np.einsum("bhwc,bhwd->cd", padded[:, i : i + 4, j : j + 5], weights)
    np.testing.assert_allclose(towards_x, want_x, rtol=0, atol=TOLERANCE * np.abs(want_x).max())
    np.testing.assert_allclose(towards_kernel, want_kernel, rtol=0, atol=TOLERANCE * np.abs(want_kernel).max())
