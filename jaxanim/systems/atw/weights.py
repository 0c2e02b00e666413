"""Name tables from the released checkpoints (PyTorch state dicts) to our parameters."""

from collections.abc import Iterator

from jaxanim.systems.atw import networks
from jaxanim.weights import layouts
from jaxanim.weights.name_table import Row, Table


def generator() -> Table:
    """`*_net_gen.pth`."""
    return tuple(_generator())


def discriminator(*, adversarial: bool) -> Table:
    """`*_net_dis.pth`, and without the adversarial head `*_net_dis_warp.pth`."""
    return tuple(_discriminator(adversarial))


def _generator() -> Iterator[Row]:
    yield from _conv_norm("encoding.0", "encoding.1", "motion/down0")
    yield from _conv_norm("encoding.3", "encoding.4", "motion/down1")
    for block in range(networks.MOTION_BLOCKS):
        source, path = f"encoding.{6 + block}.conv_block", f"motion/block{block}"
        yield Row(f"{source}.0.weight", f"{path}/conv0/kernel", layouts.conv)
        yield from _norm(f"{source}.1", f"{path}/norm0")
        yield Row(f"{source}.3.weight", f"{path}/conv1/kernel", layouts.conv)
        yield from _norm(f"{source}.4", f"{path}/norm1")
    yield Row("flow_pred.0.weight", "motion/up0_conv/kernel", layouts.conv_transpose)
    yield from _norm("flow_pred.1", "motion/up0_norm")
    yield Row("flow_pred.3.weight", "motion/up1_conv/kernel", layouts.conv_transpose)
    yield Row("refine.0.weight", "refinement/down0_conv/kernel", layouts.conv)
    for block in range(networks.REFINEMENT_BLOCKS):
        for index, layer in enumerate((0, 2)):
            source = f"refine.{2 + block}.conv_block.{layer}.weight"
            yield Row(source, f"refinement/block{block}/conv{index}/kernel", layouts.conv)
    last = 2 + networks.REFINEMENT_BLOCKS
    yield Row(f"refine.{last}.weight", "refinement/up_last_conv/kernel", layouts.conv_transpose)


def _discriminator(adversarial: bool) -> Iterator[Row]:
    for layer in range(networks.TRUNK_LAYERS):
        yield Row(f"model.{2 * layer}.weight", f"trunk{layer}_conv/kernel", layouts.conv)
        yield Row(f"model.{2 * layer}.bias", f"trunk{layer}_conv/bias")
    yield Row("aus_top.weight", "drive_conv/kernel", layouts.conv)
    if adversarial:
        yield Row("dis_top.weight", "adversarial_conv/kernel", layouts.conv)


def _conv_norm(conv: str, norm: str, path: str) -> Iterator[Row]:
    yield Row(f"{conv}.weight", f"{path}_conv/kernel", layouts.conv)
    yield from _norm(norm, f"{path}_norm")


def _norm(source: str, path: str) -> Iterator[Row]:
    yield Row(f"{source}.weight", f"{path}/scale")
    yield Row(f"{source}.bias", f"{path}/bias")
