"""Several processes of one training on one machine: as on a cluster, for tests and for machines with several GPUs.

    python -m launch.local_multi --processes 2 --cpu_devices 2 -- -m launch.train --config C --workdir D

What stands after `--` is run by this Python, once per process, with the flags of `launch.hosts` added. Lines of output
begin with the number of the process. SIGTERM and SIGINT are passed on. When one process fails, the others are told to
end, and killed when they have not after the grace time; the exit code is that of the one that failed first.
"""

import argparse
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

START_AGAIN = 75  # that of jaxanim.train.hosts, which needs JAX
POLL_SECONDS = 0.05


@dataclasses.dataclass(frozen=True)
class Options:
    """How many processes, with which devices, and what each runs."""

    processes: int
    command: tuple[str, ...]
    cpu_devices: int | None = None  # virtual ones of each process
    gpus: int | None = None  # of each process
    grace: float = 30.0  # seconds


class Group:
    """The processes that run, and how they ended."""

    def __init__(self, options: Options):
        self.processes: list[subprocess.Popen[str]] = []
        self._options = options
        self._readers: list[threading.Thread] = []
        self._started = False
        self._early: list[int] = []

    def start(self) -> None:
        """Starts all processes."""
        port = _free_port()
        for number in range(self._options.processes):
            process = _start(self._options, number, port)
            self.processes.append(process)
            self._readers.append(threading.Thread(target=_copy_lines, args=(number, process), daemon=True))
            self._readers[-1].start()
        self._started = True
        for signal_number in self._early:
            self.signal(signal_number)

    def pass_on(self, number: int) -> None:
        """Sends a signal to every process that still runs; to all of them, if it comes while they are started."""
        if self._started:
            self.signal(number)
        else:
            self._early.append(number)

    def running(self) -> list[subprocess.Popen[str]]:
        """Returns the processes that have not ended."""
        return [process for process in self.processes if process.poll() is None]

    def signal(self, number: int) -> None:
        """Sends a signal to every process that still runs."""
        for process in self.running():
            process.send_signal(number)

    def wait(self) -> int:
        """Returns the first exit code that is not 0, or 0, once all have ended; ends the others when one fails.

        Of several that are found at once, those of processes that only noticed that another one is gone come last.
        """
        while self.running():
            failed = self._failed()
            if failed:
                code = _exit_code(self.processes[failed[0]].returncode)
                _say(f"process {failed[0]} ended with exit code {code}: ending the others")
                self.end()
                self._finish_output()
                return code
            time.sleep(POLL_SECONDS)
        self._finish_output()
        return next((_exit_code(self.processes[number].returncode) for number in self._failed()), 0)

    def _failed(self) -> list[int]:
        """Returns which processes have failed, those first that did so by themselves."""
        failed = [number for number, process in enumerate(self.processes) if process.poll()]
        return sorted(failed, key=lambda number: self.processes[number].returncode == START_AGAIN)

    def end(self) -> None:
        """Tells what still runs to end, and kills it when it has not after the grace time."""
        self.signal(signal.SIGTERM)
        patience = time.monotonic() + self._options.grace
        while self.running() and time.monotonic() < patience:
            time.sleep(POLL_SECONDS)
        self.signal(signal.SIGKILL)
        for process in self.processes:
            process.wait()

    def _finish_output(self) -> None:
        for reader in self._readers:
            reader.join(timeout=5)  # a child of a process may hold its output open


def _exit_code(code: int) -> int:
    """What a shell shows: 128 and the signal's number for a process that a signal ended."""
    return code if code >= 0 else 128 - code


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _start(options: Options, number: int, port: int) -> subprocess.Popen[str]:
    flags = [f"--coordinator=localhost:{port}", f"--processes={options.processes}", f"--process={number}"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if options.cpu_devices is not None:
        flags.append(f"--cpu_devices={options.cpu_devices}")
    if options.gpus is not None:
        mine = range(number * options.gpus, (number + 1) * options.gpus)
        environment["JAX_LOCAL_DEVICE_IDS"] = ",".join(map(str, mine))
    return subprocess.Popen(
        [sys.executable, *options.command, *flags],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C reaches it once, through us
    )


def _copy_lines(number: int, process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        _say(line.rstrip("\n"), str(number))


def _say(line: str, who: str = "local_multi") -> None:
    sys.stdout.write(f"[{who}] {line}\n")
    sys.stdout.flush()


@contextmanager
def _signals_passed_on(group: Group) -> Iterator[None]:
    def pass_on(number: int, frame: FrameType | None) -> None:
        group.pass_on(number)

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, pass_on) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def run(options: Options) -> int:
    """Starts the processes and returns the exit code of all: 0, or the first other one."""
    group = Group(options)
    try:
        with _signals_passed_on(group):
            group.start()
            return group.wait()
    finally:
        group.signal(signal.SIGKILL)  # nothing outlives an error of ours


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _parse(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m launch.local_multi", description=__doc__.split("\n")[0], allow_abbrev=False
    )
    parser.add_argument("--processes", type=_count, required=True)
    devices = parser.add_mutually_exclusive_group()
    devices.add_argument("--cpu_devices", type=_count, help="virtual CPU devices of each process")
    devices.add_argument("--gpus", type=_count, help="GPUs of each process: the first takes the first ones")
    parser.add_argument("--grace", type=float, default=30.0, help="seconds to end in when another process has failed")
    parser.add_argument("command", nargs="+", metavar="-- COMMAND", help="what Python is to run, as in -m launch.train")
    given = parser.parse_args(arguments)
    return Options(given.processes, tuple(given.command), given.cpu_devices, given.gpus, given.grace)


if __name__ == "__main__":
    sys.exit(run(_parse(sys.argv[1:])))
