"""What a loader reads from: anything with a length and numbered records; and what damaged records raise."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from jaxanim.core.errors import InputError

Sample = Mapping[str, np.ndarray]  # one example
Batch = dict[str, np.ndarray]  # examples stacked along a new first axis


@runtime_checkable
class Source(Protocol):
    """Numbered records, read in any order by several threads at once."""

    def __len__(self) -> int:
        """Returns how many records there are."""
        ...

    def __getitem__(self, record: Any) -> Any:
        """Returns a record as a mapping of names to numpy arrays; raises `CorruptRecordError` where it is damaged."""
        ...


class CorruptRecordError(InputError):
    """One record is damaged. The loader skips it; every other error stops the run."""


class TooManyCorruptRecordsError(InputError):
    """More records are damaged than the run is willing to do without."""
