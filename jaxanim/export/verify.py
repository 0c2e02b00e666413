"""Compares exported files with JAX, at every batch size they will meet."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxanim.core.errors import OutputError
from jaxanim.weights import onnx_session


@dataclasses.dataclass(frozen=True)
class Report:
    """How an exported file compares with JAX.

    Attributes:
      path: the file.
      megabytes: its size (10^6 bytes).
      max_error: largest absolute difference of any output, of images in [-1, 1].
      psnr: dB over all outputs, peak 2.
    """

    path: Path
    megabytes: float
    max_error: float
    psnr: float


def run_jax(fn: Callable[..., Any], constants: Any, example: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Computes the expected outputs of one example."""
    outputs = jax.jit(fn)(constants, *example.values())
    return [np.asarray(output) for output in jax.tree_util.tree_leaves(outputs)]


def compare(path: Path, examples: Sequence[Mapping[str, np.ndarray]], expected: Sequence[list[np.ndarray]]) -> Report:
    """Runs an exported file and measures how far its outputs are from the expected ones."""
    session = onnx_session.make_session(path)
    worst, square, count = 0.0, 0.0, 0
    for example, wanted in zip(examples, expected, strict=True):
        for output, want in zip(session.run(None, dict(example)), wanted, strict=True):
            if output.shape != want.shape:
                raise OutputError(f"{path}: makes shape {output.shape} where JAX makes {want.shape}")
            error = np.abs(output.astype(np.float64) - want)
            worst, square, count = max(worst, float(error.max())), square + float((error**2).sum()), count + error.size
    psnr = float("inf") if square == 0.0 else 10.0 * np.log10(4.0 * count / square)
    return Report(path, os.path.getsize(path) / 1e6, worst, float(psnr))


def check(report: Report, path: Path, *, max_error: float, min_psnr: float) -> None:
    """Raises OutputError where an exported file is too far from JAX (NaN is)."""
    if not (report.max_error <= max_error and report.psnr >= min_psnr):
        raise OutputError(
            f"{path}: not written, it does not agree with JAX (error {report.max_error:.1e}, {report.psnr:.1f} dB)"
        )
