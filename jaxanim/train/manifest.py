"""A list of the SHA-256 of every file in a folder: shows later that nothing was lost or changed."""

import hashlib
import json
import os
from pathlib import Path

NAME = "manifest.json"


def write(folder: Path) -> None:
    """Hashes every file of a folder and writes the list, so that there is the whole list or none."""
    hashes = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with open(path, "rb") as file:
            hashes[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())  # the list must not reach the disk before what it lists
    temporary = folder / f"{NAME}.tmp"
    with open(temporary, "w") as out:
        json.dump(hashes, out, indent=0)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(folder / NAME)
    _sync_folder(folder)


def damage(folder: Path) -> str | None:
    """Returns the first thing that is wrong with the files of a folder, or None: everything is as it was listed."""
    try:
        hashes = json.loads((folder / NAME).read_text())
    except (OSError, ValueError) as error:
        return f"{NAME} cannot be read: {error}"
    if not isinstance(hashes, dict) or not hashes:
        return f"{NAME} lists no files"
    for name, expected in hashes.items():
        try:
            with open(folder / name, "rb") as file:
                actual = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
        if actual != expected:
            return f"{name} is not what was written"
    return None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
