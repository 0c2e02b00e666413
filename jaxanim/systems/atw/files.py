"""Files of ATW's networks: ours, and the released checkpoints they are converted from."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from jaxanim.core import files as core_files
from jaxanim.core.errors import WeightsError
from jaxanim.core.types import Variables
from jaxanim.systems.atw import presets, weights
from jaxanim.systems.atw.objectives import DISCRIMINATOR, GENERATOR, WARP_DISCRIMINATOR
from jaxanim.systems.atw.presets import Design
from jaxanim.systems.atw.system import Atw
from jaxanim.weights import design_note, name_table, torch_file, weights_file
from jaxanim.weights.card import Card
from jaxanim.weights.name_table import Table

ATW = "atw"
SOURCE = "https://github.com/duxingren14/ATW"
LICENCE = "not stated for the released weights (the released code: MIT)"
TABLES: Mapping[str, Table] = {
    GENERATOR: weights.generator(),
    DISCRIMINATOR: weights.discriminator(adversarial=True),
    WARP_DISCRIMINATOR: weights.discriminator(adversarial=False),
}


def convert_atw(sources: Sequence[Path], output: Path, *, name: str | None, licence: str | None) -> Card:
    """Converts `*_net_gen.pth` and, where given, `*_net_dis.pth` and `*_net_dis_warp.pth` to one file.

    Args:
      sources: the files in any order, or the folder they are in.
      output: a .safetensors file.
      name: of the model; by default that of the data it was trained on.
      licence: of the source.

    Raises:
      WeightsError: a file is missing, damaged, runs code, or holds another network.
      OutputError: the file cannot be written.
    """
    core_files.check_writable(output)
    states = read_released(sources)
    preset, design = design_of(states)
    variables = from_state_dicts({group: state for group, (_, state) in states.items()}, design)
    given = ", ".join(path.name for path, _ in states.values())
    card = Card(ATW, name or f"ATW {preset}", licence or LICENCE, f"converted from {SOURCE} ({given})")
    write_atw(output, card, design, variables)
    return dataclasses.replace(card, notes=design_note.note(design))


def write_atw(path: Path, card: Card, design: Design, variables: Variables) -> None:
    """Writes networks to one file, the design on its card; the generator alone is enough to render."""
    notes = {**card.notes, **design_note.note(design)}
    weights_file.write(path, dataclasses.replace(card, notes=notes), {"params": variables["params"]})


def read_atw(path: Path) -> tuple[Card, Design, Variables]:
    """Reads networks and their design; discriminators only where the file has them.

    Raises:
      WeightsError: the file is damaged, incomplete or of another system.
    """
    card, arrays = weights_file.read(path, system=ATW)
    design = design_note.read(path, card, presets.RAFD)
    params = arrays.get("params", {})
    template = jax.eval_shape(Atw(design).init, jax.random.key(0))["params"]
    unknown = sorted(set(params) - set(template))
    if unknown or GENERATOR not in params:
        raise WeightsError(f"{path}: holds {sorted(params)}; a {GENERATOR} is needed, known are {sorted(template)}")
    for group, leaves in params.items():
        name_table.check_filled(leaves, template[group], what=f"{path}: {group}")
    return card, design, {"params": params}


def read_released(sources: Sequence[Path]) -> dict[str, tuple[Path, dict[str, np.ndarray]]]:
    """Reads released files and finds out by their keys which network each holds.

    Raises:
      WeightsError: a file cannot be read, there is none of the generator, or two of a kind.
    """
    paths = [path for source in sources for path in (_in_folder(source) if source.is_dir() else [source])]
    found: dict[str, tuple[Path, dict[str, np.ndarray]]] = {}
    for path in paths:
        state = torch_file.read_state_dict(path)
        group = _group(state, path)
        if group in found:
            raise WeightsError(f"{path}: a second {group}, {found[group][0]} is one already")
        found[group] = (path, state)
    if GENERATOR not in found:
        raise WeightsError(f"{', '.join(map(str, sources))}: no generator (*_net_gen.pth) among {sorted(found)}")
    return found


def design_of(states: Mapping[str, tuple[Path, Mapping[str, np.ndarray]]]) -> tuple[str, Design]:
    """Recognises which of the released models a generator is by its shapes.

    Raises:
      WeightsError: it is none of them.
    """
    path, state = states[GENERATOR]
    width, planes = state["encoding.0.weight"].shape[:2]
    for name, design in presets.DESIGNS.items():
        if (design.width, design.drives) == (width, planes - 3):
            return name, design
    known = ", ".join(f"{name} ({d.width}, {d.drives})" for name, d in presets.DESIGNS.items())
    raise WeightsError(f"{path}: a generator of width {width} with {planes - 3} drives; known are {known}")


def from_state_dicts(states: Mapping[str, Mapping[str, np.ndarray]], design: Design) -> Variables:
    """Turns state dicts of the released networks into our parameters.

    Raises:
      WeightsError: a key is missing or unknown, or a shape or type differs.
    """
    template = jax.eval_shape(Atw(design).init, jax.random.key(0))["params"]
    params = {
        group: name_table.apply(TABLES[group], state, template[group], what=group) for group, state in states.items()
    }
    return {"params": params}


def _in_folder(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("*_net_*.pth"))
    if not paths:
        raise WeightsError(f"{folder}: holds no *_net_gen.pth")
    return paths


def _group(state: Mapping[str, np.ndarray], path: Path) -> str:
    if "encoding.0.weight" in state and state["encoding.0.weight"].ndim == 4:
        return GENERATOR
    if "model.0.weight" in state:
        return DISCRIMINATOR if "dis_top.weight" in state else WARP_DISCRIMINATOR
    raise WeightsError(f"{path}: is none of ATW's networks; it holds {sorted(state)[:4]}")
