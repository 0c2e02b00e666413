"""How arrays of PyTorch checkpoints turn into ours (NHWC, HWIO). Each function takes and returns one numpy array."""

from collections.abc import Callable

import numpy as np

Layout = Callable[[np.ndarray], np.ndarray]


def same(array: np.ndarray) -> np.ndarray:
    """Biases, norm scales and shifts: unchanged."""
    return array


def dense(array: np.ndarray) -> np.ndarray:
    """`Linear` weight (out, in) -> dense kernel (in, out)."""
    return array.transpose(1, 0)


def conv(array: np.ndarray) -> np.ndarray:
    """`Conv2d` weight (out, in, h, w) -> convolution kernel (h, w, in, out)."""
    return array.transpose(2, 3, 1, 0)


def conv1x1_as_dense(array: np.ndarray) -> np.ndarray:
    """1x1 `Conv2d` weight (out, in, 1, 1) -> dense kernel (in, out)."""
    return array[:, :, 0, 0].transpose(1, 0)


def conv_transpose(array: np.ndarray) -> np.ndarray:
    """`ConvTranspose2d` weight (in, out, h, w) -> `nn.ConvTranspose` kernel (h, w, in, out), flipped in space."""
    return array[:, :, ::-1, ::-1].transpose(2, 3, 0, 1)
