"""Batches whose content is a pure function of (seed, step), whatever the number of hosts, threads and restarts.

Examples are numbered: number i of step s is n = s * batch_size + i. Every run of `len(source)` numbers is a new
permutation of all records, so nothing repeats within an epoch and nothing is left out; a batch may reach over the end
of an epoch. Everything random about example n (its partner, its augmentation) comes from `default_rng([seed, n, 0])`.
A position is a step and nothing else: to resume, ask for the batches from that step on.

Damaged records. Where the record of example n raises `CorruptRecordError`, another one takes its place, drawn from
`default_rng([seed, n, 1])`, then from [seed, n, 2] and so on: every host and every restart makes the same choice. The
distinct damaged records are counted in the order in which their batches are handed out, not in that of the threads.
"""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import grain
import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.data.contract import Contract, check_batch
from jaxanim.data.sampling import Sampler
from jaxanim.data.source import Batch, CorruptRecordError, Sample, Source, TooManyCorruptRecordsError

Transform = Callable[[Sample, np.random.Generator], Sample]
MAX_ATTEMPTS = 16  # damaged records in a row for one example; chance makes that of a dataset which is mostly damaged


@dataclasses.dataclass(frozen=True)
class _Loaded:
    """A batch and the damaged records met on the way to it, with what was wrong."""

    batch: Batch
    corrupt: Mapping[int, str]


class Loader:
    """Reads batches of a source in an order that depends on the seed alone; it has no position of its own.

    Args:
      source: the records.
      seed: of the order and of everything random.
      batch_size: examples in a global batch, over all hosts.
      rows: which of them this host reads (see `placement.host_rows`); all by default.
      sampler: chooses the records of an example; without it an example is one record.
      transform: makes an example of a record's arrays, e.g. augmentation.
      contract: what the first batch must look like.
    """

    def __init__(
        self,
        source: Source,
        *,
        seed: int,
        batch_size: int,
        rows: slice | None = None,
        sampler: Sampler | None = None,
        transform: Transform | None = None,
        contract: Contract | None = None,
    ):
        self._source, self._seed, self._batch_size = source, seed, batch_size
        self._sampler, self._transform, self._contract = sampler, transform, contract
        self._units = len(source) if sampler is None else len(sampler)
        if not self._units:
            raise ValueError("the source is empty: there is nothing to make batches of")
        if batch_size < 1 or seed < 0:
            raise ValueError(f"batch_size must be positive and seed not negative, got {batch_size} and {seed}")
        self._rows = range(batch_size)[rows or slice(None)]
        if not len(self._rows):
            raise ValueError(f"rows {rows} are none of the {batch_size} of the batch")
        self._order = grain.MapDataset.range(self._units).seed(seed).shuffle().repeat()

    @property
    def steps_per_epoch(self) -> float:
        """How many steps it takes until every unit (record, or what the sampler counts) was seen once."""
        return self._units / self._batch_size

    def global_batch(self, step: int) -> Batch:
        """Reads the batch of all hosts."""
        return self._load(step, range(self._batch_size)).batch

    def host_batch(self, step: int) -> Batch:
        """Reads this host's rows of the batch."""
        return self._load(step, self._rows).batch

    def batches(
        self,
        first_step: int,
        *,
        threads: int = 2,
        ahead: int = 4,
        max_corrupt: int = 100,
        corrupt: Mapping[int, str] | Mapping[str, str] | None = None,
    ) -> "Batches":
        """Reads this host's batches from a step on, in order, a few ahead of time.

        Args:
          first_step: number of the first batch; that of the step to resume at.
          threads: how many batches are read at the same time.
          ahead: how many finished or started batches wait.
          max_corrupt: how many distinct records may be damaged; one more raises `TooManyCorruptRecordsError`.
          corrupt: `Batches.corrupt` of the run that is resumed, where the count shall go on; its numbers may be text,
            as JSON makes them.
        """
        if first_step < 0 or threads < 1 or ahead < 1:
            raise ValueError(f"first_step, threads, ahead must be >= 0, 1, 1, got {first_step}, {threads}, {ahead}")
        options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
        steps = grain.MapDataset.range(first_step, sys.maxsize)
        iterator = iter(steps.map(self._load_rows).to_iter_dataset(options))
        known = {int(record): reason for record, reason in (corrupt or {}).items()}
        return Batches(iterator, first_step, max_corrupt, known, self._contract)

    def _load_rows(self, step: int) -> _Loaded:
        return self._load(step, self._rows)

    def _load(self, step: int, rows: range) -> _Loaded:
        corrupt: dict[int, str] = {}
        samples = [self._sample(int(step) * self._batch_size + row, corrupt) for row in rows]
        return _Loaded(_stack(samples, step), corrupt)

    def _sample(self, number: int, corrupt: dict[int, str]) -> Sample:
        """Reads example `number`; what was damaged is entered in `corrupt`."""
        last, reason = -1, ""
        for attempt in range(MAX_ATTEMPTS):
            rng = np.random.default_rng([self._seed, number, attempt])
            unit = int(self._order[number]) if attempt == 0 else int(rng.integers(self._units))
            roles = {"": unit} if self._sampler is None else self._sampler(unit, rng)
            record = next(iter(roles.values()))
            try:
                sample: dict[str, np.ndarray] = {}
                for role, record in roles.items():
                    prefix = f"{role}_" if role else ""
                    sample |= {prefix + name: value for name, value in self._source[record].items()}
                return sample if self._transform is None else self._transform(sample, rng)
            except CorruptRecordError as error:
                last, reason = record, str(error)
                corrupt[record] = reason
        raise TooManyCorruptRecordsError(
            f"{MAX_ATTEMPTS} records in a row are damaged, drawn for example {number}; the last is record {last}: "
            f"{reason}"
        )


