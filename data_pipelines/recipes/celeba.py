"""CelebA as it is handed out: aligned pictures, attributes, identities and the official split.

    img_align_celeba/000001.jpg ...   list_attr_celeba.txt   list_eval_partition.txt   identity_CelebA.txt

Records hold the picture and 40 attributes as 0 or 1. Columns: name, identity, split ('train', 'valid' or 'test').
"""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from data_pipelines import recipe
from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import Kind, Record

SPLITS = ("train", "valid", "test")


@dataclasses.dataclass(frozen=True)
class Portrait:
    """One picture and what the lists say about it."""

    name: str
    identity: int
    split: str
    attributes: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class CelebaRecipe:
    """Items are the pictures in the order of the attribute list."""

    source: Path
    size: int | None
    attributes: tuple[str, ...]
    items: tuple[Portrait, ...]
    fields: ClassVar[dict[str, Kind]] = {"image": "rgb", "attributes": "array"}
    items_per_shard: ClassVar[int] = 2000

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look, and the names of the attributes."""
        return {"size": self.size, "attributes": list(self.attributes)}

    def split(self, item: Portrait) -> str:
        """Returns the official split of a picture."""
        return item.split

    def records(self, item: Portrait) -> recipe.Rows:
        """Makes one record of a picture."""
        path = self.source / "img_align_celeba" / item.name
        image = recipe.face_picture(recipe.read(path), str(path), self.size)
        record: Record = {"image": image, "attributes": np.array(item.attributes, np.uint8)}
        return [(record, {"name": item.name, "identity": item.identity, "split": item.split})]


def plan(source: Path, size: int | None = None) -> CelebaRecipe:
    """Reads the three lists and checks that they speak of the same pictures."""
    names, attributes = _attributes(source / "list_attr_celeba.txt")
    splits = _labels(source / "list_eval_partition.txt", range(len(SPLITS)))
    identities = _labels(source / "identity_CelebA.txt", None)
    for path, labels in (("list_eval_partition.txt", splits), ("identity_CelebA.txt", identities)):
        if differ := sorted(labels.keys() ^ attributes.keys()):
            raise InputError(
                f"{source / path}: {len(differ)} pictures stand in this list or in list_attr_celeba.txt, "
                f"but not in both; first {differ[0]}"
            )
    items = tuple(Portrait(name, identities[name], SPLITS[splits[name]], values) for name, values in attributes.items())
    return CelebaRecipe(source, size, names, items)


def _attributes(path: Path) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
    """Reads the names of the attributes and each picture's values: a count, the names, then -1 or 1 for each."""
    lines = _lines(path)
    if len(lines) < 3 or lines[0] != [str(len(lines) - 2)]:
        raise InputError(f"{path}: the first line must hold the number of pictures, {len(lines) - 2} follow")
    names = tuple(lines[1])
    values = {}
    for number, (name, *row) in enumerate(lines[2:], 3):
        if len(row) != len(names) or not set(row) <= {"-1", "1"}:
            raise InputError(f"{path}, line {number}: a picture and {len(names)} times -1 or 1 are expected")
        values[name] = tuple(int(value == "1") for value in row)
    return names, values


def _labels(path: Path, allowed: range | None) -> dict[str, int]:
    """Reads a list of pictures with one number each."""
    labels = {}
    for number, line in enumerate(_lines(path), 1):
        right = len(line) == 2 and line[1].isdigit() and (allowed is None or int(line[1]) in allowed)
        if not right:
            raise InputError(f"{path}, line {number}: a picture and a number are expected, got {' '.join(line)!r}")
        labels[line[0]] = int(line[1])
    return labels


def _lines(path: Path) -> list[list[str]]:
    """Returns the words of each line that has some."""
    return [words for line in recipe.read(path).decode("utf-8", "replace").splitlines() if (words := line.split())]
