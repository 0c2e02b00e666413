"""Name table from the released checkpoint (a PyTorch state dict) to our parameters."""

from collections.abc import Iterator

from jaxanim.nn import resnet
from jaxanim.weights import layouts
from jaxanim.weights.batch_norms import conv_norm
from jaxanim.weights.name_table import Row, Table

_HEADS = {
    "cls_layer": "score",
    "x_layer": "x",
    "y_layer": "y",
    "nb_x_layer": "neighbour_x",
    "nb_y_layer": "neighbour_y",
}


def pipnet() -> Table:
    """`epoch59.pth` of a network with ResNet-18 for the 98 points of WFLW."""
    return tuple(_pipnet())


def _pipnet() -> Iterator[Row]:
    yield from conv_norm("conv1", "bn1", "backbone/stem_conv", "backbone/stem_norm")
    for stage, depth in enumerate(resnet.RESNET18):
        for block in range(depth):
            source, path = f"layer{stage + 1}.{block}", f"backbone/stage{stage}_block{block}"
            for index in range(2):
                names = (f"{source}.conv{index + 1}", f"{source}.bn{index + 1}")
                yield from conv_norm(*names, f"{path}/conv{index}", f"{path}/norm{index}")
            if stage > 0 and block == 0:
                names = (f"{source}.downsample.0", f"{source}.downsample.1")
                yield from conv_norm(*names, f"{path}/shortcut_conv", f"{path}/shortcut_norm")
    for source, path in _HEADS.items():
        yield Row(f"{source}.weight", f"{path}/kernel", layouts.conv)
        yield Row(f"{source}.bias", f"{path}/bias")
