"""Makes large frames in several threads, a few ahead of whoever takes them, in order.

XLA's CPU programs leave a core idle between their parallel parts; two frames at once use it. On accelerators the next
frame is computed while the last one is copied and encoded.
"""

import collections
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
THREADS = 2


def mapped(function: Callable[[Item], Result], items: Iterable[Item], *, threads: int = THREADS) -> Iterator[Result]:
    """Yields what a function makes of each item, in order.

    Args:
      function: may run in several threads at once.
      items: taken one by one in the thread of the caller.
      threads: how many results are made at the same time; as many are ready or in work while one is looked at.

    Raises:
      ValueError: there are no threads.
    """
    if threads < 1:
        raise ValueError(f"threads must be positive, got {threads}")
    waiting: collections.deque[Future[Result]] = collections.deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="frames") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
