"""The released checkpoints of GDPW: what a file holds, and of which design it is."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxanim.core.errors import WeightsError
from jaxanim.systems.gdpw import weights
from jaxanim.systems.gdpw.generator import DISCRIMINATOR, GENERATOR
from jaxanim.systems.gdpw.presets import RELEASED, Design, Guidance
from jaxanim.weights import torch_file
from jaxanim.weights.name_table import Table

FACES = weights.FACES
State = Mapping[str, np.ndarray]
_STEP = "global_step"
_FIRST = {GENERATOR: "down_layers.x1.conv.weight_orig", DISCRIMINATOR: "discs.x1.layers.0.conv.weight_orig"}
_MODULATED = "up_layers.x2_spade.spade1.shared_conv.0.weight_orig"


def read(sources: Sequence[Path]) -> dict[str, State]:
    """Reads the networks of some files.

    Args:
      sources: `PWM_*.pth`, or bare state dicts, one of which is a generator's.

    Returns:
      State dicts of the 'generator' and, where there is one, the 'discriminator'.

    Raises:
      WeightsError: a file cannot be read or holds something else, there is no generator, or two of a kind.
    """
    found: dict[str, State] = {}
    for path in sources:
        for group, state in _groups(path).items():
            if group in found:
                raise WeightsError(f"{path}: a second {group}, one was found already")
            found[group] = state
    if GENERATOR not in found:
        raise WeightsError(f"{', '.join(map(str, sources))}: no {GENERATOR}, only {sorted(found)}")
    return found


def design_of(states: Mapping[str, State]) -> Design:
    """Recognises by shapes what guides a generator, and how wide and deep it is.

    Raises:
      WeightsError: it is no generator of GDPW.
    """
    state = states[GENERATOR]
    levels = 0
    while f"down_layers.x{2**levels}.conv.weight_orig" in state:
        levels += 1
    modulation, width = _shape(state, _MODULATED)[1], _shape(state, _FIRST[GENERATOR])[0]
    widest = _shape(state, f"down_layers.x{2 ** (levels - 1)}.conv.weight_orig")[0]
    vertices, code_size = _shape(state, weights.CODES, axes=2) if weights.CODES in state else (5023, 0)
    guides: dict[tuple[bool, int], Guidance] = {
        (False, 2): "geom_disp",
        (True, code_size): "neural_codes",
        (True, code_size + 2): "both",
    }
    guidance = guides.get((weights.CODES in state, modulation))
    if guidance is None:
        raise WeightsError(f"{GENERATOR}: {modulation} channels guide it, with codes of {code_size} numbers; expected "
                           "2 without codes, or as many as a code has, or 2 more")  # fmt: skip
    sizes: dict[str, Any] = {"vertices": vertices, "levels": levels, "width": width, "widest": widest}
    if code_size:
        sizes["code_size"] = code_size
    if DISCRIMINATOR in states:
        sizes["critic_width"] = _shape(states[DISCRIMINATOR], _FIRST[DISCRIMINATOR])[0]
    try:
        return dataclasses.replace(RELEASED[guidance], **sizes)
    except ValueError as error:
        raise WeightsError(f"{GENERATOR}: no design of GDPW ({error})") from error


def table_of(group: str, design: Design) -> Table:
    """Returns the name table of a network."""
    return weights.generator(design) if group == GENERATOR else weights.discriminator()


def unused_of(group: str, design: Design) -> frozenset[str]:
    """Returns the names that carry nothing."""
    return weights.unused_by_generator(design) if group == GENERATOR else weights.unused_by_discriminator()


def _groups(path: Path) -> dict[str, State]:
    content = torch_file.read_torch_file(path)
    if not isinstance(content, dict) or not content:
        raise WeightsError(f"{path}: expected a checkpoint of GDPW, found {type(content).__name__}")
    if GENERATOR in content or DISCRIMINATOR in content:
        unknown = sorted(str(name) for name in content if name not in (GENERATOR, DISCRIMINATOR, _STEP))
        if unknown:
            raise WeightsError(f"{path}: a checkpoint of GDPW with more than is known: {unknown[:4]}")
        return {name: _state(path, name, content[name]) for name in (GENERATOR, DISCRIMINATOR) if name in content}
    for group, first in _FIRST.items():
        if first in content:
            return {group: _state(path, group, content)}
    held = sorted(map(str, content))[:4]
    raise WeightsError(f"{path}: is none of GDPW's networks; it holds {held}")


def _state(path: Path, group: str, state: Any) -> State:
    if not isinstance(state, dict):
        raise WeightsError(f"{path}: its {group} is a {type(state).__name__}, expected a state dict")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, np.ndarray):
            raise WeightsError(f"{path}: {group}: entry {name!r} is a {type(value).__name__}, not a tensor")
    return dict(state)


def _shape(state: State, name: str, axes: int = 4) -> tuple[int, ...]:
    if name not in state:
        raise WeightsError(f"missing in the file: {name}")
    if state[name].ndim != axes:
        raise WeightsError(f"{name} has shape {state[name].shape}, expected {axes} axes")
    return state[name].shape
