"""Files of H3R: ours, and the released checkpoints they are converted from."""

from pathlib import Path

import jax
import numpy as np

from jaxanim.core import files as core_files
from jaxanim.core.errors import WeightsError
from jaxanim.core.types import Params
from jaxanim.tracking.h3r import h3r, networks, weights
from jaxanim.weights import batch_norms, name_table, torch_file, weights_file
from jaxanim.weights.card import Card

H3R = "h3r"
RELEASED_NAME = "model.pth"
SOURCE = "https://github.com/baoshengyu/H3R"
LICENCE = "not stated by the authors of H3R (WFLW, which it was trained on, is for research)"
_BACKBONE = "backbone"


def convert_h3r(source: Path, output: Path, *, name: str | None, licence: str | None) -> Card:
    """Converts a released `model.pth` for 98 points, or the folder that holds it, to one file.

    Raises:
      WeightsError: the file is missing, damaged, runs code, or holds another network.
      OutputError: the file cannot be written.
    """
    core_files.check_writable(output)
    backbone, params = read_released(source)
    card = Card(
        system=H3R,
        name=name or f"H3R landmarks, {backbone}",
        licence=licence or LICENCE,
        source=f"converted from {SOURCE}",
        notes={_BACKBONE: backbone},
    )
    weights_file.write(output, card, {"params": {H3R: params}})
    return card


def read_h3r(path: Path, *, flip_test: bool = True) -> tuple[Card, h3r.H3RLandmarks]:
    """Reads a converted network.

    Raises:
      WeightsError: the file is damaged, incomplete or of another system.
    """
    card, arrays = weights_file.read(path, system=H3R)
    backbone = next((known for known in networks.BACKBONES if known == card.notes.get(_BACKBONE)), None)
    if backbone is None:
        raise WeightsError(f"{path}: its backbone is {card.notes.get(_BACKBONE)!r}, not one of {networks.BACKBONES}")
    groups = arrays.get("params")
    params = groups.get(H3R, {}) if isinstance(groups, dict) else {}
    name_table.check_filled(params, template(backbone), what=str(path))
    return card, h3r.H3RLandmarks(params, backbone, flip_test=flip_test)


def read_released(source: Path) -> tuple[networks.Backbone, Params]:
    """Reads a released network and says which it is.

    Raises:
      WeightsError: the file is missing, damaged, runs code, or holds another network.
    """
    path = source / RELEASED_NAME if source.is_dir() else source
    return from_state_dict(torch_file.read_state_dict(path), what=str(path))


def from_state_dict(state: dict[str, np.ndarray], *, what: str) -> tuple[networks.Backbone, Params]:
    """Turns the state dict of a released network into its kind and our parameters.

    Raises:
      WeightsError: it is of neither backbone, a key is missing or unknown, or a shape or type differs.
    """
    backbone = next((kind for stem, kind in weights.STEMS.items() if stem in state), None)
    if backbone is None:
        raise WeightsError(f"{what}: holds neither of H3R's networks; it lacks both {' and '.join(weights.STEMS)}")
    table = weights.h3r(backbone)
    state = batch_norms.without_counters(state, table)
    return backbone, name_table.apply(table, state, template(backbone), what=what)


def template(backbone: networks.Backbone) -> Params:
    """Returns names and shapes of the parameters."""
    image = jax.ShapeDtypeStruct((1, h3r.SIZE, h3r.SIZE, 3), np.float32)
    return jax.eval_shape(networks.H3R(backbone).init, jax.random.key(0), image)["params"]
