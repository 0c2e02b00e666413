"""EmotioNet (the papers' "EmotionNet"): a user's downloaded pictures, and their action units from one of two sources.

    *.txt, *.csv                       the lists that EmotioNet's authors send, for labels 'listed'
    images/**/N_0000000001_00001.jpg   pictures, in any folders
    openface/**/N_0000000001_00001.csv what OpenFace says of each, in any folders, for labels 'openface'

A list is either .txt (tabs, no first line: address, original address, 60 values) or .csv (a first line of names: URL,
URL orig, AU 1 ... AU 60; quotes are ignored). 0 is absent, 1 to 5 present, 999 unknown. Records hold the picture and

    listed     action_units (60) uint8, 0 where unknown; known (60), 0 or 1. Number k is action unit k + 1.
    openface   action_units (17) float32, intensities 0 to 5 of `jaxanim.signals.action_units.NAMES`

Columns: name. Addresses die: what is listed but was not downloaded, or the other way round, is counted in the options
and is no damage.
"""

import csv
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from data_pipelines import openface, recipe
from jaxanim.core.errors import InputError
from jaxanim.data import image_folder
from jaxanim.data.record_folder import Kind, Record

UNITS = 60
_UNKNOWN = 999
_VALUES = {**{str(value): value for value in range(6)}, str(_UNKNOWN): 255}  # 255 is unknown, in one byte
_UNIT = re.compile(r"AU[ _]?0?(\d+)")

Labels = Literal["listed", "openface"]


@dataclasses.dataclass(frozen=True)
class EmotionetRecipe:
    """Items are pictures' names, relative to `source`, each with its labels: 60 bytes, or the .csv file's name."""

    source: Path
    size: int | None
    labels: Labels
    unlabelled: int
    unseen: int
    items: tuple[tuple[str, bytes | str], ...]
    items_per_shard: ClassVar[int] = 2000

    @property
    def fields(self) -> dict[str, Kind]:
        """The names in a record and how each is read."""
        known: dict[str, Kind] = {"known": "array"} if self.labels == "listed" else {}
        return {"image": "rgb", "action_units": "array", **known}

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look, and how many pictures have no labels, how many labels no picture."""
        return {"size": self.size, "labels": self.labels, "unlabelled": self.unlabelled, "unseen": self.unseen}

    def records(self, item: tuple[str, bytes | str]) -> recipe.Rows:
        """Makes one record of a picture."""
        name, labels = item
        path = self.source / name
        record: dict[str, bytes | np.ndarray]
        if isinstance(labels, bytes):
            values = np.frombuffer(labels, np.uint8)
            known = values != _VALUES[str(_UNKNOWN)]
            record = {"action_units": np.where(known, values, 0).astype(np.uint8), "known": known.astype(np.uint8)}
        else:
            table = self.source / labels
            record = {"action_units": openface.parse(recipe.read(table), str(table))}
        image = recipe.face_picture(recipe.read(path), str(path), self.size)
        whole: Record = {"image": image, **record}
        return [(whole, {"name": name})]


def plan(source: Path, size: int | None = None, labels: Labels = "listed") -> EmotionetRecipe:
    """Finds the pictures that have labels."""
    if labels not in get_args(Labels):
        raise InputError(f"labels are one of {', '.join(get_args(Labels))}, got {labels!r}")
    pictures = _by_stem(image_folder.list_pictures(source))
    found: dict[str, bytes] | dict[str, str]
    found = _listed(source) if labels == "listed" else _by_stem(_tables(source))
    both = sorted(pictures.keys() & found.keys())
    if not both:
        raise InputError(
            f"{source}: none of its {len(pictures)} pictures is among the {len(found)} that have labels ({labels})"
        )
    items = tuple((pictures[stem], found[stem]) for stem in both)
    return EmotionetRecipe(source, size, labels, len(pictures) - len(both), len(found) - len(both), items)


def _tables(source: Path) -> list[Path]:
    folder = source / "openface"
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; it holds what OpenFace's FaceLandmarkImg wrote with -out_dir")
    return [path.relative_to(source) for path in folder.rglob("*.csv")]


def _by_stem(paths: list[Path]) -> dict[str, str]:
    """Returns files by their names without folder and ending, which must be different."""
    found: dict[str, str] = {}
    for path in paths:
        if path.stem in found:
            raise InputError(f"{path}: has the same name as {found[path.stem]}; names of EmotioNet's are different")
        found[path.stem] = path.as_posix()
    return found


def _listed(source: Path) -> dict[str, bytes]:
    """Reads all lists."""
    lists = sorted(path for path in source.iterdir() if path.suffix in (".txt", ".csv"))
    if not lists:
        kind = "; save .xlsx as .csv" if any(source.glob("*.xlsx")) else ""
        raise InputError(f"{source}: has no lists of action units (*.txt, *.csv){kind}")
    found: dict[str, bytes] = {}
    for path in lists:
        try:
            for where, stem, values in _rows(path):
                if found.setdefault(stem, values) != values:
                    raise InputError(f"{where}: {stem} is listed twice, with different action units")
        except csv.Error as error:
            raise InputError(f"{path}: not a list of action units ({error})") from error
    return found


def _rows(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yields where a line is, the name of its picture and its 60 values."""
    text = recipe.read(path).decode("utf-8-sig", "replace").splitlines()
    address, units, width = 0, {2 + unit: unit for unit in range(UNITS)}, 2 + UNITS
    lines = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE) if path.suffix == ".txt" else csv.reader(text)
    if path.suffix == ".csv":
        address, units, width = _header(path, [_bare(name) for name in next(lines, [])])
    for line in lines:
        where = f"{path}, line {lines.line_num}"
        if not line:
            continue
        if len(line) != width:
            raise InputError(f"{where}: {width} values are expected, got {len(line)}")
        values = bytearray([_VALUES[str(_UNKNOWN)]] * UNITS)
        for column, unit in units.items():
            value = _VALUES.get(_bare(line[column]))
            if value is None:
                raise InputError(f"{where}: action unit {unit + 1} is 0 to 5 or {_UNKNOWN}, got {line[column]!r}")
            values[unit] = value
        yield where, Path(_bare(line[address])).stem, bytes(values)


def _header(path: Path, names: list[str]) -> tuple[int, dict[int, int], int]:
    """Returns the column of the address, those of action units (from 0), and how many there are."""
    units = {
        column: int(match[1]) - 1 for column, name in enumerate(names) if (match := _UNIT.fullmatch(name)) is not None
    }
    wrong = [names[column] for column, unit in units.items() if not 0 <= unit < UNITS]
    if "URL" not in names or not units or wrong:
        raise InputError(f"{path}: the first line must name URL and AU 1 to AU {UNITS}, got {', '.join(names[:4])} ...")
    return names.index("URL"), units, len(names)


def _bare(cell: str) -> str:
    return cell.strip().strip("'\"").strip()
