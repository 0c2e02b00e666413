"""Jobs of systems with one network and one objective, of which the running average is what is used."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxanim.core.errors import InputError
from jaxanim.core.system import Phase
from jaxanim.core.types import Array, Key, Params, Variables
from jaxanim.data import Field, Loader
from jaxanim.train.state import TrainState
from jaxanim.train.step import View
from jaxanim.weights.card import Card
from launch.jobs import Held, Job

CLIPPED_NORM = 5.0


@dataclasses.dataclass(frozen=True)
class OptimizerSettings:
    """Adam with a warm start and a cosine to 0.

    Attributes:
      learning_rate: at its highest.
      warm_steps: steps until it is reached.
      average_decay: of the running average of the network, which is what is used in the end.
    """

    learning_rate: float = 1e-4
    warm_steps: int = 0
    average_decay: float = 0.999


class Trained(Protocol):
    """What is trained: a design as functions of parameters."""

    @property
    def design(self) -> Any:
        """Sizes of the network."""
        ...

    def init(self, key: Key[Array, ""]) -> Variables:
        """Makes an untrained network."""
        ...

    def phases(self) -> tuple[Phase, ...]:
        """Returns the one objective of a step."""
        ...


Read = Callable[[Path], tuple[Card, Trained, Params]]
OpenData = Callable[[Path, slice], tuple[Loader, Held]]


def make_job(
    trained: Trained,
    *,
    start: Callable[[Key[Array, ""]], Variables],
    view: View,
    optimizer: OptimizerSettings,
    steps: int,
    objective: Mapping[str, float],
    fields: Mapping[str, Field],
    batch_size: int,
    open_data: OpenData,
    write: Callable[[Path, TrainState], None],
) -> Job:
    """Returns the job that trains a network.

    Args:
      trained: the network.
      start: see `start`.
      view: what its objective sees of a batch.
      optimizer: how it learns.
      steps: of the run.
      objective: weights of the terms.
      fields: what an example holds.
      batch_size: examples of all hosts.
      open_data: see `Job`.
      write: see `Job`.
    """
    (phase,) = trained.phases()
    return Job(
        init=start,
        phases=(phase,),
        view=view,
        optimizers={phase.wrt: adam(optimizer, steps)},
        average_decay={phase.wrt: optimizer.average_decay},
        weights=lambda step: {phase.name: jax.tree.map(jnp.float32, dict(objective))},
        batch={name: jax.ShapeDtypeStruct((batch_size, *f.shape), np.dtype(f.dtype)) for name, f in fields.items()},
        open_data=open_data,
        score="held/score",
        write=write,
    )


def start(trained: Trained, start_from: str, read: Read) -> Callable[[Key[Array, ""]], Variables]:
    """Returns what makes the first parameters: an untrained network, or that of a file.

    Args:
      trained: the network.
      start_from: the file; "" for none.
      read: reads it.

    Raises:
      InputError: the file holds a network of another design.
    """
    if not start_from:
        return trained.init
    _, stored, params = read(Path(start_from))
    if stored.design != trained.design:
        raise InputError(f"{start_from} holds a network of {stored.design}, the run is of {trained.design}")
    (phase,) = trained.phases()

    def init(key: Key[Array, ""]) -> Variables:
        del key
        return {"params": {phase.wrt: params}}

    return init


def adam(optimizer: OptimizerSettings, steps: int) -> optax.GradientTransformation:
    """Returns what learns, for a run of so many steps."""
    warm = max(1, min(optimizer.warm_steps, steps // 2))
    rate = optax.warmup_cosine_decay_schedule(0.0, optimizer.learning_rate, warm, max(warm + 1, steps))
    return optax.chain(optax.clip_by_global_norm(CLIPPED_NORM), optax.adam(rate))
