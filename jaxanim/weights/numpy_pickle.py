"""Reads numpy arrays from .pkl, .npy and .npz files without running anything in them.

Known are numpy's arrays, types and scalars, scipy's sparse matrices, chumpy's variables (an autodiff package that old
body models were saved with; it need not be installed), PyTorch's tensors on the CPU, and plain containers. Each is made
an inert stand-in first and an array afterwards. Every other name is refused. Pickles of Python 2 are read too.
"""

import io
import math
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import scipy.sparse

from jaxanim.core.errors import InputError, UserError
from jaxanim.weights import torch_file
from jaxanim.weights.inert_pickle import Function, Inert, RefusedError

MAX_FILE_BYTES = 1 << 30
_MAX_DEPTH = 64
_MAX_REPEATED = 1 << 24  # numbers that arrays may have beyond one per byte of the file
_PLAIN_TYPE = re.compile(r"[biuf]\d{1,2}")


def read_pickle(path: Path) -> Any:
    """Reads a pickle: containers and scalars as they are, arrays of all kinds as dense numpy arrays.

    Raises:
      InputError: the file is missing, damaged, or names code.
    """
    return _guarded(path, lambda data: _unpickle(io.BytesIO(data), len(data)))


def read_npy(path: Path) -> Any:
    """Reads a .npy file; one that holds a single object gives that object.

    Raises:
      InputError: the file is missing, damaged, or names code.
    """
    return _guarded(path, _read_npy)


