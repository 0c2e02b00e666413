"""Sources made up for the tests."""

import threading
from collections.abc import Collection

import numpy as np

from jaxanim.data import CorruptRecordError


class Numbers:
    """Record i holds i; some are damaged. Notes what was read."""

    def __init__(self, length: int, damaged: Collection[int] = ()):
        self.length, self.damaged = length, set(damaged)
        self.reads: list[int] = []
        self._lock = threading.Lock()

    def __len__(self):
        return self.length

    def __getitem__(self, record):
        with self._lock:
            self.reads.append(record)
        if record in self.damaged:
            raise CorruptRecordError(f"number {record} is damaged")
        return {"number": np.asarray(record, np.int32), "square": np.full((2,), record**2, np.float32)}
