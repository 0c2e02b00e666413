"""Processes on one machine: they work together, end together, and say how they ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launch import local_multi
from tests.launch import joining_program

ROOT = Path(__file__).parents[2]
FLAGS = "coordinator, processes, process = [each.split('=')[1] for each in sys.argv[1:4]]; "
IGNORE_TERM = "signal.signal(signal.SIGTERM, signal.SIG_IGN); "
IMPORTS = "import os, signal, sys, time; "


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "launch.local_multi", *arguments],
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """Returns the exit code and the lines that were printed, sorted by process."""
    try:
        output, error = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, sorted(output.splitlines()), error


def run(program, *arguments):
    return finish(start(*arguments, "--", "-c", IMPORTS + FLAGS + program))


def test_processes_add_up_their_numbers():
    command = ["--", "-m", joining_program.__name__, "sum"]
    code, lines, _ = finish(start("--processes", "2", "--cpu_devices", "2", *command))
    assert code == 0
    for number in range(2):
        assert f"[{number}] process {number} of 2, 4 cpu devices" in lines
        assert f"[{number}] sum 10" in lines


def test_lines_name_their_process_and_all_share_one_port():
    code, lines, _ = run("print(processes, process, coordinator); print('error', file=sys.stderr)", "--processes", "3")
    assert code == 0
    assert lines[::2] == [f"[{number}] 3 {number} {lines[0].split()[-1]}" for number in range(3)]
    assert lines[1::2] == [f"[{number}] error" for number in range(3)]
    assert lines[0].split()[-1].startswith("localhost:")


def test_processes_get_their_gpus():
    code, lines, _ = run("print(os.environ['JAX_LOCAL_DEVICE_IDS'])", "--processes", "2", "--gpus", "2")
    assert (code, lines) == (0, ["[0] 0,1", "[1] 2,3"])


def test_when_one_fails_the_others_are_told_to_end_and_its_code_is_passed_on():
    begun = time.monotonic()
    code, lines, _ = run("sys.exit(7) if process == '1' else time.sleep(60)", "--processes", "3")
    assert code == 7
    assert lines == ["[local_multi] process 1 ended with exit code 7: ending the others"]
    assert time.monotonic() - begun < 20


def test_who_does_not_listen_is_killed_after_the_grace_time():
    program = IGNORE_TERM + "time.sleep(2); sys.exit(3) if process == '0' else time.sleep(60)"
    begun = time.monotonic()
    code, _, _ = run(program, "--processes", "2", "--grace", "0.5")
    assert code == 3
    assert 2.5 <= time.monotonic() - begun < 20


def test_a_process_that_is_killed_counts_as_failed():
    program = "os.kill(os.getpid(), signal.SIGKILL) if process == '0' else time.sleep(60)"
    assert run(program, "--processes", "2")[0] == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_signals_reach_every_process(number):
    program = "signal.signal(SIGNAL, lambda *_: sys.exit(print('told'))); print('ready'); time.sleep(60)"
    program = IMPORTS + program.replace("SIGNAL", str(int(number)))
    process = start("--processes", "2", "--", "-c", program)
    assert sorted(process.stdout.readline() for _ in range(2)) == ["[0] ready\n", "[1] ready\n"]
    process.send_signal(number)
    code, lines, _ = finish(process)
    assert (code, lines) == (0, ["[0] told", "[1] told"])


def test_signals_that_come_early_reach_every_process(monkeypatch):
    """One that comes while the first of two has been started only."""
    started = []

    def start_and_tell(*arguments):
        started.append(starting(*arguments))
        if len(started) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return started[-1]

    starting = local_multi._start
    monkeypatch.setattr(local_multi, "_start", start_and_tell)
    options = local_multi.Options(2, ("-c", "import time; time.sleep(60)"))
    assert local_multi.run(options) == 128 + signal.SIGTERM
    assert [process.poll() for process in started] == [-signal.SIGTERM] * 2


def test_jax_agrees_on_one_step_to_stop_at():
    command = ["--", "-m", joining_program.__name__, "wait"]
    process = start("--processes", "2", "--cpu_devices", "1", *command)
    seen = ""
    while seen.count("cpu devices") < 2:
        line = process.stdout.readline()
        assert line, "ended before both had started"
        seen += line
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    code, lines, _ = finish(process)
    assert code == 0
    steps = [line.split("] ")[1] for line in lines if "stopped at" in line]
    assert len(steps) == 2
    assert steps[0] == steps[1] != "stopped at 3000"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--processes", "0", "--", "-c", ""], "'0' is not a number from 1 on"),
        (["--", "-c", ""], "the following arguments are required: --processes"),
        (["--processes", "2"], "the following arguments are required"),
        (["--processes", "2", "--gpus", "1", "--cpu_devices", "1", "--", "-c", ""], "not allowed with argument"),
        (["--processes", "2", "--hosts", "1", "--", "-c", ""], "unrecognized arguments"),
    ],
    ids=str,
)
def test_bad_options_are_refused(arguments, said):
    code, lines, error = finish(start(*arguments))
    assert code == 2
    assert not lines
    assert said in error.splitlines()[-1]
