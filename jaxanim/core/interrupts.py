"""Ctrl-C at a moment that suits: it waits while something is done that must not be cut in two."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

Allowed = Callable[[], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def deferred() -> Iterator[Allowed]:
    """Holds KeyboardInterrupt back until the block ends, and raises it then, unless the block fails by itself.

    Yields a function that makes a context in which interruptions come through, as outside. Blocks nest. Other threads
    than the main one are never interrupted; there, and where Ctrl-C means something else, nothing is changed.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield contextlib.nullcontext
        return
    held: list[tuple[int, Any]] = []

    def hold(number: int, frame: Any) -> None:
        held.append((number, frame))

    @contextlib.contextmanager
    def allowed() -> Iterator[None]:
        signal.signal(signal.SIGINT, handler)
        try:
            if held:
                handler(*held.pop())
            yield
        finally:
            signal.signal(signal.SIGINT, hold)

    signal.signal(signal.SIGINT, hold)
    try:
        yield allowed
    finally:
        signal.signal(signal.SIGINT, handler)
    if held:
        handler(*held[0])
