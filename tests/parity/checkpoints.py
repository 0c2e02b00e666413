"""Deterministic random checkpoints, the rule under which the goldens were recorded.

Each tensor is drawn on its own, from a seed hashed from salt and name, so that order and other tensors do not matter:
norm scales are 1 + 0.1 n, biases 0.1 n, matrices n / sqrt(inputs) times a gain, where n is standard normal. The gains
keep sine layers from amplifying rounding, and random flows small enough to leave a picture.
"""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

THA4_GAINS = (
    (r"(^|\.)(sine_layers|siren_layers)\.", math.sqrt(2.0) / 30.0),
    (r"grid_change\.weight$", 0.05),
    (r"^body\.last\.2\.weight$", 0.1),
)


Gains = Sequence[tuple[str, float]]
Scale = tuple[float, float]
ATW_GAINS = (
    (r"^flow_pred\.3\.weight$", 0.14),
    (r"^refine\.6\.weight$", 0.16),
    (r"^model\.\d+\.weight$", math.sqrt(2.0)),
)
ATW_SMOOTH_GAINS = ((r"^flow_pred\.3\.weight$", 0.01), *ATW_GAINS)  # moves of about a pixel


def draw(salt: str, name: str, shape: Sequence[int], gains: Gains = THA4_GAINS) -> np.ndarray:
    """Draws one tensor."""
    seed = int.from_bytes(hashlib.sha256((salt + name).encode()).digest()[:8], "little")
    noise = np.random.default_rng(seed).standard_normal(tuple(shape))
    if len(shape) <= 1:
        value = 1.0 + 0.1 * noise if name.endswith("weight") else 0.1 * noise
    else:
        gain = next((gain for pattern, gain in gains if re.search(pattern, name)), 1.0)
        value = noise * (gain / math.sqrt(math.prod(shape[1:])))
    return value.astype(np.float32)


def draw_of_batch_norm(salt: str, name: str, shape: Sequence[int], scale: Scale = (1.0, 0.1)) -> np.ndarray:
    """Draws one tensor of a network with batch norms, whose statistics have a rule of their own.

    `scale` is mean and deviation of what norms multiply by.
    """
    seed = int.from_bytes(hashlib.sha256((salt + name).encode()).digest()[:8], "little")
    kind = name.rpartition(".")[2]
    if kind == "num_batches_tracked":
        return np.zeros(tuple(shape), np.int64)
    if kind == "running_var":
        return np.random.default_rng(seed).uniform(0.5, 1.5, tuple(shape)).astype(np.float32)
    if kind == "weight" and len(shape) == 1:
        noise = np.random.default_rng(seed).standard_normal(tuple(shape))
        return (scale[0] + scale[1] * noise).astype(np.float32)
    return draw(salt, name, shape)


def make_with_batch_norms(
    manifest: Mapping[str, Sequence[int]], salt: str, scale: Scale = (1.0, 0.1)
) -> dict[str, np.ndarray]:
    """Draws a whole checkpoint of a network with batch norms."""
    return {name: draw_of_batch_norm(salt, name, shape, scale) for name, shape in manifest.items()}


def make(manifest: Mapping[str, Sequence[int]], salt: str, gains: Gains = THA4_GAINS) -> dict[str, np.ndarray]:
    """Draws a whole checkpoint."""
    return {name: draw(salt, name, shape, gains) for name, shape in manifest.items()}


def fingerprint(arrays: Mapping[str, np.ndarray]) -> str:
    """Returns the SHA-256 over names and numbers."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
