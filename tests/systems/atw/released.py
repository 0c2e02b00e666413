"""Stand-ins for ATW's released networks: their names and shapes, with random numbers by the parity rule."""

import functools
import json
from pathlib import Path

import numpy as np

from tests.parity import checkpoints

MANIFESTS = Path(__file__).parents[2] / "golden" / "atw" / "manifests.json"


@functools.cache
def manifests() -> dict[str, dict[str, list[int]]]:
    """Returns names and shapes of the networks' tensors."""
    return json.loads(MANIFESTS.read_text())


def state_dict(
    name: str, salt: str = "public", gains: checkpoints.Gains = checkpoints.ATW_GAINS
) -> dict[str, np.ndarray]:
    """Returns a random network; the two discriminators share their keys, so one has a salt of its own."""
    own = f"{salt}_warp" if "_warp_" in name else salt
    return checkpoints.make(manifests()[name], own, gains)
