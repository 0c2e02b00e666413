"""One run at a time in a working folder."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

import jax

from jaxanim.core.errors import InputError, OutputError

LOCK = ".lock"


@contextlib.contextmanager
def alone(workdir: Path) -> Iterator[None]:
    """Keeps a second run out of a folder: it would sweep away the checkpoint that this one is writing.

    The first process of a run holds a lock on an empty file that stays there; it ends with the process, however that
    ends. On file systems that have no locks nobody is kept out.

    Raises:
      InputError: another run is at work there.
      OutputError: the folder cannot be written to.
    """
    if jax.process_index():
        yield
        return
    path = workdir / LOCK
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "a"))
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"--workdir {workdir}: another run is at work there; wait for its end") from error
        except OSError:  # no locks on this file system
            pass
        yield
