"""Stand-ins for released landmark networks: their names and shapes, with random numbers by the parity rule."""

import functools
import gzip
import json
from pathlib import Path

import numpy as np

from tests.parity import checkpoints

FOLDER = Path(__file__).parents[1] / "golden" / "tracking"
MOBILENET, HRNET, PIPNET = "h3r_wflw_mobilenetv2", "h3r_wflw_hrnet18", "pipnet_wflw_r18"
SMALL_SCALE = (0.5, 0.05)  # of HRNet's norms, whose branches would add up to ever larger numbers


@functools.cache
def manifest(name: str) -> dict[str, list[int]]:
    """Returns names and shapes of a network's tensors."""
    return json.loads(gzip.decompress((FOLDER / "manifests.json.gz").read_bytes()))[name]


def state_dict(name: str, salt: str = "public") -> dict[str, np.ndarray]:
    """Returns a random network; the same for the same salt."""
    scale = SMALL_SCALE if name == HRNET else (1.0, 0.1)
    return checkpoints.make_with_batch_norms(manifest(name), salt, scale)


def golden(name: str) -> dict[str, np.ndarray]:
    """Returns what the official code makes of the network of the salt 'public', and of which picture."""
    with np.load(FOLDER / "picture.npz") as picture, np.load(FOLDER / f"{name}.npz") as outputs:
        return {**picture, **outputs}
