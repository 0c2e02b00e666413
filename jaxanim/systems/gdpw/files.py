"""Files of GDPW's networks: ours, and the released checkpoints they are converted from.

Variables as these functions take and return them: 'params' and 'stats' of the generator and, where there is one, the
discriminator, and 'mesh' with the triangles ('faces') of the morphable model where the file has them.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core import files as core_files
from jaxanim.core.errors import WeightsError
from jaxanim.core.types import Params, Variables
from jaxanim.nn import spectral
from jaxanim.systems.gdpw import generator, released
from jaxanim.systems.gdpw.generator import DISCRIMINATOR, GENERATOR
from jaxanim.systems.gdpw.presets import Design
from jaxanim.weights import design_note, name_table, weights_file
from jaxanim.weights.card import Card

GDPW = "gdpw"
MESH, FACES = "mesh", "faces"
SOURCE = "https://github.com/yataoz/face_reenact_GDPW"
LICENCE = "not stated for the released weights (the released code: MIT; trained on VoxCeleb)"
_SPECTRAL_NOTE = "spectral norm"
_FOLDED, _KEPT = "folded into the kernels", "kept"


def convert_gdpw(
    sources: Sequence[Path], output: Path, *, name: str | None, licence: str | None, folded: bool = False
) -> Card:
    """Converts `PWM_*.pth`, or bare state dicts of the generator and perhaps the discriminator, to one file.

    Args:
      sources: the files in any order.
      output: a .safetensors file.
      name: of the model; by default what guides it.
      licence: of the source.
      folded: whether to write the generator alone, ready to render (`fold_generator`).

    Raises:
      WeightsError: a file is missing, damaged, runs code, or holds another network.
      OutputError: the file cannot be written.
    """
    core_files.check_writable(output)
    states = released.read(sources)
    design = released.design_of(states)
    variables = from_state_dicts(states, design)
    given = ", ".join(path.name for path in sources)
    card = Card(GDPW, name or f"GDPW {design.guidance}", licence or LICENCE, f"converted from {SOURCE} ({given})")
    return write_gdpw(output, card, design, fold_generator(variables) if folded else variables)


def write_gdpw(path: Path, card: Card, design: Design, variables: Variables, *, half: bool = False) -> Card:
    """Writes networks to one file; the generator alone, folded or not, is enough to render.

    Args:
      path: of the file.
      card: what is known of the networks.
      design: of the networks.
      variables: of both networks, or of the generator.
      half: whether parameters are stored in half precision; what is read from the file is float32 in any case.

    Returns:
      The card as it is written: with the design, and whether spectral norms are folded.

    Raises:
      ValueError: the variables are not those of the design.
      OutputError: the file cannot be written.
    """
    arrays = jax.tree.map(np.asarray, dict(variables))
    folded = not _has_vectors(arrays.get("stats", {}).get(GENERATOR, {}))
    try:
        _check(arrays, design, folded=folded, what="variables")
    except WeightsError as error:
        raise ValueError(f"not the networks of {design}: {error}") from error
    notes = {**design_note.note(design), _SPECTRAL_NOTE: _FOLDED if folded else _KEPT}
    card = dataclasses.replace(card, notes={**card.notes, **notes})
    if half:
        arrays["params"] = jax.tree.map(lambda leaf: leaf.astype(np.float16), arrays["params"])
    weights_file.write(path, card, arrays)
    return card


def read_gdpw(path: Path) -> tuple[Card, Design, Variables]:
    """Reads networks and their design; `is_folded` tells from the card which modules to build.

    Raises:
      WeightsError: the file is damaged, incomplete or of another system.
    """
    card, arrays = weights_file.read(path, system=GDPW)
    design = design_note.read(path, card, Design())
    note = card.notes.get(_SPECTRAL_NOTE)
    if note not in (_FOLDED, _KEPT):
        raise WeightsError(f"{path}: its card does not say whether spectral norms are folded")
    arrays = jax.tree.map(lambda leaf: leaf.astype(np.float32) if leaf.dtype == np.float16 else leaf, arrays)
    _check(arrays, design, folded=is_folded(card), what=str(path))
    return card, design, arrays


def is_folded(card: Card) -> bool:
    """Whether the file holds kernels for networks with `spectral=False`."""
    return card.notes.get(_SPECTRAL_NOTE) == _FOLDED


def fold_generator(variables: Variables) -> Variables:
    """Returns the generator alone, for networks with `spectral=False`: kernels divided by their norms, numpy."""
    params, stats = variables["params"][GENERATOR], variables["stats"][GENERATOR]
    folded = {
        "params": {GENERATOR: spectral.fold(params, stats)},
        "stats": {GENERATOR: jax.tree.map(np.asarray, spectral.without_vectors(stats))},
    }
    return folded | ({MESH: variables[MESH]} if MESH in variables else {})


def unfold_generator(variables: Variables, design: Design) -> Variables:
    """Returns a folded generator with spectral norms again, to train it on."""
    params, stats = variables["params"][GENERATOR], variables["stats"][GENERATOR]
    wanted = template(design, folded=False)["stats"][GENERATOR]
    unfolded = {
        "params": {GENERATOR: params},
        "stats": {GENERATOR: spectral.unfold(params, stats, wanted)},
    }
    return unfolded | ({MESH: variables[MESH]} if MESH in variables else {})


def from_state_dicts(states: Mapping[str, released.State], design: Design) -> Variables:
    """Turns state dicts of the released networks ('generator', perhaps 'discriminator') into our variables.

    Raises:
      WeightsError: a key is missing or unknown, or a shape or type differs.
    """
    shapes = template(design, folded=False)
    variables: dict[str, dict[str, Any]] = {"params": {}, "stats": {}}
    for group, state in states.items():
        table, unused = released.table_of(group, design), released.unused_of(group, design)
        needed = {name: array for name, array in state.items() if name not in unused}
        wanted = {kind: shapes[kind][group] for kind in ("params", "stats")}
        filled = name_table.apply(table, needed, wanted, what=group)
        for kind in ("params", "stats"):
            variables[kind][group] = filled[kind]
    faces = states[GENERATOR].get(released.FACES)
    if faces is None:
        return variables
    _check_faces(faces, design, what=released.FACES)
    return {**variables, MESH: {FACES: np.asarray(faces, np.int32)}}


def template(design: Design, *, folded: bool) -> Variables:
    """Returns the shapes of a design's variables: of both networks, or of the folded generator alone."""
    mean_codes = jnp.zeros((design.vertices, design.code_size))  # of designs that do not learn theirs
    made: Variables = jax.eval_shape(
        lambda key: generator.untrained(key, design, spectral=not folded, mean_codes=mean_codes), jax.random.key(0)
    )
    kept = (GENERATOR,) if folded else (GENERATOR, DISCRIMINATOR)
    return {kind: {name: groups[name] for name in kept} for kind, groups in made.items()}


