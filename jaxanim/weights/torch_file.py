"""Reads PyTorch checkpoints (.pt, .pth) without PyTorch and without running anything in them.

A pickle runs code only through the callables it names. Here a short list of names is known, each resolved to an inert
stand-in, and every other name is refused. Both layouts are read: the zip archive (PyTorch 1.6 and newer) and the older
sequence of pickles. Tensors become numpy arrays; bfloat16 becomes float32.
"""

import io
import math
import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from jaxanim.core.errors import WeightsError
from jaxanim.weights.inert_pickle import Function, Inert, RefusedError

_STORAGE_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_MAX_PICKLE_BYTES = 64 << 20
_MAX_DEPTH = 64
_MAX_REPEATED = 1 << 24  # numbers that views may have beyond those stored


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Reads a checkpoint that is a flat mapping of names to tensors.

    Raises:
      WeightsError: the file is missing, damaged, names code, or holds something else than tensors.
    """
    content = read_torch_file(path)
    if not isinstance(content, dict) or not content:
        raise WeightsError(f"{path}: expected a state dict (names -> tensors), found {type(content).__name__}")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, np.ndarray):
            raise WeightsError(f"{path}: expected a state dict, but entry {name!r} is a {type(value).__name__}")
    return dict(content)


def read_torch_file(path: Path) -> Any:
    """Reads a checkpoint: nested dicts, lists, tuples and scalars as they are, tensors as numpy arrays.

    Raises:
      WeightsError: the file is missing, damaged, or names code.
    """
    try:
        with open(path, "rb") as file:
            is_zip = zipfile.is_zipfile(file)
            file.seek(0)
            if not is_zip and file.peek(4)[:4] == b"PK\x03\x04":
                raise WeightsError("a damaged or truncated archive")
            return _read_zip(file) if is_zip else _read_legacy(file)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (WeightsError, RefusedError) as error:
        raise WeightsError(f"{path}: {error}") from error
    except Exception as error:  # pickle and zipfile raise nearly anything on damaged input
        raise WeightsError(f"{path}: not a readable PyTorch file ({type(error).__name__}: {error})") from error


def read_storage(data: bytes) -> "Storage":
    """Reads the numbers of a tensor that was pickled by itself, as part of another pickle.

    Raises:
      WeightsError, RefusedError: it is something else.
    """
    content, _ = _read_legacy_content(io.BytesIO(data))
    if not isinstance(content, Storage):
        raise WeightsError(f"a tensor's data are a {type(content).__name__}")
    return content


class _StorageType(Inert):
    """Stands for a class such as torch.FloatStorage."""

    def __init__(self, name: str):
        self.name = name


class Storage(Inert):
    """A flat block of numbers that tensors are views of; filled after unpickling."""

    def __init__(self, kind: _StorageType, size: int):
        self.dtype = np.dtype(_STORAGE_DTYPES[kind.name])
        self.is_bfloat16 = kind.name == "BFloat16Storage"
        self.size = size
        self.numbers: np.ndarray | None = None

    def fill(self, data: bytes) -> None:
        """Gives it its numbers, once they are read."""
        if len(data) != self.size * self.dtype.itemsize:
            raise WeightsError(f"a tensor has {len(data)} bytes instead of {self.size * self.dtype.itemsize}")
        numbers = np.frombuffer(data, self.dtype)
        if self.is_bfloat16:
            numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
        self.numbers = numbers


class Tensor(Inert):
    """A strided view of a storage, not yet read."""

    def __init__(self, storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any):
        geometry = (offset, *size, *stride)
        if not isinstance(storage, Storage) or not all(isinstance(n, int) and n >= 0 for n in geometry):
            raise WeightsError("a tensor has an impossible shape")
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if 0 not in size and last >= storage.size:
            raise WeightsError("a tensor reaches past its data")
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def resolve(self) -> np.ndarray:
        """Returns the tensor as an array of its own."""
        numbers = self.storage.numbers
        if numbers is None:
            raise WeightsError("the data of a tensor are missing")
        if 0 in self.size:
            return np.zeros(self.size, numbers.dtype)
        strides = tuple(step * numbers.itemsize for step in self.stride)
        view = np.lib.stride_tricks.as_strided(numbers[self.offset :], self.size, strides, writeable=False)
        return np.array(view)


class _Dict(dict):
    """Stands for OrderedDict; attributes that PyTorch hangs on it are dropped."""

    def __setstate__(self, state: Any) -> None:
        del state


def _rebuild_parameter(data: Tensor, *_: Any) -> Tensor:
    return data


_KNOWN_NAMES: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _Dict,
    ("torch._utils", "_rebuild_tensor_v2"): Tensor,
    ("torch._utils", "_rebuild_parameter"): Function(_rebuild_parameter),
    **{("torch", name): _StorageType(name) for name in _STORAGE_DTYPES},
}


class _Unpickler(pickle.Unpickler):
    """Unpickles with the known names only and records the storages that are asked for."""

    def __init__(self, file: io.BytesIO | io.BufferedReader, storages: dict[str, Storage]):
        _check_memo(file)
        super().__init__(file, encoding="utf-8")
        self.storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN_NAMES:
            raise WeightsError(f"refused: the file asks to run {module}.{name}, which no plain checkpoint needs")
        return _KNOWN_NAMES[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        if not (isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == "storage" and isinstance(pid[1], _StorageType)):
            raise WeightsError("a tensor's data are stored in an unknown way")
        _, kind, key, _, size = pid[:5]
        if len(pid) > 5 and pid[5] is not None:
            raise WeightsError("tensors that share part of another's storage in the old layout are not supported")
        return self.storages.setdefault(str(key), Storage(kind, int(size)))


def _check_memo(file: io.BytesIO | io.BufferedReader) -> None:
    """Refuses memo numbers far beyond those used so far: unpickling would make room for all numbers below them."""
    start, count = file.tell(), 0
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT"):
            if not (isinstance(argument, int) and argument <= count + 1000):
                raise WeightsError("its index is damaged")
            count += 1
    file.seek(start)


def _read_zip(file: io.BufferedReader) -> Any:
    archive = zipfile.ZipFile(file)
    if any(name.split("/")[1:] == ["constants.pkl"] for name in archive.namelist()):
        raise WeightsError("a scripted module (TorchScript); save its state_dict() instead")
    for member in archive.infolist():
        if member.compress_type != zipfile.ZIP_STORED:
            raise WeightsError("the archive is compressed, which PyTorch's never are")
    pickles = [name for name in archive.namelist() if name.split("/")[1:] == ["data.pkl"]]
    if len(pickles) != 1:
        raise WeightsError("not a PyTorch archive (no data.pkl)")
    root = pickles[0].split("/")[0]
    if f"{root}/byteorder" in archive.namelist() and archive.read(f"{root}/byteorder") != b"little":
        raise WeightsError("big-endian files are not supported")
    if archive.getinfo(pickles[0]).file_size > _MAX_PICKLE_BYTES:
        raise WeightsError(f"its index is larger than {_MAX_PICKLE_BYTES >> 20} MiB")
    storages: dict[str, Storage] = {}
    content = _Unpickler(io.BytesIO(archive.read(pickles[0])), storages).load()
    for key, storage in storages.items():
        storage.fill(archive.read(f"{root}/data/{key}"))
    return _Resolver(storages).resolve(content, _MAX_DEPTH)


def _read_legacy(file: io.BufferedReader) -> Any:
    content, storages = _read_legacy_content(file)
    return _Resolver(storages).resolve(content, _MAX_DEPTH)


def _read_legacy_content(file: io.BytesIO | io.BufferedReader) -> tuple[Any, dict[str, Storage]]:
    storages: dict[str, Storage] = {}
    if _Unpickler(file, storages).load() != _LEGACY_MAGIC or _Unpickler(file, storages).load() != _LEGACY_PROTOCOL:
        raise WeightsError("not a PyTorch file")
    system = _Unpickler(file, storages).load()
    if not (isinstance(system, dict) and system.get("little_endian") is True):
        raise WeightsError("big-endian files are not supported")
    content = _Unpickler(file, storages).load()
    for key in _Unpickler(file, storages).load():
        storage = storages[str(key)]
        if int.from_bytes(file.read(8), "little") != storage.size:
            raise WeightsError("a tensor's data have another size than the index says")
        storage.fill(file.read(storage.size * storage.dtype.itemsize))
    return content, storages


class _Resolver:
    """Replaces tensors by arrays in nested dicts, lists and tuples; what is shared is resolved once."""

    def __init__(self, storages: dict[str, Storage]):
        self.room = sum(storage.size for storage in storages.values()) * 4 + _MAX_REPEATED
        self.done: dict[int, Any] = {}

    def resolve(self, content: Any, depth: int) -> Any:
        if content is None or isinstance(content, bool | int | float | str | bytes):
            return content
        if depth == 0:
            raise WeightsError("its contents are nested too deeply")
        if id(content) not in self.done:
            self.done[id(content)] = self._resolve(content, depth)
        return self.done[id(content)]

    def _resolve(self, content: Any, depth: int) -> Any:
        if isinstance(content, Tensor):
            self.room -= math.prod(content.size)
            if self.room < 0:
                raise WeightsError("its tensors repeat their numbers too often")
            return content.resolve()
        if isinstance(content, dict):
            if not all(isinstance(key, bool | int | float | str) for key in content):
                raise WeightsError("it holds a dict whose keys are neither text nor numbers")
            return {key: self.resolve(value, depth - 1) for key, value in content.items()}
        if isinstance(content, list | tuple):
            return type(content)(self.resolve(item, depth - 1) for item in content)
        raise WeightsError(f"it holds a {type(content).__name__}, which no plain checkpoint needs")
