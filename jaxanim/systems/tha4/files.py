"""Files of THA4 characters and networks: ours, and the released folders they are converted from."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from jaxanim.core.errors import WeightsError
from jaxanim.core.types import Params, UInt8, Variables
from jaxanim.systems.tha4 import pictures, system, weights
from jaxanim.systems.tha4.student import Student
from jaxanim.weights import name_table, torch_file, weights_file
from jaxanim.weights.card import Card
from jaxanim.weights.name_table import Table

STUDENT, FULL = "tha4-student", "tha4"
STUDENT_TABLES: Mapping[str, Table] = {
    "face_morpher": weights.student_face(),
    "body_morpher": weights.student_body(),
}
FULL_TABLES: Mapping[str, Table] = {
    "eyebrow_decomposer": weights.eyebrow_decomposer(),
    "eyebrow_morphing_combiner": weights.eyebrow_morphing_combiner(),
    "face_morpher": weights.face_morpher(),
    "body_morpher": weights.body_morpher(),
    "upscaler": weights.upscaler(),
}


@dataclasses.dataclass(frozen=True)
class Character:
    """A distilled character: its card, its students and the picture they were distilled from."""

    card: Card
    variables: Variables
    picture: UInt8[np.ndarray, "512 512 4"]


def write_character(path: Path, character: Character) -> None:
    """Writes a character to one file."""
    arrays = {"params": character.variables["params"], "picture": character.picture}
    weights_file.write(path, character.card, arrays)


def read_character(path: Path) -> Character:
    """Reads a character.

    Raises:
      WeightsError: the file is damaged, incomplete or of another system.
    """
    card, arrays = weights_file.read(path, system=STUDENT)
    template = jax.eval_shape(Student().init, jax.random.key(0))["params"]
    picture = arrays.get("picture")
    shape = (pictures.SIZE, pictures.SIZE, 4)
    if not (isinstance(picture, np.ndarray) and picture.shape == shape and picture.dtype == np.uint8):
        raise WeightsError(f"{path}: holds no picture of the character")
    return Character(card, {"params": _checked(path, arrays.get("params", {}), template)}, picture)


def write_full(path: Path, card: Card, variables: Variables) -> None:
    """Writes the five networks of the full system to one file."""
    weights_file.write(path, card, {"params": variables["params"]})


def read_full(path: Path) -> tuple[Card, Variables]:
    """Reads the five networks of the full system.

    Raises:
      WeightsError: the file is damaged, incomplete or of another system.
    """
    card, arrays = weights_file.read(path, system=FULL)
    template = jax.eval_shape(system.FullSystem().init, jax.random.key(0))["params"]
    return card, {"params": _checked(path, arrays.get("params", {}), template)}


def convert_student(face: Path, body: Path) -> Variables:
    """Reads a character's two released networks.

    Raises:
      WeightsError: a file is missing, damaged, runs code, or is another network.
    """
    template = jax.eval_shape(Student().init, jax.random.key(0))["params"]
    return _convert({"face_morpher": face, "body_morpher": body}, STUDENT_TABLES, template)


def convert_full(folder: Path) -> Variables:
    """Reads the five released networks from a folder (`eyebrow_decomposer.pt` and so on).

    Raises:
      WeightsError: a file is missing, damaged, runs code, or is another network.
    """
    paths = {name: folder / f"{name}.pt" for name in FULL_TABLES}
    missing = [path.name for path in paths.values() if not path.is_file()]
    if missing:
        raise WeightsError(f"{folder}: lacks {', '.join(missing)} of the five networks of the full system")
    template = jax.eval_shape(system.FullSystem().init, jax.random.key(0))["params"]
    return _convert(paths, FULL_TABLES, template)


def _convert(paths: Mapping[str, Path], tables: Mapping[str, Table], template: Params) -> Variables:
    params = {}
    for name, path in paths.items():
        source = torch_file.read_state_dict(path)
        params[name] = name_table.apply(tables[name], source, template[name], what=str(path))
    return {"params": params}


def _checked(path: Path, params: Params, template: Params) -> Params:
    """Returns `params` if they are what the networks need."""
    name_table.check_filled(params, template, what=str(path))
    return params