class Batches:
    """An iterator over a host's batches that must be closed: use it in a `with` statement.

    Attributes:
      step: number of the batch that comes next: all there is to save.
      corrupt: the distinct damaged records met so far, and what is wrong with each.
    """

    def __init__(
        self, iterator: Any, step: int, max_corrupt: int, corrupt: Mapping[int, str], contract: Contract | None
    ):
        self.step = step
        self.corrupt = dict(corrupt)
        self._iterator, self._max_corrupt, self._contract = iterator, max_corrupt, contract

    def __iter__(self) -> "Batches":
        return self

    def __next__(self) -> Batch:
        loaded = next(self._iterator)
        for record, reason in loaded.corrupt.items():
            self.corrupt.setdefault(record, reason)
            if len(self.corrupt) > self._max_corrupt:
                raise TooManyCorruptRecordsError(
                    f"{len(self.corrupt)} records are damaged, at most {self._max_corrupt} may be; the last one, met "
                    f"at step {self.step}, is record {record}: {reason}"
                )
        if self._contract is not None:
            check_batch(loaded.batch, self._contract)
            self._contract = None
        self.step += 1
        return loaded.batch

    def __enter__(self) -> "Batches":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads."""
        self._iterator.close()


def _stack(samples: list[Sample], step: int) -> Batch:
    """Stacks examples along a new first axis."""
    names = samples[0].keys()
    for sample in samples:
        if sample.keys() != names:
            raise InputError(f"examples of step {step} hold different names: {sorted(names)} and {sorted(sample)}")
    batch = {}
    for name in names:
        kinds = sorted({(str(np.asarray(sample[name]).dtype), np.shape(sample[name])) for sample in samples})
        if len(kinds) > 1:
            raise InputError(
                f"{name!r} differs between examples of step {step}: {kinds[0]} and {kinds[1]}; pictures of one "
                "size come of --size of data_pipelines.build"
            )
        batch[name] = np.stack([sample[name] for sample in samples])
    return batch
