"""A dataset on disk: ArrayRecord files of small self-describing records, a note beside each, and one about them all.

    dataset.json                      {"format": 1, "name": ..., "shards": n, "fields": {name: kind}, "options": {...}}
    00000-of-00012.array_record       one record: a msgpack map of field names to pictures (PNG, JPEG) and arrays
    00000-of-00012.json               {"records": n, "bytes": n, "columns": {...}, "skipped": [...]}; written last

Columns hold one number or name per record (identity, clip, split ...) without reading records. ArrayRecord keeps a hash
of every record, so that a flipped bit is a `CorruptRecordError` and not a wrong picture. TensorFlow is not needed.
"""

import bisect
import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import flax.serialization
import numpy as np
from array_record.python import array_record_data_source, array_record_module

from jaxanim.core import files
from jaxanim.core.errors import InputError, OutputError
from jaxanim.data import pictures
from jaxanim.data.source import CorruptRecordError

FORMAT = 1
_OF_SHARD = ("records", "bytes", "columns", "skipped")
Kind = Literal["rgb", "rgba", "array"]  # how a field is read; pictures are stored encoded
Record = Mapping[str, bytes | np.ndarray]
Columns = Mapping[str, int | str]  # of one record


def shard_name(shard: int, shards: int) -> str:
    """Returns the name of a shard, without ending."""
    return f"{shard:05d}-of-{shards:05d}"


def write_shard(
    folder: Path, shard: int, shards: int, records: Iterable[tuple[Record, Columns]], left_out: list[str]
) -> None:
    """Writes one shard, whole or not at all.

    Args:
      folder: of the dataset.
      shard: which one.
      shards: how many there are.
      records: what to write.
      left_out: what is missing and why; read after `records` has ended, so it may fill up meanwhile.
    """
    path = folder / f"{shard_name(shard, shards)}.array_record"
    count = 0
    columns: dict[str, list[int | str]] = {}
    with files.replacing(path) as temporary:
        writer = array_record_module.ArrayRecordWriter(str(temporary), "group_size:1")  # one record is read at a time
        try:
            for record, row in records:
                packed = flax.serialization.msgpack_serialize(dict(record))
                with _disk_errors(path):
                    writer.write(packed)
                columns = columns or {name: [] for name in row}
                for name, value in row.items():
                    columns[name].append(value)
                count += 1
        finally:
            with _disk_errors(path):
                writer.close()
        size = temporary.stat().st_size
    note = {"records": count, "bytes": size, "columns": columns, "skipped": left_out}
    with files.replacing(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(note))


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Says of ArrayRecord's writer, which has one type of error, that the file cannot be written."""
    try:
        yield
    except RuntimeError as error:
        raise OutputError(f"{path}: cannot be written ({error})") from error


def is_written(folder: Path, shard: int, shards: int) -> bool:
    """Returns whether a shard is complete."""
    return (folder / f"{shard_name(shard, shards)}.json").exists()


def as_user_error(error: RuntimeError, name: str) -> InputError:
    """Tells a damaged record from what must not pass for one: a file that is gone, a disk that fails.

    Args:
      error: of ArrayRecord's reader, which has one type of error.
      name: of the record.
    """
    kind = CorruptRecordError if str(error).startswith("Corrupted") else InputError
    return kind(f"{name}: {error}")


def skipped(folder: Path, shard: int, shards: int) -> list[str]:
    """Returns what was left out of a complete shard, and why."""
    return _read_json(folder / f"{shard_name(shard, shards)}.json", _OF_SHARD)["skipped"]


class _Columns(dict[str, np.ndarray]):
    """One value per record of each column; says of one that is not there what there is."""

    def __missing__(self, name: str) -> np.ndarray:
        raise InputError(f"the dataset has no column {name!r}, but {', '.join(sorted(self)) or 'none'}")


