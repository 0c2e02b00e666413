"""Everything a training run carries from one step to the next: what a checkpoint holds."""

from collections.abc import Collection, Mapping
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from jaxanim.core.types import Array, Int, Key, Params, Variables

Optimizers = Mapping[str, optax.GradientTransformation]  # one for each group of parameters


@flax.struct.dataclass
class TrainState:
    """The state of a run after `step` steps. A step donates it: the old one is gone once the new one is there.

    Attributes:
      step: steps taken, those that were skipped included; also the number of the next batch.
      params: by group, as a system's `init` makes them; in float32.
      average: running average of the groups that are averaged.
      optimizer: state of each group's optimizer.
      stats: what a system keeps beside its parameters.
      key: of the run; it never changes, every step folds its number into it.
      skipped: steps in which something was not finite and therefore left out.
      skipped_in_a_row: those since the last step in which every phase was due, and sound.
    """

    step: Int[Array, ""]
    params: Params
    average: Params
    optimizer: Mapping[str, Any]
    stats: Params
    key: Key[Array, ""]
    skipped: Int[Array, ""]
    skipped_in_a_row: Int[Array, ""]


def new_state(
    key: Key[Array, ""], variables: Variables, optimizers: Optimizers, *, averaged: Collection[str] = ()
) -> TrainState:
    """Returns the state before the first step.

    Args:
      key: of the run.
      variables: as a system's `init` makes them.
      optimizers: one for each group of parameters.
      averaged: groups of which a running average is kept.
    """
    params = variables["params"]
    if set(optimizers) != set(params):
        raise ValueError(f"there are optimizers for {sorted(optimizers)}, the groups are {sorted(params)}")
    if unknown := set(averaged) - set(params):
        raise ValueError(f"no such groups to average: {sorted(unknown)}; there are {sorted(params)}")
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=dict(params),
        average={group: jax.tree.map(jnp.copy, params[group]) for group in averaged},  # a step donates both
        optimizer={group: optimizers[group].init(params[group]) for group in params},
        stats=dict(variables.get("stats", {})),
        key=key,
        skipped=jnp.zeros((), jnp.int32),
        skipped_in_a_row=jnp.zeros((), jnp.int32),
    )
