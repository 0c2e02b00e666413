"""The machine's C++ compiler: finding it, calling it, and naming what its product depends on."""

import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
from pathlib import Path

import jax
import jaxlib

_SOURCES = Path(__file__).parent
_NAMES = ("c++", "g++", "clang++")
# Without -fno-trapping-math and -fno-math-errno, GCC leaves loops with comparisons and floor unvectorised.
_FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-fno-trapping-math", "-fno-math-errno", "-Wno-psabi", "-w")
_TIMEOUT = 600.0  # seconds
_SHOWN = 2000  # characters of the compiler's complaints


def find() -> list[str]:
    """Returns the command of $CXX, or of the first of c++, g++ and clang++ there is.

    Raises:
      NotImplementedError: there is none.
    """
    asked = shlex.split(os.environ.get("CXX", ""))
    if asked:
        if shutil.which(asked[0]) is None:
            raise NotImplementedError(f"implementation 'native' needs a C++ compiler, and $CXX ({asked[0]}) is missing")
        return asked
    found = next((name for name in _NAMES if shutil.which(name)), None)
    if found is None:
        raise NotImplementedError(
            f"implementation 'native' needs a C++ compiler: set $CXX or install one of {', '.join(_NAMES)}"
        )
    return [found]


def compile_to(target: Path) -> None:
    """Compiles the library for the processor it is compiled on.

    Raises:
      NotImplementedError: there is no compiler, or it fails; the message ends with what it said.
    """
    command = [*find(), *_FLAGS, _tuning(), "-I", jax.ffi.include_dir(), str(_SOURCES / "warp.cpp"), "-o", str(target)]
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotImplementedError(f"implementation 'native' cannot be compiled: {error}") from error
    if done.returncode != 0 or not target.exists():
        said = (done.stderr.strip() or done.stdout.strip() or "nothing")[-_SHOWN:]
        raise NotImplementedError(
            f"implementation 'native' cannot be compiled: {shlex.join(command)} ended with {done.returncode} and said "
            f"{said}"
        )


@functools.cache
def fingerprint() -> str:
    """Returns a name for everything a compiled library depends on: source, jaxlib, flags, and the processor."""
    found = hashlib.sha256()
    for path in sorted((*_SOURCES.glob("*.cpp"), *_SOURCES.glob("*.h"))):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    found.update("\0".join([jaxlib.__version__, *_FLAGS, _tuning(), *_processor()]).encode())
    return found.hexdigest()[:32]


def _tuning() -> str:
    return "-march=native" if platform.machine().lower() in ("x86_64", "amd64", "i686") else "-mcpu=native"


def _processor() -> list[str]:
    """Returns what decides which instructions -march=native uses."""
    parts = [platform.system(), platform.machine(), platform.processor()]
    described = Path("/proc/cpuinfo")
    if not described.exists():
        return [*parts, platform.node()]
    wanted = ("flags", "Features", "model name", "CPU implementer", "CPU part")
    lines = described.read_text(errors="replace").splitlines()
    return [*parts, *sorted({line for line in lines if line.split("\t")[0].split(":")[0].strip() in wanted})]
