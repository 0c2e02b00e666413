"""How a run ended, by its exit code: finished, stopped early, failed, killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def start(workdir, program, *options, form="--workdir={}"):
    command = ["-c", "import os, pathlib, signal, sys, time; " + program, *form.format(workdir).split()]
    return subprocess.Popen(
        [sys.executable, "-m", "launch.preemptible", *options, "--", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments, **options):
    process = start(*arguments, **options)
    _, error = process.communicate(timeout=60)
    return process.returncode, error


@pytest.mark.parametrize("form", ["--workdir={}", "--workdir {}", "--workdir /other --workdir {}"])
def test_a_run_that_wrote_its_last_step_is_finished(tmp_path, form):
    program = f"pathlib.Path({str(tmp_path)!r}, 'finished.json').touch()"
    assert run(tmp_path, program, "--patience", "0", form=form) == (0, "")


def test_a_run_that_did_not_stopped_early(tmp_path):
    code, error = run(tmp_path, "pass", "--patience", "0")
    assert code == 75
    assert f"no {tmp_path / 'finished.json'}" in error


def test_the_file_may_be_seen_a_little_later(tmp_path):
    process = start(tmp_path, "print('ended')", "--patience", "30")
    assert process.stdout.readline() == "ended\n"
    time.sleep(0.5)
    (tmp_path / "finished.json").touch()
    assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(("program", "code"), [("sys.exit(1)", 1), ("os.kill(os.getpid(), 9)", 137)])
def test_errors_keep_their_code(tmp_path, program, code):
    (tmp_path / "finished.json").touch()
    assert run(tmp_path, program)[0] == code


def test_sigterm_is_passed_on(tmp_path):
    program = (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('saved'))); print('ready', flush=True); time.sleep(60)"
    )
    process = start(tmp_path, program, "--patience", "0")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert (process.returncode, output) == (75, "saved\n")


def test_without_a_workdir_nothing_is_started(tmp_path):
    code, error = run(tmp_path, "print('no')", form="--config={}")
    assert code == 2
    assert "no --workdir" in error
