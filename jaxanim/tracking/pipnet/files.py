"""Files of PIPNet: ours, and the released checkpoint and mean face they are converted from."""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from jaxanim.core import files as core_files
from jaxanim.core.errors import InputError, WeightsError
from jaxanim.core.types import Params
from jaxanim.tracking.pipnet import neighbours, networks, pipnet, weights
from jaxanim.weights import batch_norms, name_table, torch_file, weights_file
from jaxanim.weights.card import Card

PIPNET = "pipnet"
SOURCE = "https://github.com/jhb86253817/PIPNet"
LICENCE = "MIT (PIPNet's code; WFLW, which it was trained on, is for research)"
_NEIGHBOURS = "neighbours"


def convert_pipnet(sources: Sequence[Path], output: Path, *, name: str | None, licence: str | None) -> Card:
    """Converts a released network with ResNet-18 for 98 points to one file.

    Args:
      sources: its `.pth`, and the `meanface.txt` of its data set (`data/WFLW/meanface.txt` beside the released code),
        which says what the network's outputs mean.
      output: a .safetensors file.
      name: what to call it.
      licence: of the source, where it is another.

    Raises:
      InputError: not just these two are given, or the mean face is none.
      WeightsError: the network's file is missing, damaged, runs code, or holds another network.
      OutputError: the file cannot be written.
    """
    core_files.check_writable(output)
    faces = [path for path in sources if path.suffix == ".txt"]
    nets = [path for path in sources if path.suffix != ".txt"]
    if len(faces) != 1 or len(nets) != 1:
        raise InputError(
            "a PIPNet is converted from its .pth and the meanface.txt of its data set (data/WFLW of the released "
            f"code), got {', '.join(map(str, sources)) or 'nothing'}"
        )
    table = neighbours.nearest(neighbours.read_mean_face(faces[0]))
    neighbours.check(table, what=str(faces[0]))
    params = from_state_dict(torch_file.read_state_dict(nets[0]), what=str(nets[0]))
    card = Card(
        system=PIPNET,
        name=name or "PIPNet landmarks, resnet18",
        licence=licence or LICENCE,
        source=f"converted from {SOURCE}",
    )
    weights_file.write(output, card, {"params": {PIPNET: params}, _NEIGHBOURS: table.astype(np.int32)})
    return card


def read_pipnet(path: Path) -> tuple[Card, pipnet.PIPNetLandmarks]:
    """Reads a converted network.

    Raises:
      WeightsError: the file is damaged, incomplete or of another system.
    """
    card, arrays = weights_file.read(path, system=PIPNET)
    groups, table = arrays.get("params"), arrays.get(_NEIGHBOURS)
    params = groups.get(PIPNET, {}) if isinstance(groups, dict) else {}
    name_table.check_filled(params, template(), what=str(path))
    if not isinstance(table, np.ndarray):
        raise WeightsError(f"{path}: holds no {_NEIGHBOURS!r}")
    try:
        neighbours.check(table, what=str(path))
    except InputError as error:
        raise WeightsError(str(error)) from error
    return card, pipnet.PIPNetLandmarks(params, table)


def from_state_dict(state: dict[str, np.ndarray], *, what: str) -> Params:
    """Turns the state dict of a released network into our parameters.

    Raises:
      WeightsError: a key is missing or unknown, or a shape or type differs.
    """
    table = weights.pipnet()
    return name_table.apply(table, batch_norms.without_counters(state, table), template(), what=what)


def template() -> Params:
    """Returns names and shapes of the parameters."""
    image = jax.ShapeDtypeStruct((1, pipnet.SIZE, pipnet.SIZE, 3), np.float32)
    return jax.eval_shape(networks.PIPNet().init, jax.random.key(0), image)["params"]
