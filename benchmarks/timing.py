"""Timing several ways of doing one thing against each other, in one process and in turns."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np


class Spent(NamedTuple):
    """Seconds of each call: by the clock, and of all processors together."""

    wall: list[float]
    processor: list[float]


def measured(candidates: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, Spent]:
    """Runs every candidate once a round, after one round of warming up, and returns seconds of each.

    Taking turns spreads whatever else the machine does evenly over all of them.
    """
    for run in candidates.values():
        run()
    spent = {name: Spent([], []) for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            start, start_processor = time.perf_counter(), time.process_time()
            run()
            spent[name].processor.append(time.process_time() - start_processor)
            spent[name].wall.append(time.perf_counter() - start)
    return spent


def interleaved(candidates: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Returns the seconds by the clock alone, see `measured`."""
    return {name: spent.wall for name, spent in measured(candidates, rounds=rounds).items()}


def milliseconds(seconds: list[float], *, frames: int = 1) -> float:
    """Returns the median, per frame."""
    return float(np.median(seconds)) * 1e3 / frames
