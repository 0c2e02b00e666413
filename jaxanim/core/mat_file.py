"""Named arrays of numbers in MATLAB's .mat files of version 5 to 7 (MathWorks, "MAT-File Format").

Such files hold data, never code. Only plain numbers are read: structures, objects, function handles and text are
refused, and where a limit is given, so is what would unpack to more than that, as a few kilobytes can claim gigabytes.
SciPy's reader does more, but some damaged files make it end the whole process.
"""

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxanim.core.errors import InputError

_HEADER = 128  # bytes before the first element
_MATRIX, _PACKED, _INT32, _UINT32 = 14, 15, 5, 6  # types of elements
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}  # as stored
_CLASSES = {6: "f8", 7: "f8", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}  # as meant
_NAMED = range(1, 16)  # classes whose elements begin with dimensions and a name
_COMPLEX_OR_LOGICAL = 0x0A00
_HEAD = 2048  # bytes that flags, dimensions and name of an array fit in


class _Array(NamedTuple):
    """What stands before the numbers of an array; `dtype` is None where they are not plain numbers."""

    name: str
    shape: tuple[int, ...]
    dtype: str | None
    start: int


class _DamagedError(Exception):
    """The file does not follow the format."""


def parse(
    data: bytes, name: str, names: Sequence[str], *, optional: Sequence[str] = (), max_bytes: int | None = None
) -> dict[str, np.ndarray]:
    """Reads arrays; those of floating point become float64, integers stay what they are.

    Args:
      data: content of the file.
      name: what to call it in errors.
      names: arrays that must be there.
      optional: arrays that may be there.
      max_bytes: how much one array may take; None for files that may be as large as memory.

    Raises:
      InputError: the file is damaged, of another version, too large, or does not hold those arrays.
    """
    order = _order(data, name)
    try:
        return _parse(data, order, names, optional, max_bytes)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except (_DamagedError, zlib.error, struct.error) as error:
        raise InputError(f"{name}: a damaged or truncated .mat file ({error})") from error


def as_numbers(name: str, entry: str, array: Any) -> np.ndarray:
    """Returns an array that was read, floating point as float64; anything but numbers is an `InputError`."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        raise InputError(f"{name}: {entry} does not hold plain numbers")
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _order(data: bytes, name: str) -> str:
    """Returns the order of bytes in a file of the right version."""
    order = {b"IM": "<", b"MI": ">"}.get(data[_HEADER - 2 : _HEADER])
    if order is None:
        raise InputError(
            f"{name}: not a .mat file, or a damaged or truncated one, or one of MATLAB 4, which is not supported"
        )
    version = struct.unpack(f"{order}H", data[_HEADER - 4 : _HEADER - 2])[0]
    if version == 0x0200:
        raise InputError(f"{name}: is of MATLAB 7.3, which is not supported; save it with '-v7'")
    if version != 0x0100:
        raise InputError(f"{name}: a damaged .mat file (its version is {version:#06x})")
    return order


def _parse(
    data: bytes, order: str, names: Sequence[str], optional: Sequence[str], limit: int | None
) -> dict[str, np.ndarray]:
    held: list[str] = []
    found: dict[str, np.ndarray] = {}
    for kind, content in _elements(memoryview(data)[_HEADER:], order):
        head = content[:_HEAD] if kind == _MATRIX else _unpack_head(content)
        array = _array(head, order, packed=kind == _PACKED)
        if array is None or not array.name:
            continue
        held.append(array.name)
        if array.name in (*names, *optional):
            _check(array, limit)
            whole = content if kind == _MATRIX else _unpack(content, limit)
            found[array.name] = _numbers(array, memoryview(whole), order)
    if missing := [wanted for wanted in names if wanted not in found]:
        raise InputError(f"has no {missing[0]!r}; of {sorted(names)} it holds {sorted(held)}")
    return found


def _check(array: _Array, limit: int | None) -> None:
    if array.dtype is None:
        raise InputError(f"{array.name} does not hold plain numbers")
    if limit is not None and 8 * math.prod(array.shape) > limit:
        raise InputError(f"{array.name} has shape {array.shape}, more than {limit} bytes")


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Yields type and content of the arrays a file is made of."""
    position = 0
    while position < len(data):
        kind, content, position = _element(data, position, order)
        if kind not in (_MATRIX, _PACKED):
            raise _DamagedError(f"an element of type {kind}")
        yield kind, content


def _element(data: memoryview, position: int, order: str) -> tuple[int, memoryview, int]:
    """Returns type and content of the element at a position, and where the next one may be."""
    kind, size = struct.unpack(f"{order}II", data[position : position + 8])
    start = position + 8
    if kind >> 16:  # a small one, in the place of its size
        kind, size, start = kind & 0xFFFF, kind >> 16, position + 4
        if size > 4:
            raise _DamagedError(f"a small element of {size} bytes")
    if start + size > len(data):
        raise _DamagedError(f"{start + size - len(data)} bytes are missing")
    return kind, data[start : start + size], position + 8 if start == position + 4 else start + size


def _unpack_head(content: memoryview) -> bytes:
    """Returns the beginning of what a packed element holds."""
    return zlib.decompressobj().decompress(content, _HEAD)


def _unpack(content: memoryview, limit: int | None) -> bytes:
    """Returns what a packed element holds, after comparing its check sum."""
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(content, 0 if limit is None else limit + _HEAD)
    if unpacker.unconsumed_tail and unpacker.decompress(unpacker.unconsumed_tail, 1):
        raise InputError(f"holds an array that unpacks to more than {limit} bytes")
    if not unpacker.eof:
        raise _DamagedError("a packed array is cut off")
    return data


def _array(head: memoryview | bytes, order: str, *, packed: bool) -> _Array | None:
    """Reads what stands before the numbers; nothing of what has no name, such as the code of objects."""
    data = memoryview(head)
    position = 0
    if packed:
        kind, _ = struct.unpack(f"{order}II", data[:8])
        if kind != _MATRIX:
            raise _DamagedError(f"a packed element of type {kind}")
        position = 8
    kind, flags, position = _element(data, position, order)
    if (kind, len(flags)) != (_UINT32, 8):
        raise _DamagedError("an array without flags")
    flag = struct.unpack(f"{order}I", flags[:4])[0]
    if flag & 0xFF not in _NAMED:
        return None
    kind, sizes, position = _element(data, _padded(position), order)
    if kind != _INT32 or not 8 <= len(sizes) <= 128 or len(sizes) % 4:
        raise _DamagedError("an array without dimensions")
    shape = struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    if min(shape) < 0:
        raise _DamagedError(f"an array of shape {shape}")
    _, name, position = _element(data, _padded(position), order)
    dtype = None if flag & _COMPLEX_OR_LOGICAL else _CLASSES.get(flag & 0xFF)
    return _Array(bytes(name).decode("latin1"), shape, dtype, _padded(position))


def _numbers(array: _Array, data: memoryview, order: str) -> np.ndarray:
    """Reads the numbers, which may be stored as smaller ones than are meant."""
    kind, content, end = _element(data, array.start, order)
    if kind not in _TYPES:
        raise _DamagedError(f"{array.name} is stored as type {kind}")
    dtype = np.dtype(order + _TYPES[kind])
    if len(content) != dtype.itemsize * math.prod(array.shape) or _padded(end) < len(data):
        raise _DamagedError(f"{array.name} has shape {array.shape}, but {len(content)} bytes")
    return np.frombuffer(content, dtype).reshape(array.shape, order="F").astype(array.dtype)


def _padded(position: int) -> int:
    return -(-position // 8) * 8
