"""How a process is told of the others: by a cluster, not at all, and wrongly; by hand is in test_local_multi."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jaxanim.core.errors import InputError
from launch import hosts
from tests.launch import joining_program

ROOT = Path(__file__).parents[2]
CLUSTERS = ("SLURM_", "OMPI_", "KUBERNETES_", "TPU_", "JAX_")


def plain_environment(**more):
    """This process's environment without what could be taken for a cluster."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(CLUSTERS)}
    return {**kept, "JAX_PLATFORMS": "cpu", **more}


def start(*arguments, environment=None):
    return subprocess.Popen(
        [sys.executable, "-m", joining_program.__name__, *arguments],
        cwd=ROOT,
        env=environment or plain_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*processes):
    """Returns what each printed, once all have ended well."""
    try:
        outputs = [process.communicate(timeout=60) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * len(processes), outputs
    ours = ("process", "sum")  # the library of the CPU's collectives prints too
    return [[line for line in output.splitlines() if line.startswith(ours)] for output, _ in outputs]


def free_job():
    """Returns the number of a job of SLURM for which JAX takes a port that is free."""
    for port in range(61440, 65536):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("localhost", port))
            return port - 61440
    raise OSError("no port is free")


def test_a_single_process_initialises_nothing():
    assert finish(start("sum", "--cpu_devices=3")) == [["process 0 of 1, 3 cpu devices", "sum 6"]]


def test_processes_of_slurm_find_each_other():
    def environment(index):
        names = {"SLURM_JOB_ID": str(job), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
        return plain_environment(**names, SLURM_PROCID=str(index), SLURM_LOCALID=str(index))

    job = free_job()
    started = [start("sum", "--cluster", "--cpu_devices=1", environment=environment(i)) for i in range(2)]
    assert finish(*started) == [[f"process {i} of 2, 2 cpu devices", "sum 3"] for i in range(2)]


def test_no_cluster_is_said_plainly():
    process = start("sum", "--cluster", "--cpu_devices=1")
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "error: --cluster: no cluster was found" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cluster": True, "processes": 2}, "does not go with --processes=2"),
        ({"cluster": True, "process": 0}, "does not go with --process=0"),
        ({"processes": 2}, "--processes=2 needs --coordinator and --process too"),
        ({"coordinator": "here:1", "process": 0}, "--coordinator=here:1 --process=0 needs --processes too"),
        ({"coordinator": "here", "processes": 2, "process": 0}, "expected HOST:PORT"),
        ({"coordinator": "here:99999", "processes": 2, "process": 0}, "expected HOST:PORT"),
        ({"coordinator": "here:1", "processes": 2, "process": 2}, "from 0 to 1"),
        ({"coordinator": "here:1", "processes": 2, "process": -1}, "from 0 to 1"),
        ({"cpu_devices": 0}, "at least 1"),
    ],
    ids=str,
)
def test_flags_that_contradict_each_other_are_refused(monkeypatch, given, said):
    nothing = {"coordinator": None, "processes": None, "process": None, "cluster": False, "cpu_devices": None}
    for name, value in {**nothing, **given}.items():
        monkeypatch.setattr(hosts, f"_{name.upper()}", Flag(name, value))
    with pytest.raises(InputError, match=said):
        hosts.initialize()


class Flag:
    """What absl's definition of a flag returns, with a value."""

    def __init__(self, name, value):
        self.name, self.value = name, value
