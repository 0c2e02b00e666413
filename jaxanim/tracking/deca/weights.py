"""Name tables from the released checkpoints (PyTorch state dicts) to our parameters."""

from collections.abc import Iterator

from jaxanim.nn import resnet
from jaxanim.weights import batch_norms, layouts
from jaxanim.weights.name_table import Row, Table


def deca_encoder() -> Table:
    """`E_flame` of `deca_model.tar`."""
    return tuple(_deca_encoder())


def _deca_encoder() -> Iterator[Row]:
    yield from batch_norms.conv_norm("encoder.conv1", "encoder.bn1", "backbone/stem_conv", "backbone/stem_norm")
    for stage, depth in enumerate(resnet.RESNET50):
        for block in range(depth):
            source, path = f"encoder.layer{stage + 1}.{block}", f"backbone/stage{stage}_block{block}"
            for index in range(3):
                names = (f"{source}.conv{index + 1}", f"{source}.bn{index + 1}")
                yield from batch_norms.conv_norm(*names, f"{path}/conv{index}", f"{path}/norm{index}")
            if block == 0:
                names = (f"{source}.downsample.0", f"{source}.downsample.1")
                yield from batch_norms.conv_norm(*names, f"{path}/shortcut_conv", f"{path}/shortcut_norm")
    for index, source in enumerate(("layers.0", "layers.2")):
        yield Row(f"{source}.weight", f"dense{index}/kernel", layouts.dense)
        yield Row(f"{source}.bias", f"dense{index}/bias")
