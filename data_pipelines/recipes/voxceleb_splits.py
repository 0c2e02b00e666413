"""Who of VoxCeleb is for training and who for tests, by the names of clips such as `id10001/VIDEO/CLIP.mp4`.

dev/ (or train/) and test/ above the people     as the folders say; VoxCeleb2 has a folder mp4/ in between
people id10001 to id11251                       VoxCeleb1, whose test set is id10270 to id10309
anybody else                                    of twenty people in a row, one for validation and one for tests
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from data_pipelines.procedural_faces.records import split_of

_FOLDERS = {"dev": "train", "train": "train", "test": "test"}
_BETWEEN = "mp4"
_NAME = re.compile(r"id(1[01]\d{3})")
_FIRST_TEST, _LAST_TEST = 10270, 10309


def bases(source: Path) -> list[Path]:
    """Returns the folders that hold people: those of splits where there are some, else `source` itself."""
    found = [source / name for name in sorted(_FOLDERS) if (source / name).is_dir()]
    return [base / _BETWEEN if (base / _BETWEEN).is_dir() else base for base in found] or [source]


def person_of(clip: str) -> str:
    """Returns the name of the person that a clip shows."""
    parts = clip.split("/")
    if parts[0] not in _FOLDERS:
        return parts[0]
    return parts[2] if parts[1] == _BETWEEN else parts[1]


def splits(clips: Sequence[str]) -> dict[str, str]:
    """Returns the split of each clip: 'train', 'validation' or 'test'; all clips of a person have the same."""
    numbers = {name: number for number, name in enumerate(sorted({person_of(clip) for clip in clips}))}
    official = _are_of_voxceleb1(numbers)
    return {clip: _split(clip, numbers, official=official) for clip in clips}


def _are_of_voxceleb1(people: Iterable[str]) -> bool:
    return all(_NAME.fullmatch(name) for name in people)


def _split(clip: str, numbers: dict[str, int], *, official: bool) -> str:
    top, name = clip.split("/", 1)[0], person_of(clip)
    if top in _FOLDERS:
        return _FOLDERS[top]
    if official:
        return "test" if _FIRST_TEST <= int(name.removeprefix("id")) <= _LAST_TEST else "train"
    return split_of(numbers[name])
