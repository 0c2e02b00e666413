"""Writes PyTorch zip checkpoints without PyTorch: a real `archive/data.pkl` with one `archive/data/N` per tensor.

A pickle holds callables by name only, so stand-ins with PyTorch's names are enough while it is made.
"""

import contextlib
import io
import pickle
import sys
import types
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

STORAGE_NAMES = {
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",  # of ml_dtypes
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


def write(path: Path, content: Any) -> None:
    """Writes a checkpoint: a dict of names and arrays, or anything nested of dicts, lists, scalars and arrays."""
    index, blocks = pickle_content(content)
    write_archive(path, index, blocks)


def pickle_content(content: Any) -> tuple[bytes, list[bytes]]:
    """Returns the pickle of `data.pkl` and the numbers of each tensor, as `torch.save` would lay them out."""
    file = io.BytesIO()
    with _stand_in_modules() as torch:
        pickler = _Pickler(file, torch)
        pickler.dump(content)
    return file.getvalue(), pickler.blocks


def write_archive(
    path: Path, index: bytes, blocks: list[bytes], *, root: str = "archive", more: Mapping[str, bytes] | None = None
) -> None:
    """Writes the zip archive around a pickle; `more` adds or replaces members, by their name below `root`."""
    members = {"data.pkl": index, "byteorder": b"little", "version": b"3\n"}
    members |= {f"data/{key}": block for key, block in enumerate(blocks)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in (members | dict(more or {})).items():
            archive.writestr(zipfile.ZipInfo(f"{root}/{name}"), data)


class _Storage:
    """Stands for the storage of a tensor while it is pickled; becomes a persistent id."""

    def __init__(self, name: str, key: int, size: int):
        self.name, self.key, self.size = name, key, size


class _Pickler(pickle.Pickler):
    """Pickles arrays as PyTorch pickles tensors, and collects their numbers."""

    def __init__(self, file: io.BytesIO, torch: types.ModuleType):
        super().__init__(file, protocol=2)
        self.torch = torch
        self.blocks: list[bytes] = []

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, _Storage):
            return None
        return ("storage", getattr(self.torch, obj.name), str(obj.key), "cpu", obj.size)

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, np.ndarray):
            return NotImplemented
        storage = _Storage(STORAGE_NAMES[obj.dtype.name], len(self.blocks), obj.size)
        self.blocks.append(np.ascontiguousarray(obj).tobytes())
        stride = tuple(int(np.prod(obj.shape[axis + 1 :])) for axis in range(obj.ndim))
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (storage, 0, obj.shape, stride, False, {})


@contextlib.contextmanager
def _stand_in_modules() -> Iterator[types.ModuleType]:
    """Puts modules with PyTorch's names in place of whatever is there, and takes them out again."""

    def _rebuild_tensor_v2(*_: Any) -> None:
        raise AssertionError("only its name is pickled")

    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in STORAGE_NAMES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch", "__qualname__": name}))
    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules |= {"torch": torch, "torch._utils": utils}
    try:
        yield torch
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
