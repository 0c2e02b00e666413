"""The rows of a convolution with its norm, and which counters are left out."""

import numpy as np

from jaxanim.weights import batch_norms


def test_rows():
    rows = {row.source: row.path for row in batch_norms.conv_norm("a.0", "a.1", "conv", "norm")}
    assert rows == {
        "a.0.weight": "conv/kernel",
        "a.1.weight": "norm/scale",
        "a.1.bias": "norm/bias",
        "a.1.running_mean": "norm/mean",
        "a.1.running_var": "norm/var",
    }


def test_only_counters_of_known_norms_are_left_out():
    table = tuple(batch_norms.conv_norm("a.0", "a.1", "conv", "norm"))
    state = {name: np.zeros(1) for name in ("a.1.num_batches_tracked", "b.num_batches_tracked", "a.1.bias")}
    assert set(batch_norms.without_counters(state, table)) == {"b.num_batches_tracked", "a.1.bias"}
