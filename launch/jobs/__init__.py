"""What the training program can train: one module for each system, which turns its settings into a `Job`."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np

from jaxanim.core.system import Phase
from jaxanim.core.types import Key, Params, Variables
from jaxanim.data import Loader
from jaxanim.train.state import Optimizers, TrainState
from jaxanim.train.step import View


class Held(Protocol):
    """Measures a state on data that training never sees."""

    def numbers(self, state: TrainState) -> dict[str, float]:
        """Returns named numbers; the job's `score` is among them."""
        ...

    def sheet(self, state: TrainState) -> np.ndarray:
        """Draws what the networks make now, uint8 (h, w, 3)."""
        ...


@dataclasses.dataclass(frozen=True)
class Job:
    """A system with everything that its settings decide.

    Attributes:
      init: makes untrained networks.
      phases, view, optimizers: of a step, see `jaxanim.train.step`.
      average_decay: of the running average of each group that is averaged.
      weights: of the losses, by step.
      batch: shape and type of each array of a batch of all hosts.
      open_data: (folder for what has to be built, rows of this host) -> batches to train on, and what the run is
        measured on.
      score: which of the numbers says how good a state is, higher is better; None where none does.
      write: writes the trained networks, as they are used, to a file: (path, state).
      frozen: what the step needs besides: arrays that are never trained.
    """

    init: Callable[[Key[jax.Array, ""]], Variables]
    phases: tuple[Phase, ...]
    view: View
    optimizers: Optimizers
    average_decay: Mapping[str, float]
    weights: Callable[[int], Mapping[str, Params]]
    batch: Mapping[str, jax.ShapeDtypeStruct]
    open_data: Callable[[Path, slice], tuple[Loader, Held]]
    score: str | None
    write: Callable[[Path, TrainState], None]
    frozen: Any = None


MakeJob = Callable[[Any], Job]
