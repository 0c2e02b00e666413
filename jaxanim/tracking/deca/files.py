"""Files of DECA's encoder: ours, and the released checkpoint it is converted from."""

from pathlib import Path

import jax
import numpy as np

from jaxanim.core import files as core_files
from jaxanim.core.errors import WeightsError
from jaxanim.core.types import Params
from jaxanim.tracking.deca import networks, weights
from jaxanim.weights import batch_norms, name_table, torch_file, weights_file
from jaxanim.weights.card import Card

DECA = "deca"
RELEASED_NAME = "deca_model.tar"
SOURCE = "https://github.com/yfeng95/DECA"
LICENCE = "DECA licence (Max-Planck-Gesellschaft; non-commercial scientific research only, not to be passed on)"
_GROUP = "deca_encoder"
_RELEASED_GROUP = "E_flame"


def convert_deca(source: Path, output: Path, *, name: str | None, licence: str | None) -> Card:
    """Converts `deca_model.tar`, or the folder that holds it, to one file.

    Raises:
      WeightsError: the file is missing, damaged, runs code, or holds another network.
      OutputError: the file cannot be written.
    """
    core_files.check_writable(output)
    card = Card(system=DECA, name=name or "DECA encoder", licence=licence or LICENCE, source=f"converted from {SOURCE}")
    weights_file.write(output, card, {"params": {_GROUP: read_released(source)}})
    return card


def read_deca(path: Path) -> tuple[Card, Params]:
    """Reads a converted encoder.

    Raises:
      WeightsError: the file is damaged, incomplete or of another system.
    """
    card, arrays = weights_file.read(path, system=DECA)
    groups = arrays.get("params")
    params = groups.get(_GROUP, {}) if isinstance(groups, dict) else {}
    name_table.check_filled(params, _template(), what=str(path))
    return card, params


def read_released(source: Path) -> Params:
    """Reads the encoder of `deca_model.tar`, which is a file of PyTorch and no tar archive.

    What stands beside the encoder (E_detail, D_detail, the state of a training) is not needed and left alone.

    Raises:
      WeightsError: the file is missing, damaged, runs code, or holds another network.
    """
    path = source / RELEASED_NAME if source.is_dir() else source
    content = torch_file.read_torch_file(path)
    if not (isinstance(content, dict) and isinstance(content.get(_RELEASED_GROUP), dict)):
        held = sorted(map(str, content))[:8] if isinstance(content, dict) else type(content).__name__
        raise WeightsError(f"{path}: holds no {_RELEASED_GROUP!r}, DECA's encoder; it holds {held}")
    state = content[_RELEASED_GROUP]
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, np.ndarray):
            raise WeightsError(f"{path}: {_RELEASED_GROUP}: entry {name!r} is a {type(value).__name__}, not a tensor")
    return from_state_dict(state, what=f"{path}: {_RELEASED_GROUP}")


def from_state_dict(state: dict[str, np.ndarray], *, what: str) -> Params:
    """Turns the state dict of the released encoder into our parameters.

    Raises:
      WeightsError: a key is missing or unknown, or a shape or type differs.
    """
    table = weights.deca_encoder()
    return name_table.apply(table, batch_norms.without_counters(state, table), _template(), what=what)


def _template() -> Params:
    image = jax.ShapeDtypeStruct((1, networks.ENCODER_SIZE, networks.ENCODER_SIZE, 3), np.float32)
    return jax.eval_shape(networks.DecaEncoder().init, jax.random.key(0), image)["params"]
