"""Writing results so that nobody finds half of one: to a neighbour of the final name, renamed at the end.

And reading JSON, and the order of files that are numbered.
"""

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxanim.core.errors import InputError, OutputError

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif", ".m4v", ".mpg")  # endings of those that are read
_LONGEST_NAME = 255


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a path to write to; it takes the place of `path` when the block ends without an error.

    The temporary name keeps the ending (writers choose their format by it) and is removed on any error. The file gets
    the rights of any new file, also from writers that keep theirs private.

    Raises:
      OutputError: the folder does not exist or cannot be written, or `path` is a folder.
    """
    check_writable(path)
    temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        temporary.touch(exist_ok=False)
        rights = temporary.stat().st_mode & 0o777
        temporary.unlink()
        yield temporary
        temporary.chmod(rights)
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_json(path: Path, *, what: str) -> Any:
    """Reads a file of JSON.

    Args:
      path: of the file.
      what: what it belongs to, for whoever looks in the wrong folder.

    Raises:
      InputError: the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; is this the folder of {what}?") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged ({error})") from error


def by_number(path: Path) -> tuple[int, str]:
    """Sorts frame 9 before frame 10 whether or not names are padded: by the last number in a name."""
    digits = re.findall(r"\d+", path.stem)
    return (int(digits[-1]) if digits else -1), path.name


def check_apart(result: Path, *given: Path) -> None:
    """Raises OutputError where a result would take the place of a file that is read, also by another name or a link."""
    for path in given:
        with contextlib.suppress(OSError):  # what is not there cannot be overwritten
            if result.is_file() and result.samefile(path):
                raise OutputError(f"{result}: is read by the same command, and would be overwritten; give another name")


def check_name(path: Path) -> None:
    """Raises InputError for a path with a part that no file system takes."""
    for part in path.parts:
        if len(os.fsencode(part)) > _LONGEST_NAME:
            raise InputError(f"{part[:20]}...: is longer than the {_LONGEST_NAME} bytes of a file's name")
        if "\0" in part:
            raise InputError(f"{part!r}: a file's name has no zero bytes")


def check_writable(path: Path) -> None:
    """Raises OutputError where a file of this name could not be made, before any work is done."""
    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    if is_folder:
        raise OutputError(f"{path}: is a folder, a file name was expected")
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{path}: its folder {folder} does not exist")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{path}: its folder {folder} cannot be written to")
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(f"{path}: the existing file cannot be replaced")
