"""Real processes that are killed at bad moments, or asked to stop: the run goes on as if nothing had happened."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.train import toy_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Programs that one process has compiled serve the others."""
    cache = str(tmp_path_factory.mktemp("compiled"))
    return {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": cache,
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # compiles faster
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }


def start(environment, workdir, **options):
    workdir.mkdir(exist_ok=True)
    command = [sys.executable, "-m", toy_run.__name__, json.dumps({"workdir": str(workdir), **options})]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def finish(*processes):
    try:
        return [process.wait(timeout=150) for process in processes]
    finally:
        for process in processes:
            process.kill()


def result(workdir, index=0):
    return json.loads((workdir / f"result_{index}.json").read_text())


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_bit_for_bit_as_one_that_was_not(environment, tmp_path):
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    assert finish(start(environment, straight, steps=14)) == [0]
    for how in ({"die_in_save": (4, "manifest")}, {"die_in_save": (8, "arrays")}, {"kill_at": 11}):
        assert finish(start(environment, killed, steps=14, **how)) == [-signal.SIGKILL]
        assert not (killed / "result_0.json").exists()
    assert finish(start(environment, killed, steps=14)) == [0]
    last = result(killed)
    assert last["first"] in (4, 8)  # the one of step 8 was being written when step 11 was taken
    assert last == {**result(straight), "first": last["first"]}
    names = [{path.name for path in (each / "checkpoints").iterdir()} for each in (straight, killed)]
    assert names == [{"00000012", "00000014"}] * 2  # nothing is left over

    def metrics(workdir):
        rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
        return [{k: v for k, v in row.items() if not k.startswith(("speed", "share"))} for row in rows]

    assert metrics(killed) == metrics(straight)
    assert [row["step"] for row in metrics(killed)] == [2, 4, 6, 8, 10, 12, 14]


@pytest.mark.slow
def test_two_processes_stop_at_one_step_and_one_process_goes_on(environment, tmp_path):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    several = {"port": port, "count": 2, "devices": 2, "fsdp": 2, "steps": 5000, "terminate_at": 3, "pause": 0.02}
    assert finish(*(start(environment, tmp_path, index=index, **several) for index in range(2))) == [0, 0]
    first, second = result(tmp_path, 0), result(tmp_path, 1)
    assert first == second
    assert first["devices"] == 4
    assert 3 < first["step"] < 5000
    assert finish(start(environment, tmp_path, steps=first["step"] + 2)) == [0]
    assert (result(tmp_path)["first"], result(tmp_path)["step"]) == (first["step"], first["step"] + 2)
