"""Name tables from the released checkpoints (PyTorch state dicts) to our parameters and statistics.

Paths begin with 'params' or 'stats'. A released level 'x8' is our level 3: the full size is 'x1', our level 0.
"""

from collections.abc import Iterator

import numpy as np

from jaxanim.systems.gdpw import networks
from jaxanim.systems.gdpw.presets import Design
from jaxanim.weights import layouts
from jaxanim.weights.name_table import Row, Table

CODES = "embeds"
FACES = "mesh_renderer.tri"
_CONV = ("weight_orig", "weight_u", "weight_v", "bias")
_NORM = ("weight", "bias", "running_mean", "running_var")
_COUNTER = "num_batches_tracked"


def generator(design: Design) -> Table:
    """The `generator` of `PWM_*.pth`, without what `unused_by_generator` names."""
    return tuple(_generator(design))


def discriminator() -> Table:
    """The `discriminator` of `PWM_*.pth`, without what `unused_by_discriminator` names."""
    return tuple(_discriminator())


def unused_by_generator(design: Design) -> frozenset[str]:
    """Names what a released generator holds and never computes with, or what follows from the design.

    Counters of batches, Gaussians (that of 'x1' is not even a number), the block that would warp the features of the
    last level a second time, and the triangles of the mesh, which are `FACES`.
    """
    last = f"shortcut_layers.x{2 ** (design.levels - 1)}"
    never_called = (*(f"{last}.conv.{leaf}" for leaf in _CONV), *(f"{last}.norm.{leaf}" for leaf in _NORM))
    filters = (f"downsamples.x{2**level}.weight" for level in range(design.levels))
    counters = (_counter_of(row.source) for row in generator(design) if row.source.endswith(".running_mean"))
    return frozenset([*never_called, f"{last}.norm.{_COUNTER}", *filters, *counters, FACES])


def unused_by_discriminator() -> frozenset[str]:
    """Names what a released discriminator holds and never computes with."""
    counters = (_counter_of(row.source) for row in discriminator() if row.source.endswith(".running_mean"))
    return frozenset(["downs.x1.weight", *counters])


def _counter_of(running_mean: str) -> str:
    return running_mean.removesuffix("running_mean") + _COUNTER


def _generator(design: Design) -> Iterator[Row]:
    if design.has_codes:
        yield Row(CODES, "params/codes")
    last = design.levels - 1
    for level in range(design.levels):
        yield from _block(f"down_layers.x{2**level}", f"encoder/down{level}")
        if level < last:
            yield from _block(f"shortcut_layers.x{2**level}", f"encoder/shortcut{level}")
    for level in range(last, 0, -1):
        yield from _spade_block(f"up_layers.x{2**level}_spade", f"decoder/spade{level}")
        yield from _plain(f"up_layers.x{2**level}_flow", f"decoder/flow{level}")
        yield from _block(f"up_layers.x{2**level}_up", f"decoder/up{level}")
    yield from _plain("up_layers.x1_out", "decoder/out")


def _discriminator() -> Iterator[Row]:
    for layer in range(networks.CRITIC_LAYERS):
        yield from _block(f"discs.x1.layers.{layer}", f"layer{layer}", size=4)
    yield from _plain("discs.x1.out_convs.0", "out")


def _block(source: str, path: str, size: int = 3) -> Iterator[Row]:
    yield from _spectral(f"{source}.conv", f"{path}/conv", size)
    yield Row(f"{source}.norm.weight", f"params/{path}/norm/scale")
    yield Row(f"{source}.norm.bias", f"params/{path}/norm/bias")
    yield from _running(f"{source}.norm", f"{path}/norm")


def _spade_block(source: str, path: str) -> Iterator[Row]:
    for index in range(2):
        spade = f"{source}.spade{index + 1}"
        yield from _running(f"{spade}.norm", f"{path}/spade{index}/norm")
        yield from _spectral(f"{spade}.shared_conv.0", f"{path}/spade{index}/shared_conv")
        for name in ("gamma_conv", "beta_conv"):
            yield from _spectral(f"{spade}.{name}", f"{path}/spade{index}/{name}")
        yield from _spectral(f"{source}.conv{index + 1}", f"{path}/conv{index}")
    yield from _spectral(f"{source}.non_identity_shortcut", f"{path}/shortcut_conv", size=1)


def _spectral(source: str, path: str, size: int = 3) -> Iterator[Row]:
    yield Row(f"{source}.weight_orig", f"params/{path}/kernel", layouts.conv)
    yield Row(f"{source}.bias", f"params/{path}/bias")
    yield Row(f"{source}.weight_u", f"stats/{path}/u")
    yield Row(f"{source}.weight_v", f"stats/{path}/v", _right_vector(size))


def _plain(source: str, path: str) -> Iterator[Row]:
    yield Row(f"{source}.weight", f"params/{path}/kernel", layouts.conv)
    yield Row(f"{source}.bias", f"params/{path}/bias")


def _running(source: str, path: str) -> Iterator[Row]:
    yield Row(f"{source}.running_mean", f"stats/{path}/mean")
    yield Row(f"{source}.running_var", f"stats/{path}/var")


def _right_vector(size: int) -> layouts.Layout:
    """`weight_v` of a spectral norm, flattened (in, h, w) -> (h, w, in) as `SpectralConv` flattens its kernel."""

    def layout(array: np.ndarray) -> np.ndarray:
        return array.reshape(-1, size, size).transpose(1, 2, 0).reshape(-1)

    return layout
