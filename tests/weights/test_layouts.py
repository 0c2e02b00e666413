"""PyTorch's layouts to ours: hand-sized index checks, and the networks' own layers against loops in PyTorch's terms."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxanim.nn import conv
from jaxanim.weights import layouts

TOLERANCE = 1e-5  # sums of up to 50 float32 products of numbers of order 1


def numbered(*shape: int) -> np.ndarray:
    """0, 1, 2, ... in the given shape."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_same():
    array = numbered(3)
    assert layouts.same(array) is array


def test_dense():
    np.testing.assert_array_equal(layouts.dense(numbered(2, 3)), [[0, 3], [1, 4], [2, 5]])


def test_conv():
    weight = numbered(2, 3, 4, 5)  # out, in, h, w
    kernel = layouts.conv(weight)
    assert kernel.shape == (4, 5, 3, 2)
    assert kernel[3, 1, 2, 0] == weight[0, 2, 3, 1]


def test_conv1x1_as_dense():
    weight = numbered(2, 3, 1, 1)
    np.testing.assert_array_equal(layouts.conv1x1_as_dense(weight), [[0, 3], [1, 4], [2, 5]])


def test_conv_transpose():
    weight = numbered(3, 2, 4, 4)  # in, out, h, w
    kernel = layouts.conv_transpose(weight)
    assert kernel.shape == (4, 4, 3, 2)
    assert kernel[0, 1, 2, 1] == weight[2, 1, 3, 2]


@pytest.mark.parametrize(
    ("layout", "shape"),
    [(layouts.dense, (3,)), (layouts.conv, (2, 3)), (layouts.conv1x1_as_dense, (2, 3)), (layouts.conv_transpose, (2,))],
)
def test_another_number_of_axes(layout, shape):
    """`name_table` turns exactly these two errors into a message."""
    with pytest.raises((ValueError, IndexError)):
        layout(numbered(*shape))


def test_dense_layer(rng):
    weight, x = rng.normal(size=(2, 3)).astype(np.float32), rng.normal(size=(4, 3)).astype(np.float32)
    ours = nn.Dense(2, use_bias=False).apply({"params": {"kernel": layouts.dense(weight)}}, jnp.asarray(x))
    np.testing.assert_allclose(ours, np.einsum("oi,ni->no", weight, x), atol=TOLERANCE)


def test_conv_layer(rng):
    """Conv2d(2, 3, kernel_size=3, padding=1): cross-correlation of the zero-padded picture."""
    weight = rng.normal(size=(3, 2, 3, 3)).astype(np.float32)
    x = rng.normal(size=(4, 5, 2)).astype(np.float32)
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    expected = np.zeros((4, 5, 3), np.float32)
    for row, column in np.ndindex(4, 5):
        expected[row, column] = np.einsum("oihw,hwi->o", weight, padded[row : row + 3, column : column + 3])
    layer = conv.conv3x3(3, "conv", use_bias=False)
    np.testing.assert_allclose(
        layer.apply({"params": {"kernel": layouts.conv(weight)}}, x[None])[0], expected, atol=TOLERANCE
    )


def test_conv_transpose_layer(rng):
    """ConvTranspose2d(2, 3, kernel_size=4, stride=2, padding=1): every pixel stamps the kernel at twice its place."""
    weight = rng.normal(size=(2, 3, 4, 4)).astype(np.float32)
    x = rng.normal(size=(3, 4, 2)).astype(np.float32)
    stamped = np.zeros((2 * 3 + 2, 2 * 4 + 2, 3), np.float32)
    for row, column in np.ndindex(3, 4):
        stamp = np.einsum("i,iohw->hwo", x[row, column], weight)
        stamped[2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += stamp
    expected = stamped[1:-1, 1:-1]  # padding 1 cuts the border off
    layer = conv.doubling_conv(3, "conv")
    ours = layer.apply({"params": {"kernel": layouts.conv_transpose(weight)}}, x[None])[0]
    np.testing.assert_allclose(ours, expected, atol=TOLERANCE)
