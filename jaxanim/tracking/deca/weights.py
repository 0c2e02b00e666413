"""Name tables from the released checkpoints (PyTorch state dicts) to our parameters."""

from collections.abc import Iterator, Mapping

import numpy as np

from jaxanim.nn import resnet
from jaxanim.weights import layouts
from jaxanim.weights.name_table import Row, Table

_COUNTER = "num_batches_tracked"


def deca_encoder() -> Table:
    """`E_flame` of `deca_model.tar`."""
    return tuple(_deca_encoder())


def without_counters(state: Mapping[str, np.ndarray], table: Table) -> dict[str, np.ndarray]:
    """Leaves out how many batches each batch norm has seen; counters of norms that the table lacks stay in."""
    known = {row.source.removesuffix("running_var") + _COUNTER for row in table if row.source.endswith("running_var")}
    return {name: array for name, array in state.items() if name not in known}


def _deca_encoder() -> Iterator[Row]:
    yield from _conv_norm("encoder.conv1", "encoder.bn1", "backbone/stem_conv", "backbone/stem_norm")
    for stage, depth in enumerate(resnet.RESNET50):
        for block in range(depth):
            source, path = f"encoder.layer{stage + 1}.{block}", f"backbone/stage{stage}_block{block}"
            for index in range(3):
                names = (f"{source}.conv{index + 1}", f"{source}.bn{index + 1}")
                yield from _conv_norm(*names, f"{path}/conv{index}", f"{path}/norm{index}")
            if block == 0:
                names = (f"{source}.downsample.0", f"{source}.downsample.1")
                yield from _conv_norm(*names, f"{path}/shortcut_conv", f"{path}/shortcut_norm")
    for index, source in enumerate(("layers.0", "layers.2")):
        yield Row(f"{source}.weight", f"dense{index}/kernel", layouts.dense)
        yield Row(f"{source}.bias", f"dense{index}/bias")


def _conv_norm(conv: str, norm: str, conv_path: str, norm_path: str) -> Iterator[Row]:
    yield Row(f"{conv}.weight", f"{conv_path}/kernel", layouts.conv)
    for source, path in (("weight", "scale"), ("bias", "bias"), ("running_mean", "mean"), ("running_var", "var")):
        yield Row(f"{norm}.{source}", f"{norm_path}/{path}")
