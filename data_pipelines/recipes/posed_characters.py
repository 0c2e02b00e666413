"""Characters at rest and posed, as Talking Head Anime is trained: transparent pictures and 45 numbers for each.

    CHARACTER/rest.png   CHARACTER/posed/*.png   CHARACTER/poses.csv

poses.csv has a line for every posed picture: `file` and any of the names of `jaxanim.signals.pose_vector`; those left
out are 0. Records hold rest, posed and pose. Columns: character, name.
"""

import csv
import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from data_pipelines import recipe
from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError, pictures
from jaxanim.data.record_folder import Kind, Record
from jaxanim.signals import pose_vector


@dataclasses.dataclass(frozen=True)
class PosedPicture:
    """One posed picture and the numbers that are not 0."""

    character: str
    file: str
    pose: tuple[tuple[str, float], ...]


@dataclasses.dataclass(frozen=True)
class PosedCharactersRecipe:
    """Items are the posed pictures, character after character."""

    source: Path
    items: tuple[PosedPicture, ...]
    fields: ClassVar[dict[str, Kind]] = {"rest": "rgba", "posed": "rgba", "pose": "array"}
    items_per_shard: ClassVar[int] = 500
    options: ClassVar[dict[str, Any]] = {}

    def records(self, item: PosedPicture) -> recipe.Rows:
        """Makes one record of a posed picture and its character at rest."""
        paths = {"rest": self.source / item.character / "rest.png"}
        paths["posed"] = self.source / item.character / "posed" / item.file
        encoded = {name: recipe.read(path) for name, path in paths.items()}
        shapes = {name: pictures.decode_rgba(data, str(paths[name])).shape for name, data in encoded.items()}
        if shapes["rest"] != shapes["posed"]:
            raise CorruptRecordError(f"{paths['posed']}: has shape {shapes['posed']}, at rest it is {shapes['rest']}")
        record: Record = {**encoded, "pose": pose_vector.make_pose(dict(item.pose))}
        return [(record, {"character": item.character, "name": item.file})]


def plan(source: Path) -> PosedCharactersRecipe:
    """Reads every character's poses."""
    if not source.is_dir():
        raise InputError(f"{source}: no such folder")
    tables = sorted(source.glob("*/poses.csv"))
    if not tables:
        raise InputError(f"{source}: no CHARACTER/poses.csv in it")
    items: list[PosedPicture] = []
    for table in tables:
        try:
            items += _poses(table)
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{table}: not a table ({error})") from error
    return PosedCharactersRecipe(source, tuple(items))


def _poses(table: Path) -> list[PosedPicture]:
    """Reads one character's table and tries every pose in it."""
    items = []
    rows = csv.DictReader(recipe.read(table).decode("utf-8-sig").splitlines())
    for row in rows:
        where = f"{table}, line {rows.line_num}"
        file = row.pop("file", None)
        if not file or None in row or None in row.values():
            raise InputError(f"{where}: a column 'file' and as many values as the first line has names are expected")
        try:
            pose = tuple((name, float(value)) for name, value in row.items() if value.strip())
            _, outside = pose_vector.clamp(pose_vector.make_pose(dict(pose)))
        except (ValueError, InputError) as error:
            raise InputError(f"{where}: {error}") from error
        if outside:
            raise InputError(f"{where}: {outside} numbers are outside the range of the pose")
        items.append(PosedPicture(table.parent.name, file, pose))
    return items
