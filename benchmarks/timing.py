"""Timing several ways of doing one thing against each other, in one process and in turns."""

import time
from collections.abc import Callable, Mapping

import numpy as np


def interleaved(candidates: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Runs every candidate once a round, after one round of warming up, and returns seconds per call.

    Taking turns spreads whatever else the machine does evenly over all of them.
    """
    for run in candidates.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def milliseconds(seconds: list[float], *, frames: int = 1) -> float:
    """Returns the median, per frame."""
    return float(np.median(seconds)) * 1e3 / frames
