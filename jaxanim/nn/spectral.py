"""Convolutions with spectral norm (Miyato et al. 2018), as PyTorch's `torch.nn.utils.spectral_norm` computes it.

The kernel is divided by u'Wv, an estimate of its largest singular value W being the kernel as a matrix of output
channels. `u` and `v` are statistics: in training every call improves them by one step of the power method, otherwise
they stay, so that the division can be done once (`fold`).
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from jaxanim.core.types import Array, Float, Params
from jaxanim.nn import conv

_SMALLEST = 1e-12  # length that vectors are divided by at least


class SpectralConv(nn.Module):
    """A convolution with bias whose kernel is divided by its spectral norm.

    Attributes:
      features: output channels.
      size: of the kernel, in rows and columns.
      padding: zeros around the picture.
      spectral: False is a plain convolution, for kernels that have been folded.
    """

    features: int
    size: int = 3
    padding: int = 1
    spectral: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], *, train: bool) -> Float[Array, "b _ _ d"]:
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", conv.TORCH_UNIFORM, shape)
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        if self.spectral:
            kernel = kernel / self._norm(kernel, train).astype(kernel.dtype)
        return conv.convolve(x, jnp.asarray(kernel), self.padding) + bias[None, None, None, :]

    def _norm(self, kernel: Float[Array, "h w c d"], train: bool) -> Float[Array, ""]:
        matrix = kernel.astype(jnp.float32).reshape(-1, kernel.shape[-1])
        u = self.variable("stats", "u", lambda: _unit(jnp.cos(1.7 * jnp.arange(matrix.shape[1], dtype=jnp.float32))))
        v = self.variable("stats", "v", lambda: _unit(matrix @ u.value))
        left, right = u.value.astype(jnp.float32), v.value.astype(jnp.float32)
        if train:
            held = lax.stop_gradient(matrix)
            right = _unit(held @ left)
            left = _unit(right @ held)
            u.value, v.value = left, right
        return (right @ matrix) @ left


def fold(params: Params, stats: Params) -> Params:
    """Divides the kernels of all `SpectralConv` in a network by their spectral norm.

    Args:
      params: of the network.
      stats: of the network, with `u` and `v` where a convolution has them.

    Returns:
      Parameters for the network with `spectral=False`, numpy.
    """
    folded: dict[str, Any] = {}
    for name, value in params.items():
        if not isinstance(value, Mapping):
            folded[name] = np.asarray(value)
        elif {"u", "v"} <= set(stats.get(name, {})):
            kernel = np.asarray(value["kernel"], np.float64)
            matrix = kernel.reshape(-1, kernel.shape[-1])
            norm = np.asarray(stats[name]["v"], np.float64) @ matrix @ np.asarray(stats[name]["u"], np.float64)
            folded[name] = {"kernel": (kernel / norm).astype(np.float32), "bias": np.asarray(value["bias"])}
        else:
            folded[name] = fold(value, stats.get(name, {}))
    return folded


def unfold(params: Params, stats: Params, wanted: Params) -> Params:
    """Returns the statistics with which folded kernels can be trained on as those of a network with spectral norms.

    Folded kernels have a norm of about 1, so that the network stays what it is: to the accuracy with which the vectors
    that were folded knew the norm.

    Args:
      params: of a network with `spectral=False`.
      stats: of that network.
      wanted: the shapes of the statistics with `spectral=True`.
    """
    found: dict[str, Any] = {}
    for name, shape in wanted.items():
        if not isinstance(shape, Mapping):
            found[name] = stats[name]
        elif {"u", "v"} <= set(shape):
            kernel = np.asarray(params[name]["kernel"], np.float64)
            left, _, right = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), full_matrices=False)
            found[name] = {"u": right[0].astype(np.float32), "v": left[:, 0].astype(np.float32)}
        else:
            found[name] = unfold(params.get(name, {}), stats.get(name, {}), shape)
    return found


def without_vectors(stats: Params) -> Params:
    """Returns the statistics that a folded network still needs: all but `u` and `v`."""
    kept = {}
    for name, value in stats.items():
        if isinstance(value, Mapping):
            inner = without_vectors(value)
            if inner:
                kept[name] = inner
        elif name not in ("u", "v"):
            kept[name] = value
    return kept


def _unit(vector: Float[Array, " n"]) -> Float[Array, " n"]:
    return vector / jnp.maximum(jnp.sqrt(jnp.square(vector).sum()), _SMALLEST)
