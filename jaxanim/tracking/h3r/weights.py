"""Name tables from the released checkpoints (PyTorch state dicts) to our parameters."""

from collections.abc import Iterator

from jaxanim.core import checks
from jaxanim.tracking.h3r import networks
from jaxanim.weights import layouts
from jaxanim.weights.batch_norms import conv_norm
from jaxanim.weights.name_table import Row, Table

# One tensor of each backbone that the other lacks.
STEMS: dict[str, networks.Backbone] = {
    "backbone.features.0.0.weight": "mobilenetv2",
    "backbone.conv1.weight": "hrnet18",
}


def h3r(backbone: networks.Backbone) -> Table:
    """`model.pth` of a network for the 98 points of WFLW."""
    checks.check_option("backbone", backbone, networks.BACKBONES)
    rows = _mobilenet() if backbone == "mobilenetv2" else _hrnet()
    head = "heatmap_head.head.layers"
    return (
        *rows,
        *_row(f"{head}.0", f"{head}.1", "head"),
        Row(f"{head}.3.weight", "logits/kernel", layouts.conv),
    )


def _mobilenet() -> Iterator[Row]:
    source, path = "backbone.features", "backbone"
    yield from _row(f"{source}.0.0", f"{source}.0.1", f"{path}/stem")
    for index, (expansion, _, _) in enumerate(networks.INVERTED_RESIDUALS):
        layers = ("depthwise", "project") if expansion == 1 else ("expand", "depthwise", "project")
        for order, layer in enumerate(layers):
            # Every convolution is followed by a norm and, but for the last, an activation.
            block = f"{source}.{index + 1}.conv"
            yield from _row(f"{block}.{3 * order}", f"{block}.{3 * order + 1}", f"{path}/block{index}/{layer}")


def _hrnet() -> Iterator[Row]:
    for index in range(2):
        yield from _row(f"backbone.conv{index + 1}", f"backbone.bn{index + 1}", f"backbone/stem{index}")
    for block in range(networks.HRNET_DEPTH):
        source, path = f"backbone.layer1.{block}", f"backbone/first_block{block}"
        yield from _block(source, path, 3)
        if block == 0:
            yield from _row(f"{source}.downsample.0", f"{source}.downsample.1", f"{path}/shortcut")
    yield from _row("backbone.transition1.0.0", "backbone.transition1.0.1", "backbone/enter0")
    for stage, modules in enumerate(networks.HRNET_MODULES):
        branch = stage + 1
        source = f"backbone.transition{stage + 1}.{branch}.0"
        yield from _row(f"{source}.0", f"{source}.1", f"backbone/enter{branch}")
        for module in range(modules):
            path = f"backbone/stage{stage}_module{module}"
            yield from _module(f"backbone.stage{stage + 2}.{module}", path, branches=branch + 1)


def _module(source: str, path: str, *, branches: int) -> Iterator[Row]:
    for branch in range(branches):
        for block in range(networks.HRNET_DEPTH):
            yield from _block(f"{source}.branches.{branch}.{block}", f"{path}/branch{branch}_block{block}", 2)
    for target in range(branches):
        for other in range(branches):
            fuse, name = f"{source}.fuse_layers.{target}.{other}", f"{path}/fuse{other}to{target}"
            if other > target:
                yield from _row(f"{fuse}.0", f"{fuse}.1", name)
            for step in range(target - other):
                yield from _row(f"{fuse}.{step}.0", f"{fuse}.{step}.1", f"{name}_step{step}")


def _block(source: str, path: str, layers: int) -> Iterator[Row]:
    for index in range(layers):
        names = (f"{source}.conv{index + 1}", f"{source}.bn{index + 1}")
        yield from conv_norm(*names, f"{path}/conv{index}", f"{path}/norm{index}")


def _row(conv: str, norm: str, path: str) -> Iterator[Row]:
    return conv_norm(conv, norm, f"{path}_conv", f"{path}_norm")
