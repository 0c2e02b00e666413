"""Runs a training that may be preempted, and tells by its exit code how it ended; for systems that see nothing else.

    python -m launch.preemptible -- -m launch.train --config C --workdir D

0   the training is finished: D/finished.json is there
75  it saved and stopped before its end, as it does at SIGTERM: run the same command again and it goes on
    any other code is that of the training, 128 and the number of the signal that ended it

What stands after `--` is run by this Python. SIGTERM and SIGINT are passed on.
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

STOPPED_EARLY = 75  # "try again later" among the exit codes of sysexits.h
POLL_SECONDS = 0.2


def run(command: Sequence[str], finished: Path, patience: float) -> int:
    """Runs Python with a command and returns the exit code as described above.

    Args:
      command: arguments of Python.
      finished: the file that says that the training has reached its last step.
      patience: seconds to wait for that file, which another host may have written to a shared disk.
    """
    process = subprocess.Popen([sys.executable, *command])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda told, frame: process.send_signal(told))
    code = process.wait()
    if code != 0:
        return code if code > 0 else 128 - code
    until = time.monotonic() + patience
    while not finished.exists():
        if time.monotonic() >= until:
            sys.stderr.write(f"stopped before the end (no {finished}): run it again to go on\n")
            return STOPPED_EARLY
        time.sleep(POLL_SECONDS)
    return 0


def _workdir(command: Sequence[str]) -> Path | None:
    """The last --workdir of a command, in either of its two forms."""
    found = None
    for name, following in zip(command, [*command[1:], ""], strict=True):
        if name in ("--workdir", "-workdir"):
            found = Path(following)
        elif name.startswith(("--workdir=", "-workdir=")):
            found = Path(name.partition("=")[2])
    return found


def main(arguments: Sequence[str]) -> int:
    """Reads the options and runs the training."""
    parser = argparse.ArgumentParser(
        prog="python -m launch.preemptible", description=__doc__.split("\n")[0], allow_abbrev=False
    )
    parser.add_argument("--patience", type=float, default=5.0, help="seconds to wait for finished.json to be seen")
    parser.add_argument("command", nargs="+", metavar="-- COMMAND", help="what Python is to run: -m launch.train ...")
    given = parser.parse_args(arguments)
    workdir = _workdir(given.command)
    if workdir is None:
        parser.error("the command has no --workdir, so there is no telling whether it finished")
    return run(given.command, workdir / "finished.json", given.patience)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
