"""What a builder needs to know of a dataset: its items, in a fixed order, and the records each item gives."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from jaxanim.core.errors import InputError
from jaxanim.data import pictures
from jaxanim.data.record_folder import Columns, Kind, Record

Rows = list[tuple[Record, Columns]]
JPEG_QUALITY = 95


@runtime_checkable
class Recipe(Protocol):
    """A dataset to build: a frozen dataclass, so that a worker can be sent a few of its items.

    Attributes:
      items: what there is, picklable, in an order that every machine finds; one item gives one or more records.
      fields: the names in a record and how each is read.
      options: what else decides how the records look; a build is not resumed with others.
      items_per_shard: how many make a file of a handy size.
    """

    @property
    def items(self) -> tuple[Any, ...]: ...  # noqa: D102
    @property
    def fields(self) -> Mapping[str, Kind]: ...  # noqa: D102
    @property
    def options(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def items_per_shard(self) -> int: ...  # noqa: D102

    def records(self, item: Any) -> Rows:
        """Makes the records of an item; raises `CorruptRecordError` where it is damaged."""
        ...


@runtime_checkable
class HasSplits(Protocol):
    """A recipe whose items belong to splits, such as 'train' and 'test', each with all its records."""

    def split(self, item: Any) -> str:
        """Returns the split of an item."""
        ...


def read(path: Path) -> bytes:
    """Reads a file of the dataset."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def face_picture(data: bytes, name: str, size: int | None) -> bytes:
    """Checks an RGB picture and makes it square; one that needs no change is kept byte for byte.

    Args:
      data: the encoded picture.
      name: what to call it in errors.
      size: side of the square; None keeps the picture as it is.
    """
    picture = pictures.decode_rgb(data, name)
    if size is None or picture.shape[:2] == (size, size):
        return data
    return pictures.encode(pictures.square(picture, size), quality=JPEG_QUALITY)
