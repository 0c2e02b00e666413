"""Starts runs of the toy GAN in processes of their own, and reads what they leave behind."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.reliability import toy_run

ROOT = Path(__file__).parents[2]
LIMIT = 150  # seconds after which a process counts as hanging


@dataclasses.dataclass
class Process:
    """One that was started, and where its messages go."""

    process: subprocess.Popen
    copier: subprocess.Popen
    messages: Path

    def wait(self, limit=LIMIT):
        """Returns the exit code; one that takes longer is killed."""
        try:
            return self.process.wait(timeout=limit)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.copier.wait()

    def text(self):
        return self.messages.read_text()


def environment(cache):
    """Programs that one process has compiled serve the others."""
    return {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # compiles faster
    }


def command(workdir, **options):
    return [sys.executable, "-m", toy_run.__name__, json.dumps({"workdir": str(workdir), **options})]


def start(cache, workdir, index=0, **options):
    """Starts one process; it is alone unless it is given port and count."""
    workdir.mkdir(parents=True, exist_ok=True)
    messages = workdir / f"messages_{index}.txt"
    made = subprocess.Popen(
        command(workdir, index=index, **options),
        cwd=ROOT,
        env=environment(cache),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with open(messages, "wb") as out:  # by another process, whose files may be of any size
        copier = subprocess.Popen(["cat"], stdin=made.stdout, stdout=out)
    return Process(made, copier, messages)


def start_several(cache, workdir, count, **options):
    """Starts processes that train together, on four devices in all."""
    if count == 1:
        return [start(cache, workdir, devices=4, **options)]
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    several = {"port": port, "count": count, "devices": 4 // count, **options}
    return [start(cache, workdir, index, **several) for index in range(count)]


def wait(processes, limit=LIMIT):
    """Returns the exit codes."""
    end = time.monotonic() + limit
    return [each.wait(max(end - time.monotonic(), 1)) for each in processes]


def result(workdir, index=0):
    return json.loads((workdir / f"result_{index}.json").read_text())


def saved(workdir):
    """Names in the folder of checkpoints."""
    folder = workdir / "checkpoints"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def metrics(workdir):
    """The lines, without what the clock measured."""
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if not k.startswith(("speed", "share"))} for row in rows]


def order(workdir):
    """Returns which records each step saw, over all processes; a step that was done again has seen the same."""
    found = {}
    for path in workdir.glob("order_*.jsonl"):
        for line in path.read_text().splitlines():
            if line.endswith("}"):  # else its process was killed while it wrote
                row = json.loads(line)
                key = (path.name, row["step"], len(row["records"]))
                assert found.setdefault(key, row["records"]) == row["records"], f"step {row['step']} differs"
    steps = {}
    for (_, step, count), records in sorted(found.items()):
        steps.setdefault(step, {}).setdefault(count, []).extend(records)
    return {step: _agreeing(by_count) for step, by_count in steps.items()}


def _agreeing(by_count):
    """Joins what processes read of a step; how many they were may have changed before it was done again."""
    rows = list(by_count.values())
    assert all(row == rows[0] for row in rows)
    return rows[0]


def check_same(first, second):
    """Raises unless two runs ended bit for bit alike: state, order of the data, damaged records, metrics."""
    ends = [{k: v for k, v in result(each).items() if k != "first"} for each in (first, second)]
    assert ends[0] == ends[1]
    assert "digest" in ends[0]
    assert order(first) == order(second)
    assert metrics(first) == metrics(second)


def distance(first, second):
    """Returns how far the numbers of two states are apart at most."""
    states = [list(np.load(each / "state.npz").values()) for each in (first, second)]
    return max(float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max()) for a, b in zip(*states, strict=True))
