"""Rows of name tables for convolutions with batch norms, as PyTorch names their tensors."""

from collections.abc import Iterator, Mapping

import numpy as np

from jaxanim.weights import layouts
from jaxanim.weights.name_table import Row, Table

_COUNTER = "num_batches_tracked"
_NORM = (("weight", "scale"), ("bias", "bias"), ("running_mean", "mean"), ("running_var", "var"))


def conv_norm(conv: str, norm: str, conv_path: str, norm_path: str) -> Iterator[Row]:
    """Returns the rows of a convolution without bias and of the `nn.norms.FrozenBatchNorm` after it."""
    yield Row(f"{conv}.weight", f"{conv_path}/kernel", layouts.conv)
    for source, path in _NORM:
        yield Row(f"{norm}.{source}", f"{norm_path}/{path}")


def without_counters(state: Mapping[str, np.ndarray], table: Table) -> dict[str, np.ndarray]:
    """Leaves out how many batches each batch norm has seen; counters of norms that the table lacks stay in."""
    known = {row.source.removesuffix("running_var") + _COUNTER for row in table if row.source.endswith("running_var")}
    return {name: array for name, array in state.items() if name not in known}
