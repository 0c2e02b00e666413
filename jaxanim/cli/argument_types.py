"""Values of options as `argparse` reads them; programs outside of this package take them, too."""

import argparse
from pathlib import Path

from jaxanim.core import files
from jaxanim.core.errors import OutputError


def count(text: str) -> int:
    """Reads a number from 0 on."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a number from 0 on is expected, got {text!r}")
    return int(text)


def positive(text: str) -> int:
    """Reads a number from 1 on."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"a number from 1 on is expected, got {text!r}")
    return int(text)


def part_of(text: str) -> tuple[int, int]:
    """Reads I/N: which of N equal parts."""
    index, _, number = text.partition("/")
    if not (index.isdecimal() and number.isdecimal() and int(index) < int(number)):
        raise argparse.ArgumentTypeError(f"I/N with 0 <= I < N is expected, got {text!r}")
    return int(index), int(number)


def writable(text: str) -> Path:
    """Reads the name of a file to write, which has to be possible."""
    path = Path(text)
    try:
        files.check_writable(path)
    except OutputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return path
