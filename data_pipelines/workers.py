"""Processes that work for a build, and that end when it does."""

import multiprocessing
import os
import threading
from concurrent import futures


def pool(count: int) -> futures.ProcessPoolExecutor:
    """Returns that many processes; none outlives this one, even where this one is killed.

    They are spawned: forking a process that runs JAX's threads can hang.
    """
    context = multiprocessing.get_context("spawn")
    return futures.ProcessPoolExecutor(count, mp_context=context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    """Ends this process once the one that it works for is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
