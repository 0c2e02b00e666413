"""Convolutions with PyTorch's padding."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxanim.core.types import Array, Float

Initializer = Callable[..., Any]
HE_NORMAL: Initializer = nn.initializers.he_normal()
# Uniform within 1 / sqrt(fan in): what PyTorch's convolutions start from.
TORCH_UNIFORM: Initializer = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
ZEROS: Initializer = nn.initializers.zeros_init()

# Where XLA's convolution on CPUs spends its time on bringing kernels into its order: few pixels, many channels.
_FEW_PIXELS, _MANY_CHANNELS = 256, 512


def convolve(x: Float[Array, "b h w c"], kernel: Float[Array, "i j c d"], padding: int) -> Float[Array, "b _ _ d"]:
    """Convolves with stride 1, zeros around the picture.

    On CPUs, pictures of few pixels and many channels are convolved as one product of matrices, of patches and kernel:
    three times as fast at 8 x 8 x 1024, 1.4 to 1.7 times at 16 x 16 (jax 0.10). Elsewhere, and on other devices, it is
    XLA's convolution. The two differ by rounding.

    Args:
      x: picture.
      kernel: rows, columns, input channels, output channels.
      padding: rows and columns of zeros on each side.
    """
    if x.shape[1] * x.shape[2] <= _FEW_PIXELS and x.shape[3] >= _MANY_CHANNELS:
        return lax.platform_dependent(
            x,
            kernel,
            cpu=lambda x, kernel: _of_patches(x, kernel, padding),
            default=lambda x, kernel: _xla(x, kernel, padding),
        )
    return _xla(x, kernel, padding)


def conv3x3(features: int, name: str, *, use_bias: bool = True, kernel_init: Initializer = HE_NORMAL) -> nn.Conv:
    """Returns a 3x3 convolution that keeps height and width (zero padding 1)."""
    return nn.Conv(features, (3, 3), padding=1, use_bias=use_bias, kernel_init=kernel_init, name=name)


def conv1x1(features: int, name: str, *, kernel_init: Initializer = HE_NORMAL) -> nn.Conv:
    """Returns a 1x1 convolution with bias."""
    return nn.Conv(features, (1, 1), kernel_init=kernel_init, name=name)


def halving_conv(features: int, name: str) -> nn.Conv:
    """Returns a 4x4 convolution of stride 2 without bias that halves height and width (zero padding 1)."""
    return nn.Conv(features, (4, 4), strides=2, padding=1, use_bias=False, kernel_init=HE_NORMAL, name=name)


def doubling_conv(features: int, name: str) -> nn.ConvTranspose:
    """Returns a 4x4 transposed convolution of stride 2 without bias that doubles height and width.

    Equal to PyTorch's `ConvTranspose2d(kernel_size=4, stride=2, padding=1)` with its kernel flipped in both directions.
    """
    return nn.ConvTranspose(
        features, (4, 4), strides=(2, 2), padding="SAME", use_bias=False, kernel_init=HE_NORMAL, name=name
    )


def _xla(x: Float[Array, "b h w c"], kernel: Float[Array, "i j c d"], padding: int) -> Float[Array, "b _ _ d"]:
    around = ((padding, padding),) * 2
    return lax.conv_general_dilated(x, kernel, (1, 1), around, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _of_patches(x: Float[Array, "b h w c"], kernel: Float[Array, "i j c d"], padding: int) -> Float[Array, "b _ _ d"]:
    rows, columns, channels, features = kernel.shape
    padded = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    height, width = padded.shape[1] - rows + 1, padded.shape[2] - columns + 1
    shifted = [padded[:, i : i + height, j : j + width] for i in range(rows) for j in range(columns)]
    patches = jnp.concatenate(shifted, axis=-1).reshape(-1, rows * columns * channels)
    return (patches @ kernel.reshape(-1, features)).reshape(len(x), height, width, features)
