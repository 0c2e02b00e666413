"""A list of the SHA-256 of every file in a folder, and of itself: shows later that nothing was lost or changed."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from jaxanim.core.errors import WeightsError

NAME = "manifest.json"
FORMAT = 1  # of the list and of what lies beside it


def write(folder: Path) -> None:
    """Hashes every file of a folder and writes the list, so that there is the whole list or none."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with open(path, "rb") as file:
            files[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())  # the list must not reach the disk before what it lists
    listed = {"format": FORMAT, "files": files}
    temporary = folder / f"{NAME}.tmp"
    with open(temporary, "w") as out:
        json.dump({**listed, "sha256": _digest(listed)}, out, indent=0)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(folder / NAME)
    sync_folder(folder)


def check_format(folder: Path) -> None:
    """Raises where a folder holds a sound list that this version does not know how to read."""
    try:
        listed = json.loads((folder / NAME).read_text())
    except (OSError, ValueError):
        return  # damaged, which `damage` tells
    if not isinstance(listed, dict) or not {"format", "sha256"} & listed.keys():
        raise WeightsError(f"{folder} was not written by this program, or by a version before its first release")
    if _is_sound(listed) and listed["format"] != FORMAT:
        raise WeightsError(
            f"{folder} was written by another version: its format is {listed['format']}, this version reads {FORMAT}"
        )


def damage(folder: Path) -> str | None:
    """Returns the first thing that is wrong with the files of a folder, or None: everything is as it was listed."""
    try:
        listed = json.loads((folder / NAME).read_text())
    except OSError as error:
        return f"{NAME} cannot be read: {error.strerror}"
    except ValueError:
        listed = None
    if not isinstance(listed, dict) or not _is_sound(listed):
        return f"{NAME} is not what was written"
    for name, expected in listed["files"].items():
        try:
            with open(folder / name, "rb") as file:
                actual = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
        if actual != expected:
            return f"{name} is not what was written"
    return None


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_sound(listed: dict[str, Any]) -> bool:
    rest = {name: value for name, value in listed.items() if name != "sha256"}
    return "format" in rest and listed.get("sha256") == _digest(rest)


def _digest(listed: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
