"""Means of metrics that stay on the device until somebody asks for them."""

from collections.abc import Mapping, Sequence
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Array, Bool, Float, Metrics


@flax.struct.dataclass
class Averages:
    """Sums and counts by name; what was not measured in a step (a phase that did not run) adds to neither.

    Attributes:
      total: sum of the values.
      count: how many there were.
    """

    total: Mapping[str, Float[Array, ""]]
    count: Mapping[str, Float[Array, ""]]


def measured(metrics: Metrics, when: Bool[Array, ""] | None = None) -> Averages:
    """Returns the averages of one measurement.

    Args:
      metrics: scalars.
      when: where this is false the measurement does not count, whatever it is.
    """
    counts = jnp.ones(()) if when is None else when.astype(jnp.float32)
    values = {name: jnp.asarray(value).astype(jnp.float32) for name, value in metrics.items()}
    return Averages(
        {name: value if when is None else jnp.where(when, value, 0.0) for name, value in values.items()},
        dict.fromkeys(values, counts),
    )


@jax.jit
def combine(first: Averages, second: Averages) -> Averages:
    """Adds up the measurements of two stretches of steps."""
    return jax.tree.map(jnp.add, first, second)


def sums(averages: Averages) -> dict[str, tuple[float, float]]:
    """Waits for the device and returns total and count of every name: `from_sums` goes on from there, bit for bit."""
    total, count = jax.device_get((averages.total, averages.count))
    return {name: (float(total[name]), float(count[name])) for name in sorted(total)}


def from_sums(saved: Mapping[str, Sequence[float]]) -> Averages:
    """Returns the averages whose `sums` were saved."""
    total: dict[str, Any] = {name: np.float32(each[0]) for name, each in saved.items()}
    count: dict[str, Any] = {name: np.float32(each[1]) for name, each in saved.items()}
    return Averages(total, count)  # of numpy: numbers that all processes have can be added to what lies on all devices


def fetch(averages: Averages) -> dict[str, float]:
    """Waits for the device and returns the means of what was measured at least once, in the order of names."""
    total, count = jax.device_get((averages.total, averages.count))
    return {name: float(total[name] / count[name]) for name in sorted(total) if count[name] > 0}
