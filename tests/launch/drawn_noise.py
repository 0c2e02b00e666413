"""Noise in the form of drawn datasets: what is learnt of it does not matter."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxanim.data import pictures, record_folder
from jaxanim.data.record_folder import Kind, Record


def picture(rng: np.random.Generator, size: int) -> bytes:
    """Returns a picture of noise as records hold them."""
    return pictures.encode(rng.integers(0, 256, (size, size, 3), dtype=np.uint8), quality=95)


def write(folder: Path, name: str, fields: Mapping[str, Kind], rows: Sequence[tuple[Record, dict]]) -> Path:
    """Writes records with their columns as the dataset of a name, in one shard."""
    record_folder.write_shard(folder, 0, 1, list(rows), [])
    about = {"format": record_folder.FORMAT, "name": name, "shards": 1, "fields": dict(fields), "options": {}}
    (folder / "dataset.json").write_text(json.dumps(about))
    return folder
