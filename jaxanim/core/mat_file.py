"""Named arrays of numbers in MATLAB's .mat files, before version 7.3.

Such files hold data, never code. What is not plain numbers (structures, objects, function handles, text) is refused
before it is read, and where a limit is given, so is what would unpack to more than that: a few kilobytes can claim
gigabytes.
"""

import io
import math
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.io

from jaxanim.core.errors import InputError

_NUMBERS = ("double", "single", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
_HEADER, _COMPRESSED = 128, 15  # bytes before the first array; the type of a packed one
_BLOCK = 1 << 20


def parse(
    data: bytes, name: str, names: Sequence[str], *, optional: Sequence[str] = (), max_bytes: int | None = None
) -> dict[str, np.ndarray]:
    """Reads arrays; those of floating point become float64, integers stay what they are.

    Args:
      data: content of the file.
      name: what to call it in errors.
      names: arrays that must be there.
      optional: arrays that may be there.
      max_bytes: how much the arrays may take, all together; None for files that may be as large as memory.

    Raises:
      InputError: the file is damaged, of version 7.3, too large, or does not hold those arrays.
    """
    held = _kinds(data, name)
    elements = _elements(data, name)
    if missing := [wanted for wanted in names if wanted not in held]:
        raise InputError(f"{name}: has no {missing[0]!r}; of {sorted(names)} it holds {sorted(held)}")
    there = [*names, *(wanted for wanted in optional if wanted in held)]
    for wanted in there:
        if held[wanted][1] not in _NUMBERS:
            raise InputError(f"{name}: {wanted} does not hold plain numbers")
    if max_bytes is not None:
        claimed = sum(8 * math.prod(held[wanted][0]) for wanted in there)
        if max(claimed, _unpacked_size(elements, name, max_bytes)) > max_bytes:
            raise InputError(f"{name}: holds more than {max_bytes} bytes, which is not what it should be")
    try:
        content = scipy.io.loadmat(io.BytesIO(data), variable_names=there)
    except Exception as error:  # scipy raises nearly anything on damaged input
        raise _damaged(name, error) from error
    return {wanted: as_numbers(name, wanted, content.get(wanted)) for wanted in there}


def as_numbers(name: str, entry: str, array: Any) -> np.ndarray:
    """Returns an array that was read, floating point as float64; anything but numbers is an `InputError`."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        raise InputError(f"{name}: {entry} does not hold plain numbers")
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _kinds(data: bytes, name: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """Returns shape and class of every array, from their headers alone."""
    try:
        return {entry: (shape, kind) for entry, shape, kind in scipy.io.whosmat(io.BytesIO(data))}
    except NotImplementedError as error:
        raise InputError(f"{name}: is of MATLAB 7.3, which is not supported; save it with '-v7'") from error
    except Exception as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split())
    return InputError(f"{name}: a damaged or truncated .mat file ({type(error).__name__}: {reason})")


def _elements(data: bytes, name: str) -> list[tuple[int, bytes]]:
    """Returns type and content of what the file is made of; version 4 has no such elements and packs nothing."""
    order = {b"IM": "<", b"MI": ">"}.get(data[_HEADER - 2 : _HEADER])
    found: list[tuple[int, bytes]] = []
    position = _HEADER if order else len(data)
    while position < len(data):
        kind, size = struct.unpack(f"{order}II", data[position : position + 8].ljust(8))
        position += 8 + size
        if position > len(data):
            raise _damaged(name, EOFError(f"{position - len(data)} bytes are missing"))
        found.append((kind, data[position - size : position]))
    return found


def _unpacked_size(elements: list[tuple[int, bytes]], name: str, limit: int) -> int:
    """Returns how much a file's elements unpack to, or something above the limit."""
    total = 0
    for kind, content in elements:
        if kind != _COMPRESSED:
            total += len(content)
            continue
        unpacker, left = zlib.decompressobj(), content
        while left and total <= limit:
            try:
                total += len(unpacker.decompress(left, _BLOCK))
            except zlib.error as error:
                raise _damaged(name, error) from error
            left = unpacker.unconsumed_tail
    return total