def read_npz(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> dict[str, np.ndarray]:
    """Reads all arrays of a .npz file; objects in it are refused.

    Raises:
      InputError: the file is missing or damaged, or unpacks to more than `max_bytes`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > max_bytes:
            raise InputError(f"{path}: unpacks to {size} bytes, more than {max_bytes}")
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        if others := [name for name, value in found.items() if not isinstance(value, np.ndarray)]:
            raise InputError(f"{path}: holds {others[0]!r}, which is no array")
        return found
    except InputError:
        raise
    except Exception as error:  # numpy and zipfile raise nearly anything on damaged input
        raise InputError(f"{path}: not a readable .npz file, or a damaged one ({error})") from error


def _guarded(path: Path, read: Callable[[bytes], Any]) -> Any:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(f"has {size} bytes, more than {MAX_FILE_BYTES}")
        return read(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (UserError, RefusedError) as error:
        raise InputError(f"{path}: {error}") from error
    except EOFError as error:
        raise InputError(f"{path}: a damaged or truncated file") from error
    except Exception as error:  # pickle raises nearly anything on damaged input
        raise InputError(f"{path}: not a readable pickle ({type(error).__name__}: {error})") from error


def _read_npy(data: bytes) -> Any:
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise InputError(f"its format has version {version}, known are {sorted(readers)}")
    if readers[version](file)[2].hasobject:
        return _unpickle(file, len(data))
    return np.load(io.BytesIO(data), allow_pickle=False)


class _Dtype(Inert):
    """Stands for numpy.dtype."""

    def __init__(self, name: str = "", *_: Any):
        self.name = name
        self.order = "|"

    def __setstate__(self, state: Any) -> None:
        self.order = str(state[1])

    def resolve(self) -> np.dtype:
        if not (isinstance(self.name, str) and _PLAIN_TYPE.fullmatch(self.name) and self.order in "<>=|"):
            raise RefusedError(f"it holds an array of type {self.name!r}, which is not one of plain numbers")
        return np.dtype(self.order + self.name)


class _Array(Inert):
    """Stands for numpy.ndarray."""

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, self.is_fortran, self.data = state
        if not all(isinstance(n, int) and n >= 0 for n in self.shape):
            raise RefusedError("an array has an impossible shape")


class _Scalar(Inert):
    """Stands for a numpy scalar."""

    def __init__(self, dtype: _Dtype, data: Any):
        self.dtype, self.data = dtype, data


class _Sparse(Inert):
    """Stands for a sparse matrix of scipy."""

    make: Any

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _ByColumns(_Sparse):
    make = scipy.sparse.csc_matrix


class _ByRows(_Sparse):
    make = scipy.sparse.csr_matrix


class _Chumpy(Inert):
    """Stands for a variable of chumpy; its numbers are the entry 'x' of its state."""

    state: Any = None

    def __init__(self, *_: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _make_bare(kind: Any, *_: Any) -> Any:
    if not (isinstance(kind, type) and issubclass(kind, Inert)):
        raise RefusedError("refused: the file asks to make an object of an unknown kind")
    return kind.__new__(kind)


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """What pickles of Python 3 for Python 2 hold bytes as."""
    if encoding not in ("latin1", "latin-1"):
        raise RefusedError(f"bytes are stored as {encoding!r}")
    return text.encode("latin1")


_KNOWN_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): Function(_encode),
    ("collections", "OrderedDict"): Function(dict),
    ("torch._utils", "_rebuild_tensor_v2"): torch_file.Tensor,
    ("torch.storage", "_load_from_bytes"): Function(torch_file.read_storage),
    **{(f"numpy.{core}.multiarray", "_reconstruct"): Function(_reconstruct) for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Scalar for core in ("core", "_core")},
    **{(module, "_reconstructor"): Function(_make_bare) for module in ("copy_reg", "copyreg")},
    **{(module, "object"): Inert for module in ("__builtin__", "builtins")},
    **{(module, "set"): Function(set) for module in ("__builtin__", "builtins")},
    **{(f"scipy.sparse.{module}", "csc_matrix"): _ByColumns for module in ("csc", "_csc")},
    **{(f"scipy.sparse.{module}", "csr_matrix"): _ByRows for module in ("csr", "_csr")},
}


def _load_bytearray8(_: Any) -> None:
    """Refuses them, before Python makes room for all that the file claims to hold."""
    raise RefusedError("it holds a bytearray, which no plain array file needs")


class _Unpickler(pickle._Unpickler):
    """Unpickles with the known names only.

    This is the unpickler in Python: its memo is a dict, where the one in C makes room for all numbers below the largest
    that a file names, and it reads the text pickles of Python 2.
    """

    dispatch: ClassVar[dict[int, Any]] = {
        **vars(pickle._Unpickler)["dispatch"],
        pickle.BYTEARRAY8[0]: _load_bytearray8,
    }

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "chumpy":
            return _Chumpy
        if (module, name) not in _KNOWN_NAMES:
            raise RefusedError(f"refused: the file asks to run {module}.{name}, which no plain array file needs")
        return _KNOWN_NAMES[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise RefusedError("it refers to data outside itself")


def _unpickle(file: io.BytesIO, size: int) -> Any:
    content = _Unpickler(file, encoding="latin1").load()
    return _Resolver(size + _MAX_REPEATED).resolve(content, _MAX_DEPTH)


class _Resolver:
    """Replaces stand-ins by arrays in nested containers; what is shared is resolved once."""

    def __init__(self, room: int):
        self.room = room
        self.done: dict[int, Any] = {}

    def resolve(self, content: Any, depth: int) -> Any:
        if content is None or isinstance(content, bool | int | float | str | bytes):
            return content
        if depth == 0:
            raise RefusedError("its contents are nested too deeply")
        if id(content) not in self.done:
            self.done[id(content)] = self._resolve(content, depth - 1)
        return self.done[id(content)]

    def _resolve(self, content: Any, depth: int) -> Any:
        if isinstance(content, dict):
            return {key: self.resolve(value, depth) for key, value in content.items()}
        if isinstance(content, list | tuple):
            return type(content)(self.resolve(item, depth) for item in content)
        if isinstance(content, set):
            return content
        if isinstance(content, _Array):
            return self._array(content, depth)
        if isinstance(content, _Scalar):
            return np.frombuffer(_as_bytes(content.data), content.dtype.resolve())[0]
        if isinstance(content, _Sparse):
            return self._sparse(content, depth)
        if isinstance(content, torch_file.Tensor):
            self._take(math.prod(content.size))
            return content.resolve()
        if isinstance(content, _Chumpy):
            if not (isinstance(content.state, dict) and "x" in content.state):
                raise RefusedError("it holds a chumpy expression; only plain chumpy variables (Ch) can be read")
            return self.resolve(content.state["x"], depth)
        raise RefusedError(f"it holds a {type(content).__name__.strip('_')}, which no plain array file needs")

    def _take(self, numbers: int) -> None:
        self.room -= numbers
        if self.room < 0:
            raise RefusedError("its arrays are larger than the file")

    def _array(self, array: _Array, depth: int) -> Any:
        if isinstance(array.data, list):  # an array of objects
            if array.shape != () or len(array.data) != 1:
                raise RefusedError("it holds an array of objects; a single object is supported")
            return self.resolve(array.data[0], depth)
        data, dtype = _as_bytes(array.data), array.dtype.resolve()
        self._take(math.prod(array.shape))
        if len(data) != math.prod(array.shape) * dtype.itemsize:
            raise RefusedError(f"an array of shape {tuple(array.shape)} has {len(data)} bytes")
        return np.frombuffer(data, dtype).reshape(array.shape, order="F" if array.is_fortran else "C")

    def _sparse(self, matrix: _Sparse, depth: int) -> np.ndarray:
        state = self.resolve(matrix.state, depth)
        shape = state["_shape"] if "_shape" in state else state["shape"]
        self._take(math.prod(shape))
        made = matrix.make((state["data"], state["indices"], state["indptr"]), shape=shape)
        made.check_format(full_check=True)
        return made.toarray()


def _as_bytes(data: Any) -> bytes:
    """Bytes of Python 2 come as text, one character a byte."""
    return data.encode("latin1") if isinstance(data, str) else bytes(data)
