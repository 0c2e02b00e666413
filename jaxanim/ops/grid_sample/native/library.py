"""The compiled library: where it is kept, whether it is intact, and its registration with XLA.

A file is named after what it was compiled from and for, and after its own content: one rename puts it in place, two
processes that build at once both succeed, and a damaged file is recognised before any of it runs.
"""

import ctypes
import functools
import hashlib
import os
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

import jax

from jaxanim.ops.grid_sample.native import compiler, self_check

COMMAND = "python -m jaxanim.ops.grid_sample.native"
_LOCK = threading.Lock()  # XLA refuses a name that it knows


class Targets(NamedTuple):
    """Names under which XLA knows the functions of a library."""

    read: str
    pullback: str


def folder() -> Path:
    """Returns the user's folder for compiled libraries."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "jaxanim" / "native"


def build() -> Path:
    """Compiles the library unless that was done before, loads and checks it, and returns its file.

    Raises:
      NotImplementedError: there is no compiler, it fails, the folder cannot be written, or the result computes wrongly.
    """
    path = _find() or _compile()
    with _LOCK:
        _register(path)
    return path


def load() -> Targets:
    """Loads the library that was built before and returns the names of its functions.

    Raises:
      NotImplementedError: it was not built for this machine and version, is damaged, or computes wrongly.
    """
    path = _find()
    if path is None:
        raise NotImplementedError(
            f"implementation 'native' is not built for this machine and version, or is damaged: run `{COMMAND}` "
            f"(looked for {compiler.fingerprint()}-*.so in {folder()})"
        )
    with _LOCK:
        return _register(path)


def _find() -> Path | None:
    return next(filter(_is_intact, sorted(folder().glob(f"{compiler.fingerprint()}-*.so"))), None)


def _is_intact(path: Path) -> bool:
    try:
        return path.name == _name(path.read_bytes())
    except OSError:
        return False


def _name(content: bytes) -> str:
    return f"{compiler.fingerprint()}-{hashlib.sha256(content).hexdigest()[:32]}.so"


def _compile() -> Path:
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in folder().glob(f"{compiler.fingerprint()}-*.so"):
            if not _is_intact(old):
                old.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=folder()) as scratch:
            made = Path(scratch) / "warp.so"
            compiler.compile_to(made)
            return made.replace(folder() / _name(made.read_bytes()))
    except OSError as error:
        raise NotImplementedError(f"implementation 'native' cannot be kept in {folder()}: {error}") from error


@functools.cache
def _register(path: Path) -> Targets:
    """Loads a library, checks its numbers and makes it known to XLA, once per file."""
    try:
        library = ctypes.CDLL(str(path))
        functions = library.jaxanim_warp_read, library.jaxanim_warp_pullback
    except (OSError, AttributeError) as error:
        raise NotImplementedError(f"implementation 'native' cannot be loaded: {error}") from error
    self_check.run(library)
    # The path is in the name: two files are two functions, even with the same content.
    tag = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    targets = Targets(f"jaxanim_warp_read_{tag}", f"jaxanim_warp_pullback_{tag}")
    for name, function in zip(targets, functions, strict=True):
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(function), platform="cpu")
    return targets
