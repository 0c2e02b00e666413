"""Means of metrics that stay on the device until somebody asks for them: `clu.metrics`, by name."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from clu.metrics import Average

from jaxanim.core.types import Array, Bool, Metrics

Averages = Mapping[str, Average]  # what was not measured in a step (a phase that did not run) adds to none


def measured(metrics: Metrics, when: Bool[Array, ""] | None = None) -> dict[str, Average]:
    """Returns the averages of one measurement.

    Args:
      metrics: scalars.
      when: where this is false the measurement does not count, whatever it is.
    """
    mask = None if when is None else when[None]
    values = {name: jnp.asarray(value).astype(jnp.float32)[None] for name, value in metrics.items()}
    return {name: Average.from_model_output(value, mask) for name, value in values.items()}


@jax.jit
def combine(first: Averages, second: Averages) -> Averages:
    """Adds up the measurements, of the same names, of two stretches of steps."""
    if first.keys() != second.keys():
        raise ValueError(f"names must be the same, got {sorted(first)} and {sorted(second)}")
    return {name: average.merge(second[name]) for name, average in first.items()}


def sums(averages: Averages) -> dict[str, tuple[float, int]]:
    """Waits for the device and returns total and count of every name: `from_sums` goes on from there, bit for bit."""
    found = jax.device_get(dict(averages))
    return {name: (float(average.total), int(average.count)) for name, average in sorted(found.items())}


def from_sums(saved: Mapping[str, Sequence[float]]) -> dict[str, Average]:
    """Returns the averages whose `sums` were saved.

    They are of numpy: numbers that all processes have can be added to what lies on all devices.
    """
    return {name: Average(np.float32(total), np.int32(count)) for name, (total, count) in saved.items()}


def fetch(averages: Averages) -> dict[str, float]:
    """Waits for the device and returns the means of what was measured at least once, in the order of names."""
    return {name: total / count for name, (total, count) in sums(averages).items() if count}
