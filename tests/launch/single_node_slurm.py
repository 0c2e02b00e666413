"""A SLURM of one node in a folder: needs root and the programs of slurm-wlm and munge, and takes two seconds."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "scancel")
_CONFIGURATION = """
ClusterName=single
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={first_port}
SlurmdPort={second_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
JobRequeue=1
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=single Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@contextlib.contextmanager
def running(folder: Path):
    """Starts it and yields the environment in which its commands work."""
    host = socket.gethostname().split(".")[0]
    ports = dict(zip(("first_port", "second_port"), _free_ports(2), strict=True))
    (folder / "slurm.conf").write_text(_CONFIGURATION.format(host=host, folder=folder, **ports))
    for name in ("state", "spool"):
        (folder / name).mkdir()
    folder.chmod(0o711)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    environment = {**kept, "SLURM_CONF": str(folder / "slurm.conf")}
    files = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munged.pid"}
    files |= {"log-file": "munged.log", "seed-file": "munged.seed"}
    with contextlib.ExitStack() as stack:
        commands = (
            ["munged", "--force", *(f"--{option}={folder / name}" for option, name in files.items())],
            ["slurmctld", "-i"],
            ["slurmd", "-N", host],
        )
        for command in commands:
            stack.callback(_end, folder / f"{command[0]}.pid")
            subprocess.run(command, env=environment, check=True, timeout=30, stderr=subprocess.DEVNULL)
        _wait_for_the_node(environment)
        yield environment


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _wait_for_the_node(environment):
    for _ in range(60):
        found = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], env=environment, capture_output=True, text=True, check=False
        )
        if found.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    raise TimeoutError(f"the node is {found.stdout.strip()}: {found.stderr}")


def _end(pid_file):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        number = int(pid_file.read_text())
        os.kill(number, signal.SIGTERM)
        for _ in range(100):  # until it writes nothing more
            os.kill(number, 0)
            time.sleep(0.1)
