"""The processes of one run: joining, agreeing, and ending together when one of them fails.

One process alone needs none of this: every function then does what is right for one. A process that is gone is noticed
by the others at their next exchange of numbers, or when the service of `jax.distributed` has not heard of it for
`SILENCE` seconds: that ends them (SIGABRT, with a message that names the process), so that a scheduler can start all of
them again. A process that fails by itself must not wait for the others to finish, because they wait for it: see
`end_together`.
"""

import contextlib
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax._src import distributed
from jax.experimental import multihost_utils

from jaxanim.core.errors import UserError

START_AGAIN = 75  # exit code of a process that can only go on when all are started again ("try later" of sysexits.h)
_OWN_FAULTS = ("RESOURCE_EXHAUSTED", "INVALID_ARGUMENT", "UNIMPLEMENTED")  # of JAX, that restarting does not mend
SILENCE = 30  # seconds after which a process that is not heard of counts as dead; JAX's own default is 100


class HostLostError(RuntimeError):
    """Another process of the run has failed or is gone, so that this one cannot go on."""


def join(
    address: str | None = None, count: int | None = None, index: int | None = None, *, silence: int = SILENCE
) -> None:
    """Joins this process to the others; call it before anything of JAX that computes.

    Args:
      address: host and port of the first process. This and the next two come from the cluster (SLURM, TPU, Open MPI)
        where they are not given.
      count: how many processes there are.
      index: which this one is.
      silence: seconds after which a process that is not heard of counts as dead.
    """
    jax.distributed.initialize(address, count, index, heartbeat_timeout_seconds=silence)


@contextlib.contextmanager
def end_together(note: Path | None = None) -> Iterator[None]:
    """Ends this process at once when what it does in the `with` statement fails and there are other processes.

    Put it around all that a program does after `join`. The exit code is that of `sys.exit` where it was called, 2
    where a `UserError` says what is wrong, `START_AGAIN` where it is another process that is gone, else 1. With one
    process the error is passed on instead.

    Args:
      note: a file that gets the exit code of an error that starting again does not mend. A launcher that sees one code
        for all processes, such as SLURM's, reads there that it is not another process that was gone.
    """
    try:
        yield
    except BaseException as error:
        code = _exit_code(error)
        if jax.process_count() == 1 or code == 0:
            raise
        _report(error)
        if note is not None and 0 < code < START_AGAIN:
            with contextlib.suppress(OSError):  # a folder that cannot be written may be what failed
                note.write_text(f"{code}\n")
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # an ordinary exit would first wait for the others, which wait for this process


def _exit_code(error: BaseException) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, UserError):
        return 2
    return START_AGAIN if lost(error) else 1


def meet(what: str) -> None:
    """Waits until all processes are here; all of them call it."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(what)


def all_here(what: str, seconds: int = 10) -> bool:
    """Returns whether all processes call this with the same name within some seconds; those that do wait for it."""
    client = distributed.global_state.client
    if client is None:
        return True
    try:
        client.wait_at_barrier(f"jaxanim: {what}", seconds * 1000)
    except jax.errors.JaxRuntimeError:
        return False
    return True


def agreed(value: int) -> int:
    """Returns what the first process says; all of them call it."""
    return value if jax.process_count() == 1 else int(multihost_utils.broadcast_one_to_all(np.int32(value)))


def gathered(value: Any) -> list[Any]:
    """Returns what each process gives, anything that JSON can hold, in their order; all of them call it."""
    text = json.dumps(value)
    if jax.process_count() == 1:
        return [json.loads(text)]
    content = np.frombuffer(text.encode(), np.uint8)
    sizes = multihost_utils.process_allgather(np.int32(len(content)))
    padded = np.zeros(int(sizes.max()), np.uint8)
    padded[: len(content)] = content
    rows = multihost_utils.process_allgather(padded)
    return [json.loads(row[:size].tobytes()) for row, size in zip(rows, sizes, strict=True)]


def lost(error: BaseException) -> bool:
    """Returns whether an error, or what it comes from, is that of an exchange between processes."""
    link: BaseException | None = error
    while link is not None and jax.process_count() > 1:
        if isinstance(link, HostLostError):
            return True
        if isinstance(link, jax.errors.JaxRuntimeError):
            return "gloo" in str(link).lower() or not str(link).startswith(_OWN_FAULTS)
        link = link.__cause__ or link.__context__
    return False


def _report(error: BaseException) -> None:
    """Writes what failed, and what that means for the run."""
    who = f"process {jax.process_index()} of {jax.process_count()}"
    if not isinstance(error, (UserError, SystemExit)):
        traceback.print_exception(error)
    why = "most likely another process is gone (see its messages)" if lost(error) else "it ends the others too"
    what = f"exit code {error.code}" if isinstance(error, SystemExit) else str(error)
    print(f"{who} stops: {what}", file=sys.stderr)
    print(f"{who}: {why}; start all of them again to go on from the last checkpoint", file=sys.stderr)
