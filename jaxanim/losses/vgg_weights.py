"""Weights of VGG-19's convolutions: torchvision's files, or random ones."""

import math
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import safetensors.numpy

from jaxanim.core.errors import WeightsError
from jaxanim.core.types import Params
from jaxanim.nn import vgg
from jaxanim.weights import layouts, name_table, torch_file
from jaxanim.weights.name_table import Row, Table

_SEED = 19
# What torchvision's network has behind the features that are looked at.
_LEAVES = ("weight", "bias")
UNUSED = frozenset(
    [f"features.{layer}.{leaf}" for layer in (30, 32, 34) for leaf in _LEAVES]
    + [f"classifier.{layer}.{leaf}" for layer in (0, 3, 6) for leaf in _LEAVES]
)


def vgg19() -> Table:
    """`vgg19*.pth` of torchvision, without what `UNUSED` names."""
    return tuple(_rows())


def read_vgg19(path: Path) -> Params:
    """Reads torchvision's VGG-19, as PyTorch (.pth) or safetensors, with or without its classifier.

    Raises:
      WeightsError: the file is missing, damaged, runs code, or holds another network.
    """
    if path.suffix == ".safetensors":
        try:
            state = safetensors.numpy.load_file(path)
        except Exception as error:
            raise WeightsError(f"{path}: not a readable safetensors file ({error})") from error
    else:
        state = torch_file.read_state_dict(path)
    return from_state_dict(state, what=str(path))


def from_state_dict(state: dict[str, np.ndarray], *, what: str) -> Params:
    """Turns torchvision's state dict into parameters of `vgg.Vgg19`.

    Raises:
      WeightsError: a key is missing or unknown, or a shape or type differs.
    """
    needed = {name: array for name, array in state.items() if name not in UNUSED}
    return name_table.apply(vgg19(), needed, _template(), what=what)


def random_vgg19() -> Params:
    """Draws weights, always the same, as He et al. (2015) do: features that nobody trained still see edges."""
    rng, drawn = np.random.default_rng(_SEED), {}
    for path, leaf in name_table.flatten(_template()).items():
        scale = math.sqrt(2.0 / math.prod(leaf.shape[:-1])) if path.endswith("kernel") else 0.0
        drawn[path] = np.asarray(scale * rng.standard_normal(leaf.shape, np.float32), np.float32)
    return name_table.unflatten(drawn)


def _rows() -> Iterator[Row]:
    layer = 0  # torchvision counts convolutions, rectifiers and poolings
    for block, (convolutions, _) in enumerate(vgg.BLOCKS, start=1):
        for index in range(1, convolutions + 1):
            yield Row(f"features.{layer}.weight", f"conv{block}_{index}/kernel", layouts.conv)
            yield Row(f"features.{layer}.bias", f"conv{block}_{index}/bias")
            layer += 2
        layer += 1


def _template() -> Params:
    picture = jnp.zeros((1, vgg.SMALLEST, vgg.SMALLEST, 3))
    return jax.eval_shape(vgg.Vgg19().init, jax.random.key(0), picture)["params"]