class RecordFolder:
    """The records of a dataset; pictures as uint8 (h, w, 3 or 4), everything else as it was written.

    Attributes:
      columns: one value per record of each column; asking for one that is not there raises InputError.
      fields: the names in a record, and of what kind each is.
    """

    def __init__(self, folder: Path):
        about = _read_json(folder / "dataset.json", ())
        if about.get("format") != FORMAT:
            raise InputError(f"{folder}: is of format {about.get('format')}, {FORMAT} can be read")
        _read_json(folder / "dataset.json", ("shards", "fields"))
        self.fields: dict[str, Kind] = about["fields"]
        names = [shard_name(shard, about["shards"]) for shard in range(about["shards"])]
        missing = [name for name in names if not (folder / f"{name}.json").exists()]
        if missing:
            raise InputError(f"{folder}: {len(missing)} of {len(names)} shards are not built, first {missing[0]}")
        notes = [_read_json(folder / f"{name}.json", _OF_SHARD) for name in names]
        self._paths = [folder / f"{name}.array_record" for name in names]
        for path, note in zip(self._paths, notes, strict=True):
            _check_size(path, note["bytes"])
        filled = [note for note in notes if note["records"]]
        if not filled:
            raise InputError(f"{folder}: holds no records")
        self.columns = _Columns(
            {name: np.concatenate([note["columns"][name] for note in filled]) for name in filled[0]["columns"]}
        )
        self._ends = list(itertools.accumulate(note["records"] for note in notes))
        try:
            self._data = array_record_data_source.ArrayRecordDataSource([str(path) for path in self._paths])
        except RuntimeError as error:
            faulty = ", ".join(path.name for path in self._paths if not _has_index(path))
            said = f"the index at the end of {faulty} is damaged" if faulty else f"{len(names)} files cannot be opened"
            raise InputError(f"{folder}: {said} ({error})") from error
        if len(self._data) != self._ends[-1]:
            raise InputError(f"{folder}: files hold {len(self._data)} records, their notes say {self._ends[-1]}")

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, record: int) -> dict[str, np.ndarray]:
        """Reads and decodes one record."""
        if not 0 <= record < len(self):
            raise IndexError(f"record {record} of {len(self)}")
        name = self._name(record)
        try:
            data = self._data[record]
        except RuntimeError as error:
            raise as_user_error(error, name) from error
        try:
            values = flax.serialization.msgpack_restore(data)
        except Exception as error:  # msgpack's errors have no common base
            raise CorruptRecordError(f"{name}: not a record ({error})") from error
        if values.keys() != self.fields.keys():
            raise CorruptRecordError(f"{name}: holds {sorted(values)}, not {sorted(self.fields)}")
        return {key: _read_field(values[key], kind, f"{name}, {key}") for key, kind in self.fields.items()}

    def _name(self, record: int) -> str:
        shard = bisect.bisect_right(self._ends, record)
        return f"{self._paths[shard]}, record {record - (self._ends[shard - 1] if shard else 0)}"


class Subset:
    """Some records of a source, in the order given, e.g. those of one split.

    Args:
      source: the records.
      records: the numbers of those to keep.
    """

    def __init__(self, source: Any, records: np.ndarray):
        if len(records) and not 0 <= records.min() <= records.max() < len(source):
            raise ValueError(f"records must lie in [0, {len(source)}), lie in [{records.min()}, {records.max()}]")
        self._source, self._records = source, records

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, record: int) -> Any:
        """Reads one record."""
        return self._source[int(self._records[record])]


def _read_field(value: Any, kind: Kind, name: str) -> np.ndarray:
    if kind == "array":
        return np.asarray(value)
    return pictures.decode_rgb(value, name) if kind == "rgb" else pictures.decode_rgba(value, name)


def _read_json(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Reads a description that must have some entries."""
    content = files.read_json(path, what="a dataset that was built")
    if not isinstance(content, dict):
        raise InputError(f"{path}: damaged (no description)")
    if missing := [name for name in names if name not in content]:
        raise InputError(f"{path}: damaged (it has no {missing[0]!r})")
    return content


def _has_index(path: Path) -> bool:
    try:
        array_record_module.ArrayRecordReader(str(path)).close()
    except RuntimeError:
        return False
    return True


def _check_size(path: Path, size: int) -> None:
    have = path.stat().st_size if path.exists() else 0
    if have != size:
        raise InputError(f"{path}: has {have} bytes, {size} were written: incomplete copy?")
