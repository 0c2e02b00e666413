"""Stand-ins for the released THA4 checkpoints: their names and shapes, with random numbers by the parity rule."""

import functools
import json
from pathlib import Path

import numpy as np

from tests.parity import checkpoints

MANIFESTS = Path(__file__).parents[2] / "golden" / "tha4" / "manifests.json"


@functools.cache
def manifest(network: str) -> dict[str, list[int]]:
    """Returns names and shapes of a released network's parameters."""
    return json.loads(MANIFESTS.read_text())[network]


def state_dict(network: str, salt: str = "public") -> dict[str, np.ndarray]:
    """Returns a random checkpoint of a released network; the same for the same salt."""
    return checkpoints.make(manifest(network), salt)
