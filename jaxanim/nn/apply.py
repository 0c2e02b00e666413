"""Running Linen modules on plain nested dicts of parameters."""

from typing import Any

from flax import linen as nn

from jaxanim.core.types import Params


def apply(module: nn.Module, params: Params, *inputs: Any) -> Any:
    """Runs a module that has parameters only and returns what its `__call__` returns."""
    return module.apply({"params": params}, *inputs)
