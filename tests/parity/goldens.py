"""Recorded outputs of the official code, how far we are from them, and how far is too far.

A golden holds inputs (`in_*`), subsampled outputs (`outNN_NAME_bB_sS`: sample B, every S-th row and column, NCHW),
means and deviations over the full resolution (`statNN_NAME`), and per output the noise floor: how far the official
code in float32 is from itself in float64 (maximum, 99.9th percentile, mean). Ten times that floor is the tolerance.
"""

import dataclasses
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxanim.weights import torch_file

TOLERANCE_FACTOR = 10.0


@dataclasses.dataclass(frozen=True)
class Deviation:
    """How far one output is from the golden.

    Attributes:
      max_abs, p999, mean_abs: of the absolute error.
      tolerance: the same three, largest allowed.
      stats_ok: whether means and deviations over the full resolution agree too.
    """

    max_abs: float
    p999: float
    mean_abs: float
    tolerance: tuple[float, float, float]
    stats_ok: bool = True

    @property
    def ok(self) -> bool:
        measured = (self.max_abs, self.p999, self.mean_abs)
        return self.stats_ok and all(m <= t for m, t in zip(measured, self.tolerance, strict=True))


def deviation(error: np.ndarray, tolerance: tuple[float, float, float], *, stats_ok: bool = True) -> Deviation:
    """Summarises absolute errors; NaN and infinity count as very far."""
    error = np.where(np.isfinite(error), np.abs(error), 1e30).ravel()
    return Deviation(float(error.max()), float(np.quantile(error, 0.999)), float(error.mean()), tolerance, stats_ok)


def read_golden(path: Path) -> dict[str, Any]:
    """Reads a golden; `meta` is parsed where there is one, and says which file it is from."""
    with np.load(path, allow_pickle=False) as archive:
        golden = {name: archive[name] for name in archive.files}
    return golden | ({"meta": json.loads(str(golden["meta"])) | {"path": str(path)}} if "meta" in golden else {})


def read_checkpoint(path: Path, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Reads an official state dict from .npz or .pt; of an .npz only what is named, if something is."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in (archive.files if names is None else names)}
    return torch_file.read_state_dict(path)


def image(golden: Mapping[str, Any], name: str) -> np.ndarray:
    """Decodes an input picture: uint8 NCHW -> float32 NHWC in [-1, 1]."""
    return (golden[f"in_{name}_u8"].astype(np.float32) / np.float32(127.5) - np.float32(1)).transpose(0, 2, 3, 1)


def compare(golden: Mapping[str, Any], outputs: Mapping[str, np.ndarray]) -> dict[str, Deviation]:
    """Compares NHWC outputs, by their official names, with a golden."""
    names = golden["meta"]["outputs"]
    if set(names) != set(outputs):
        raise ValueError(f"the golden has outputs {sorted(names)}, ours are {sorted(outputs)}")
    report = {}
    for index, name in enumerate(names):
        ours = np.asarray(outputs[name], np.float64).transpose(0, 3, 1, 2)
        noise = TOLERANCE_FACTOR * golden["f32_noise_max_p999_mean"][index]
        stats = golden[f"stat{index:02d}_{name}"]
        drift = np.stack([ours.mean(axis=(2, 3)), ours.std(axis=(2, 3), ddof=1)], axis=-1) - stats
        report[name] = deviation(
            _sampled_error(golden, index, name, ours),
            (float(noise[0]), float(noise[1]), float(noise[2])),
            stats_ok=bool(np.abs(drift).max() <= noise[0]),  # neither can be off by more than the largest error
        )
    return report


def _sampled_error(golden: Mapping[str, Any], index: int, name: str, ours: np.ndarray) -> np.ndarray:
    pattern = re.compile(rf"out{index:02d}_{re.escape(name)}_b(\d+)_s(\d+)$")
    errors = []
    for key, want in golden.items():
        match = pattern.match(key)
        if match:
            sample, step = int(match[1]), int(match[2])
            errors.append((ours[sample, :, ::step, ::step] - want).ravel())
    return np.concatenate(errors)
