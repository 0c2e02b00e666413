"""A stand-in for DECA's released encoder: its names and shapes, with random numbers by the parity rule."""

import functools
import json
from pathlib import Path

import numpy as np

from tests.parity import checkpoints

MANIFEST = Path(__file__).parents[2] / "golden" / "gdpw" / "deca_manifest.json"


@functools.cache
def manifest() -> dict[str, list[int]]:
    """Returns names and shapes of the encoder's tensors."""
    return json.loads(MANIFEST.read_text())


def state_dict(salt: str = "public") -> dict[str, np.ndarray]:
    """Returns a random encoder; the same for the same salt."""
    return checkpoints.make_with_batch_norms(manifest(), salt)
