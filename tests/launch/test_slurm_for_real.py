"""The batch script on a SLURM of one node, with a training of nothing; see `single_node_slurm` for what that needs.

python -m pytest -m sweep tests/launch/test_slurm_for_real.py
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.launch import joining_program, single_node_slurm, toy_training
from tests.launch.stubs import ROOT

MISSING = [program for program in single_node_slurm.PROGRAMS if shutil.which(program) is None]
pytestmark = [
    pytest.mark.sweep,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="the daemons of SLURM run as root"),
]


@pytest.fixture(scope="module")
def slurm():
    # sockets have short names, and munge wants a folder that is root's alone
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, single_node_slurm.running(Path(folder)) as environment:
        yield environment


class Job:
    """A job of two processes and what it has printed."""

    def __init__(self, environment, workdir, steps, **settings):
        workdir.mkdir()
        self._environment, self.workdir = environment, workdir
        exported = {"PYTHON": sys.executable, "MODULE": toy_training.__name__, **settings}
        exports = ",".join(["ALL", *(f"{name}={value}" for name, value in exported.items())])
        options = ["--ntasks=2", "--parsable", f"--export={exports}", f"--output={workdir}/output"]
        flags = ["--config", "any", f"--workdir={workdir}", f"--steps={steps}"]
        self.number = self._call("sbatch", *options, "launch/slurm/train.sbatch", *flags).strip()

    def _call(self, *command):
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=30, check=True
        )
        return done.stdout

    def tell(self, *command):
        self._call(*command, self.number)

    def state(self):
        fields = self._call("scontrol", "show", "job", self.number).split()
        return dict(field.split("=", 1) for field in fields if "=" in field)

    def output(self):
        path = self.workdir / "output"
        return path.read_text() if path.exists() else ""

    def wait(self, condition):
        for _ in range(300):
            if condition():
                return
            time.sleep(0.1)
        raise TimeoutError(f"{self.state()}\n{self.output()}")

    def wait_for_state(self, *names):
        self.wait(lambda: self.state()["JobState"] in names)


def test_told_to_stop_it_saves_goes_back_into_the_queue_and_goes_on_to_the_end(slurm, tmp_path):
    job = Job(slurm, tmp_path / "run", steps=40)
    job.wait(lambda: job.output().count("begun at zero") == 2)
    job.tell("scancel", "--signal=TERM")  # as before a time limit: to the processes, not to the script
    job.wait_for_state("PENDING")
    assert job.state()["Restarts"] == "1"
    assert 0 < int((job.workdir / "step_0").read_text()) < 40
    assert not (job.workdir / "finished.json").exists()
    subprocess.run(["scontrol", "update", f"JobId={job.number}", "StartTime=now"], env=slurm, check=True)
    job.wait_for_state("COMPLETED")
    assert job.output().count("begun at a later step") == 2  # appended to what the first start printed
    assert [(job.workdir / f"step_{process}").read_text() for process in range(2)] == ["40", "40"]
    assert job.output().rstrip().endswith("train.sbatch: finished")


def test_an_error_ends_the_job(slurm, tmp_path):
    job = Job(slurm, tmp_path / "run", steps="many")
    job.wait_for_state("FAILED")
    state = job.state()
    code = state["ExitCode"].partition(":")[0]
    assert code in ("2", "143")  # the higher one: the other process may have been ended before it failed by itself
    assert state["Restarts"] == "0"
    assert f"exit code {code}: not put back into the queue" in job.output()


def test_a_cancelled_job_stays_cancelled(slurm, tmp_path):
    job = Job(slurm, tmp_path / "run", steps=10000)
    job.wait(lambda: job.output().count("begun at zero") == 2)
    job.tell("scancel")
    job.wait_for_state("CANCELLED")
    job.wait(lambda: "cancelled before the end" in job.output())
    assert job.state()["Restarts"] == "0"
    assert int((job.workdir / "step_0").read_text()) > 0


def test_jax_finds_the_processes_of_a_job(slurm, tmp_path):
    program = f"{sys.executable} -m {joining_program.__name__} sum --cluster --cpu_devices=2"
    command = ["sbatch", "--wait", "--ntasks=2", f"--output={tmp_path}/output", "--wrap", f"srun {program}"]
    subprocess.run(command, cwd=ROOT, env=slurm, timeout=150, check=True, capture_output=True)
    lines = (tmp_path / "output").read_text().splitlines()
    ours = sorted(line for line in lines if line.startswith(("process", "sum")))
    assert ours == ["process 0 of 2, 4 cpu devices", "process 1 of 2, 4 cpu devices", "sum 10", "sum 10"]
