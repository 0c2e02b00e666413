"""Our weights files: safetensors with a card in the metadata and a hash over every number.

safetensors cannot run code and checks its own structure, but not its numbers: a flipped bit would load silently. The
metadata therefore hold the SHA-256 of all arrays, which is verified on reading.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from jaxanim.core import files
from jaxanim.core.errors import WeightsError
from jaxanim.core.types import Params
from jaxanim.weights import name_table
from jaxanim.weights.card import Card

FORMAT = "jaxanim"
SCHEMA = "1"


def write(path: Path, card: Card, arrays: Params) -> None:
    """Writes nested dicts of arrays and their card, whole or not at all.

    Raises:
      OutputError: the file cannot be written there.
    """
    flat = {name: np.array(array, order="C") for name, array in name_table.flatten(arrays).items()}
    metadata = {
        "format": FORMAT,
        "schema": SCHEMA,
        "system": card.system,
        "name": card.name,
        "licence": card.licence,
        "source": card.source,
        "notes": json.dumps(dict(card.notes), sort_keys=True),
        "sha256": content_hash(flat),
    }
    with files.replacing(path) as temporary:
        safetensors.numpy.save_file(flat, temporary, metadata)


def read_card(path: Path) -> Card:
    """Reads the card alone.

    Raises:
      WeightsError: the file is missing, damaged, or not one of ours.
    """
    return _card(path, _metadata(path))


def read(path: Path, *, system: str) -> tuple[Card, Params]:
    """Reads a weights file of a given system.

    Raises:
      WeightsError: the file is missing, damaged, not one of ours, or of another system.
    """
    metadata = _metadata(path)
    card = _card(path, metadata)
    if card.system != system:
        raise WeightsError(f"{path}: holds {card.system} weights, {system} weights are needed here")
    try:
        flat = safetensors.numpy.load_file(path)
    except Exception as error:
        raise WeightsError(f"{path}: damaged weights file ({error})") from error
    if content_hash(flat) != metadata.get("sha256"):
        raise WeightsError(f"{path}: damaged weights file (its numbers do not match their checksum)")
    try:
        return card, name_table.unflatten(flat)
    except ValueError as error:
        raise WeightsError(f"{path}: damaged weights file ({error})") from error


def content_hash(flat: Mapping[str, np.ndarray]) -> str:
    """Returns the SHA-256 over names, types, shapes and numbers."""
    digest = hashlib.sha256()
    for name in sorted(flat):
        array = flat[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _metadata(path: Path) -> Mapping[str, str]:
    try:
        if path.is_dir():
            raise WeightsError(f"{path}: is a folder, a .safetensors file was expected; `jaxanim convert` makes one")
        with safetensors.safe_open(path, "numpy") as file:
            return file.metadata() or {}
    except WeightsError:
        raise
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such file") from error
    except Exception as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from error


def _card(path: Path, metadata: Mapping[str, str]) -> Card:
    if metadata.get("format") != FORMAT:
        raise WeightsError(f"{path}: a safetensors file, but not one that jaxanim wrote")
    if metadata.get("schema") != SCHEMA:
        raise WeightsError(f"{path}: written by another version of jaxanim (schema {metadata.get('schema')})")
    names = ("system", "name", "licence", "source")
    missing = [name for name in (*names, "notes", "sha256") if name not in metadata]
    if missing:
        raise WeightsError(f"{path}: its card lacks {', '.join(missing)}")
    return Card(**{name: metadata[name] for name in names}, notes=_notes(path, metadata["notes"]))


def _notes(path: Path, text: str) -> Mapping[str, str]:
    try:
        notes = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: the notes on its card are damaged ({error})") from error
    if not (isinstance(notes, dict) and all(isinstance(value, str) for value in notes.values())):
        raise WeightsError(f"{path}: the notes on its card are not names and texts")
    return notes