def _has_vectors(stats: Params) -> bool:
    return any(name.rpartition("/")[2] == "u" for name in name_table.flatten(stats))


def _check(arrays: Params, design: Design, *, folded: bool, what: str) -> None:
    shapes = template(design, folded=folded)
    groups = {kind: set(arrays[kind]) if isinstance(arrays.get(kind), Mapping) else set() for kind in shapes}
    unknown = sorted(set(arrays) - {*shapes, MESH})
    known = set(shapes["params"])
    if unknown or groups["params"] != groups["stats"] or GENERATOR not in groups["params"] or groups["params"] - known:
        given = [f"{kind} of {', '.join(sorted(names)) or 'nothing'}" for kind, names in groups.items()]
        raise WeightsError(
            f"{what}: holds {', '.join(given + unknown)}; a {GENERATOR} is needed, known are {sorted(known)}"
        )
    for kind, held in groups.items():
        for group in held:
            name_table.check_filled(arrays[kind][group], shapes[kind][group], what=f"{what}: {kind} of the {group}")
    if MESH in arrays:
        mesh = arrays[MESH]
        if not isinstance(mesh, Mapping) or set(mesh) != {FACES}:
            raise WeightsError(f"{what}: its mesh is not just {FACES!r}")
        _check_faces(mesh[FACES], design, what=f"{what}: {FACES}")


def _check_faces(faces: np.ndarray, design: Design, *, what: str) -> None:
    given = f"{faces.dtype} {faces.shape}"
    if not np.issubdtype(faces.dtype, np.integer) or faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
        raise WeightsError(f"{what}: triangles are rows of three integers, got {given}")
    if faces.min() < 0 or faces.max() >= design.vertices:
        raise WeightsError(f"{what}: {given} name vertices {faces.min()} to {faces.max()} of {design.vertices}")
