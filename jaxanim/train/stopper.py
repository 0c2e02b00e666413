"""Being asked to stop: a cluster sends SIGTERM to one process or to all, and every process must stop at one step."""

import signal
from collections.abc import Sequence
from types import FrameType, TracebackType

import jax
from jax.experimental import multihost_utils


class Stopper:
    """Tells when to save and stop; use it in a `with` statement, in the main thread.

    With several processes it is the service of `jax.distributed` that hears of SIGTERM in any of them and agrees on
    the step; every process has to ask at every step. With one process these are the signals given.

    Args:
      signals: that mean stop, where there is one process.
    """

    def __init__(self, signals: Sequence[signal.Signals] = (signal.SIGTERM,)):
        self._signals, self._told = tuple(signals), False
        self._several = jax.process_count() > 1

    def reached(self, step: int) -> bool:
        """Returns whether this is the step to stop at."""
        if self._several:
            return bool(multihost_utils.reached_preemption_sync_point(step))
        return self._told

    def __enter__(self) -> "Stopper":
        if not self._several:
            self._before = {each: signal.signal(each, self._tell) for each in self._signals}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._several:
            for each, handler in self._before.items():
                signal.signal(each, handler)

    def _tell(self, number: int, frame: FrameType | None) -> None:
        self._told = True
