"""Processes that work for a build end with it, even where it is killed."""

import os
import signal
import subprocess
import sys
import time

PROGRAM = """
import os, time
from data_pipelines import workers
if __name__ == "__main__":
    print(workers.pool(1).submit(os.getpid).result(), flush=True)
    time.sleep(600)
"""


def is_running(process):
    """Whether there is such a process; one that has ended and that nobody asked for is not running."""
    try:
        with open(f"/proc/{process}/stat") as status:
            return status.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_no_process_outlives_a_build_that_is_killed(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    program = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        stdout=subprocess.PIPE,
        text=True,
    )
    worker = int(program.stdout.readline())
    assert is_running(worker)
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    until = time.monotonic() + 20
    while is_running(worker):
        assert time.monotonic() < until, "the worker is still there"
        time.sleep(0.05)
