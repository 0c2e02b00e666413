"""The loop around a training step: data in, metrics out, checkpoints, sheets, and when to stop.

It is one straight line. The device is never waited for but by two steps: what the host does in between costs nothing
as long as it is faster. What it measures of itself, over the steps since the last line of metrics: `speed/steps` and
`speed/examples` per second, `share/data_wait` and `share/save_stall` of the time spent waiting for batches and for
checkpoints.
"""

import collections
import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import tqdm

from jaxanim.core.errors import InputError, UserError
from jaxanim.core.types import Params
from jaxanim.train import averages, hosts
from jaxanim.train.averages import Averages
from jaxanim.train.checkpoint import Checkpoints
from jaxanim.train.metrics import Picture, Writers
from jaxanim.train.state import TrainState
from jaxanim.train.step import TrainStep
from jaxanim.train.stopper import Stopper

_IN_FLIGHT = 2  # steps that the host may be ahead


class NotFiniteError(RuntimeError):
    """Too many steps in a row were skipped because something in them was not finite."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """When what happens; all are numbers of steps, 0 is never.

    Attributes:
      steps: of the whole run.
      log_every, save_every, sheet_every: as they say; the last step saves and logs in any case.
      max_skipped: stop when so many steps in a row were skipped.
      profile: first and last but one step to trace with the profiler.
    """

    steps: int
    log_every: int = 100
    save_every: int = 1000
    sheet_every: int = 0
    max_skipped: int = 10
    profile: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Run:
    """What the loop works with.

    Attributes:
      workdir: where the profile and the report of a failed run go.
      config: goes into every checkpoint; anything that JSON can hold.
      step: see `make_train_step`.
      batches: those of this process, from the state's step on.
      place: puts a batch on the devices, e.g. `data.place` with its sharding.
      checkpoints, writers, stopper: open ones.
      weights: of each phase's loss terms, by step.
      frozen: what the step needs besides, on the devices.
      position: what to save about the data besides the step. All processes call it; that of the first is saved.
      resumed: position of the checkpoint that the state comes from: metrics that it had not logged are taken up.
      evaluate: called before every save; its numbers are logged.
      score: which of these numbers says how good a checkpoint is.
      sheet: draws a picture of how far it is.
    """

    workdir: Path
    config: dict[str, Any]
    step: TrainStep
    batches: Iterator[Any]
    place: Callable[[Any], Any]
    checkpoints: Checkpoints
    writers: Writers
    stopper: Stopper
    weights: Callable[[int], Mapping[str, Params]] = lambda step: {}
    frozen: Any = None
    position: Callable[[], dict[str, Any]] = dict
    resumed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    evaluate: Callable[[TrainState], dict[str, float]] | None = None
    score: str | None = None
    sheet: Callable[[TrainState], Picture] | None = None


class _Clock:
    """Measures the stretch of steps since the last line of metrics."""

    def __init__(self) -> None:
        self._start, self.steps, self.examples = time.perf_counter(), 0, 0
        self._spent = {"data_wait": 0.0, "save_stall": 0.0}

    def measure(self, name: str, function: Callable[[], Any]) -> Any:
        """Calls a function and adds the time it takes."""
        since = time.perf_counter()
        try:
            return function()
        finally:
            self._spent[name] += time.perf_counter() - since

    def read(self) -> dict[str, float]:
        """Returns the numbers of the stretch."""
        seconds = time.perf_counter() - self._start
        found = {"speed/steps": self.steps / seconds, "speed/examples": self.examples / seconds}
        return found | {f"share/{name}": spent / seconds for name, spent in self._spent.items()}


class _Profiler:
    """Traces a window of steps; a run that is resumed within it traces what is left."""

    def __init__(self, folder: Path, window: tuple[int, int] | None) -> None:
        self._folder, self._window, self._tracing = folder, window or (0, 0), False

    def before(self, number: int, state: TrainState) -> None:
        """Starts or stops before the step of that number."""
        within = self._window[0] <= number < self._window[1]
        if within and not self._tracing:
            jax.profiler.start_trace(str(self._folder))
            self._tracing = True
        elif not within:
            self.stop(state)

    def stop(self, state: TrainState) -> None:
        """Ends what was started."""
        if self._tracing:
            jax.block_until_ready(state)
            jax.profiler.stop_trace()
            self._tracing = False


def train(state: TrainState, run: Run, schedule: Schedule) -> TrainState:
    """Trains from a state to the last step, or to where it is told to stop; the state it returns is on the disk.

    A run that was told to stop returns with fewer steps than `schedule.steps`: its process should exit with 0, and be
    started again. It then goes on as if it had not been stopped, down to the lines of metrics.
    """
    first = number = int(state.step)
    clock, total, flight = _Clock(), _unlogged(run.resumed), collections.deque[Averages]()
    profiler = _Profiler(run.workdir / "profile", schedule.profile)
    with tqdm.tqdm(
        total=schedule.steps, initial=first, disable=None if jax.process_index() == 0 else True, unit="step"
    ) as bar:
        stop = number >= schedule.steps
        while not stop:
            profiler.before(number, state)
            batch = _next_batch(state, run, clock, number, total, save=number > first)
            state, measured = run.step(state, batch, run.weights(number), run.frozen)
            number += 1
            clock.steps, clock.examples = clock.steps + 1, clock.examples + _size(batch)
            total = measured if total is None else averages.combine(total, measured)
            flight.append(measured)
            if len(flight) > _IN_FLIGHT:
                _check_finite(run, schedule, number - _IN_FLIGHT, flight.popleft())
            run.checkpoints.check()
            last = number == schedule.steps
            stop = run.stopper.reached(number) or last
            if last or _due(number, schedule.log_every):
                means = averages.fetch(total)
                run.writers.scalars(number, {**means, **clock.read()})
                bar.set_postfix({name: f"{means[name]:.4g}" for name in list(means)[:3]})
                total, clock = None, _Clock()
            if stop or _due(number, schedule.save_every):
                _save(state, run, clock, number, total, evaluate=last or _due(number, schedule.save_every))
            if run.sheet is not None and (last or _due(number, schedule.sheet_every)):
                run.writers.picture(number, "sheet", run.sheet(state))
            bar.update()
    for behind, measured in enumerate(reversed(flight)):
        _check_finite(run, schedule, number - behind, measured)
    profiler.stop(state)
    run.checkpoints.wait()
    return state


def _due(number: int, every: int) -> bool:
    return every > 0 and number % every == 0


def _size(batch: Any) -> int:
    """Returns how many examples a batch has, over all hosts: the length of its first array."""
    leaves = jax.tree.leaves(batch)
    return leaves[0].shape[0] if leaves and leaves[0].ndim else 0


def _unlogged(resumed: Mapping[str, Any]) -> Averages | None:
    saved = resumed.get("unlogged")
    return averages.from_sums(saved) if saved else None


def _next_batch(state: TrainState, run: Run, clock: _Clock, number: int, total: Averages | None, *, save: bool) -> Any:
    """Returns the next batch on the devices; where there is none, saves what was trained, if so, before it raises."""
    try:
        batch = clock.measure("data_wait", lambda: next(run.batches, None))
        if batch is None:
            raise InputError(f"the data ended before step {number + 1}")
    except Exception as error:
        if save and hosts.all_here(f"no data for step {number + 1}"):  # else the others cannot help to save
            _save(state, run, clock, number, total, evaluate=False)
            run.checkpoints.wait()
        said = f"the last checkpoint is that of step {max(run.checkpoints.steps(), default=0)}"
        if isinstance(error, UserError):
            raise InputError(f"{error}; {said}") from error
        error.add_note(said)
        raise
    return run.place(batch)


def _save(state: TrainState, run: Run, clock: _Clock, number: int, total: Averages | None, *, evaluate: bool) -> None:
    """Evaluates where that is due, then starts to write a checkpoint."""
    score = None
    if run.evaluate is not None and evaluate:
        found = run.evaluate(state)
        run.writers.scalars(number, found)
        if run.score is not None and math.isfinite(found[run.score]):  # else it is not among the best
            score = found[run.score]
    unlogged = {} if total is None else averages.sums(total)
    position = {"step": number, "unlogged": unlogged, **run.position()}
    clock.measure("save_stall", lambda: run.checkpoints.save(state, position=position, config=run.config, score=score))


def _check_finite(run: Run, schedule: Schedule, number: int, measured: Averages) -> None:
    """Stops the run when too many steps in a row were skipped, with a report of the last one."""
    skipped = int(measured["skipped_in_a_row"].total)
    if skipped < schedule.max_skipped or not schedule.max_skipped:
        return
    means = averages.fetch(measured)
    phases = [name.removesuffix("/skipped") for name, mean in means.items() if name.endswith("/skipped") and mean]
    report = {"step": number, "skipped_in_a_row": skipped, "phases": phases, "metrics": means, "config": run.config}
    run.checkpoints.wait()
    path, saved = run.workdir / "not_finite.json", max(run.checkpoints.steps(), default=0)
    if jax.process_index() == 0:
        path.write_text(json.dumps(report, indent=1))
    raise NotFiniteError(
        f"{skipped} steps in a row were not finite, up to step {number}, in {', '.join(phases)}: stopped with the "
        f"parameters of the last sound step; the last checkpoint is that of step {saved}; see {path}"
    )
