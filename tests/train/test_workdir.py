"""A working folder belongs to one process at a time, until that ends in whatever way."""

import subprocess
import sys

import pytest

from jaxanim.core.errors import InputError, OutputError
from jaxanim.train.workdir import LOCK, alone

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_one_run_at_a_time(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / LOCK)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another run is at work there"), alone(tmp_path):
            pytest.fail("two runs")
    finally:
        other.kill()
        other.communicate()
    for _ in range(2):  # it was killed; and the lock is given back
        with alone(tmp_path):
            assert (tmp_path / LOCK).read_bytes() == b""


def test_the_lock_ends_with_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="trained badly"), alone(tmp_path):
        raise RuntimeError("trained badly")
    with alone(tmp_path):
        pass


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"), alone(tmp_path / "nowhere"):
        pytest.fail("went on")
