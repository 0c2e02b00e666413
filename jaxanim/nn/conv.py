"""Convolutions with PyTorch's padding."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn

Initializer = Callable[..., Any]
HE_NORMAL: Initializer = nn.initializers.he_normal()
# Uniform within 1 / sqrt(fan in): what PyTorch's convolutions start from.
TORCH_UNIFORM: Initializer = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
ZEROS: Initializer = nn.initializers.zeros_init()


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
