"""Trains a system: on one processor, on all accelerators of a machine, or on a cluster (see launch/README.md).

    python -m launch.train --config configs/atw/small.py --workdir DIR [--config.steps=500]

A run that was interrupted, in whatever way, goes on when the same command is given again. In DIR: `checkpoints/`,
`metrics.jsonl`, `tensorboard/`, `sheets/`, in the end the networks as `trained.safetensors`, and `finished.json`.
"""

import ast
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import jax
from absl import app, flags
from ml_collections import config_flags

from jaxanim.core.errors import InputError
from jaxanim.train import hosts as train_hosts
from jaxanim.train.loop import NotFiniteError
from launch import hosts, training
from launch.program import said_in_one_line

FAILED = 3  # exit code of a run that ended by itself
STOPPED = "stopped as asked; the same command goes on"
_CONFIG = config_flags.DEFINE_config_file("config", None, "settings of the run", lock_config=True)
_WORKDIR = flags.DEFINE_string("workdir", None, "where the run keeps everything")


def main(arguments: Sequence[str]) -> None:
    """Reads the flags and trains."""
    with said_in_one_line():
        if len(arguments) > 1:
            raise InputError(f"unknown arguments: {' '.join(arguments[1:])}")
        if _CONFIG.value is None or _WORKDIR.value is None:
            raise InputError("--config FILE and --workdir DIR are needed")
        logging.getLogger("absl").setLevel(logging.CRITICAL)  # Orbax says at length what is also raised
        hosts.initialize()
    note = os.environ.get("FAILED_NOTE")  # set by launchers that see one exit code for all processes
    with train_hosts.end_together(Path(note) if note else None), said_in_one_line():
        if jax.process_count() == 1:
            signal.signal(signal.SIGTERM, _leave)  # until the run listens itself; drawn data are kept
        try:
            complete = training.run(_CONFIG.value, Path(_WORKDIR.value))
        except NotFiniteError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(FAILED)
        if jax.process_index() == 0:
            print("complete" if complete else STOPPED, flush=True)


def _leave(number: int, frame: FrameType | None) -> None:
    """Ends a process that is asked to stop while it does not train yet, or no longer."""
    print(STOPPED, flush=True)
    sys.exit(0)


def parse(arguments: Sequence[str]) -> list[str]:
    """Parses the flags; a setting that the configuration does not have is an error like any other."""
    with said_in_one_line():
        try:
            rest = list(flags.FLAGS(arguments))
            if _CONFIG.value is not None:
                _CONFIG.value.to_dict()  # a file that cannot be read is said when something is asked of it
        except (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
            raise InputError(f"cannot use the command line or the configuration: {_message(error)}") from error
        return rest


def _message(error: Exception) -> str:
    """Returns what an error says; ml_collections quotes a message once more."""
    text = str(error)
    try:
        return str(ast.literal_eval(text))
    except (SyntaxError, ValueError):
        return text


if __name__ == "__main__":
    app.run(main, flags_parser=parse)
