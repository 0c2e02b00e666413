"""Pairs of held-out records, the same for the same dataset; damaged records are passed over, with a warning."""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError
from jaxanim.data.sampling import Sampler

Item = TypeVar("Item")
Read = TypeVar("Read")
_LOG = logging.getLogger(__name__)
_MOST_IN_A_ROW = 100


def draw(read: Callable[[int], Read], sampler: Sampler, count: int) -> list[dict[str, Read]]:
    """Draws pairs and reads them; another pair takes the place of one that is damaged.

    Args:
      read: returns a record, by the sampler's numbers.
      sampler: of pairs.
      count: how many pairs.

    Returns:
      What was read for each role.

    Raises:
      InputError: too many in a row are damaged.
    """
    rng = np.random.default_rng(0)

    def drawn() -> Iterator[dict[str, int]]:
        while True:
            yield sampler(int(rng.integers(len(sampler))), rng)

    return list(islice(readable(lambda pair: {role: read(record) for role, record in pair.items()}, drawn()), count))


def readable(read: Callable[[Item], Read], items: Iterable[Item]) -> Iterator[Read]:
    """Yields what can be read.

    Raises:
      InputError: too many in a row are damaged, or all.
    """
    known: set[str] = set()
    row, found, last = 0, False, "there are none"
    for item in items:
        try:
            result = read(item)
        except CorruptRecordError as error:
            row, last = row + 1, str(error)
            if row >= _MOST_IN_A_ROW:
                raise InputError(f"{row} held-out records in a row are damaged; the last: {error}") from error
            if last not in known:
                _LOG.warning("a held-out record is damaged, it is passed over: %s", error)
            known.add(last)
        else:
            row, found = 0, True
            yield result
    if not found:
        raise InputError(f"no held-out record can be read: {last}")
