"""Stand-ins for the released networks of GDPW: their names and shapes, or small ones, with random numbers.

The right vector of each spectral norm follows from the left one by half a step of the power method, so that the norm is
about 1. Gaussians are nowhere used and here not even numbers.
"""

import functools
import gzip
import hashlib
import json
from pathlib import Path

import numpy as np

from jaxanim.systems.gdpw import files, released, weights
from jaxanim.systems.gdpw.presets import Design
from jaxanim.weights import layouts, name_table
from tests.parity import checkpoints

FOLDER = Path(__file__).parents[2] / "golden" / "gdpw"
GAINS = ((r"_flow\.weight$", 12.0), (r"^up_layers\.x1_out\.weight$", 4.0))
# Channels 4, 8 and 16, of a mesh with 6 vertices; 32 pixels are enough to try it.
SMALL = Design("both", 6, levels=3, width=4, widest=16, code_size=5, critic_width=4)


@functools.cache
def manifests() -> dict[str, dict[str, list[int]]]:
    """Returns names and shapes of the released tensors: three generators, a discriminator, and VGG-19's features."""
    return json.loads(gzip.decompress((FOLDER / "manifests.json.gz").read_bytes()))


def state_dict(name: str, salt: str = "public") -> dict[str, np.ndarray]:
    """Returns a random network of full size."""
    return draw(manifests()[name], salt)


def small_state_dict(group: str, design: Design = SMALL, salt: str = "public") -> dict[str, np.ndarray]:
    """Returns a random network of any design, under the released names."""
    template = files.template(design, folded=False)
    shapes = name_table.flatten({kind: template[kind][group] for kind in template})
    manifest = {row.source: _official_shape(row, shapes[row.path].shape) for row in released.table_of(group, design)}
    if group == files.GENERATOR:
        manifest |= {weights.FACES: [8, 3], "downsamples.x1.weight": [2, 1, 1, 1]}
    manifest |= {f"{name.rpartition('.')[0]}.num_batches_tracked": [] for name in manifest if "running_mean" in name}
    return draw(manifest, salt)


def draw(manifest: dict[str, list[int]], salt: str) -> dict[str, np.ndarray]:
    """Draws every tensor of a manifest."""
    state = {name: _draw(salt, name, shape) for name, shape in manifest.items()}
    for name in [name for name in state if name.endswith(".weight_v")]:
        base = name.removesuffix("_v")
        kernel = state[f"{base}_orig"].astype(np.float64)
        right = kernel.reshape(len(kernel), -1).T @ state[f"{base}_u"].astype(np.float64)
        state[name] = (right / np.linalg.norm(right)).astype(np.float32)
    return state


def _draw(salt: str, name: str, shape: list[int]) -> np.ndarray:
    if name == weights.FACES:
        if shape[0] != 9976:
            return np.array(
                [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1], [5, 2, 1], [5, 3, 2], [5, 4, 3], [5, 1, 4]], "i4"
            )
        with np.load(FOLDER / "faces.npz") as archive:
            return archive["faces"].astype(np.int32)
    if name.startswith(("downsamples.", "downs.")):
        return np.full(shape, np.nan, np.float32)
    if name.endswith(".weight_u"):
        seed = int.from_bytes(hashlib.sha256((salt + name).encode()).digest()[:8], "little")
        noise = np.random.default_rng(seed).standard_normal(shape)
        return (noise / np.linalg.norm(noise)).astype(np.float32)
    if name.rpartition(".")[2] in ("num_batches_tracked", "running_var"):
        return checkpoints.draw_of_batch_norm(salt, name, shape)
    return checkpoints.draw(salt, name, shape, GAINS)


def _official_shape(row: name_table.Row, shape: tuple[int, ...]) -> list[int]:
    if row.layout is layouts.conv:
        return [shape[3], shape[2], shape[0], shape[1]]
    return list(shape)
