"""How the processes of one training find each other: flags, and the start-up that comes before anything else of JAX.

By hand      --coordinator=HOST:PORT --processes=N --process=I
By cluster   --cluster (SLURM, Open MPI, Cloud TPU, Kubernetes with `pip install "jax[k8s]"`: JAX finds out by itself)
Neither      one process, and nothing is initialised
"""

import jax
from absl import flags

from jaxanim.core.errors import InputError
from jaxanim.train import hosts

_COORDINATOR = flags.DEFINE_string("coordinator", None, "HOST:PORT on which process 0 lets the others find each other")
_PROCESSES = flags.DEFINE_integer("processes", None, "number of processes of the whole training")
_PROCESS = flags.DEFINE_integer("process", None, "number of this process, from 0")
_CLUSTER = flags.DEFINE_boolean("cluster", False, "ask the cluster for the other processes")
_CPU_DEVICES = flags.DEFINE_integer("cpu_devices", None, "train on this many virtual CPU devices in each process")


def initialize() -> None:
    """Joins the other processes as the flags say; call it before anything asks JAX for its devices.

    Raises:
      InputError: the flags contradict each other, or `--cluster` was given where there is none.
    """
    _check()
    if _CPU_DEVICES.value is not None:
        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_num_cpu_devices", _CPU_DEVICES.value)
    if _CLUSTER.value:
        _join_cluster()
    elif _COORDINATOR.value is not None:
        hosts.join(_COORDINATOR.value, _PROCESSES.value, _PROCESS.value)


def _check() -> None:
    coordinator, processes, process = _COORDINATOR.value, _PROCESSES.value, _PROCESS.value
    by_hand = {"coordinator": coordinator, "processes": processes, "process": process}
    given = [f"--{name}={value}" for name, value in by_hand.items() if value is not None]
    missing = [f"--{name}" for name, value in by_hand.items() if value is None]
    if _CLUSTER.value and given:
        raise InputError(f"--cluster finds the processes by itself: it does not go with {' '.join(given)}")
    if given and missing:
        raise InputError(f"{' '.join(given)} needs {' and '.join(missing)} too")
    if _CPU_DEVICES.value is not None and _CPU_DEVICES.value < 1:
        raise InputError(f"--cpu_devices={_CPU_DEVICES.value}: at least 1")
    if coordinator is not None and processes is not None and process is not None:
        _check_by_hand(coordinator, processes, process)


def _check_by_hand(coordinator: str, processes: int, process: int) -> None:
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise InputError(f"--coordinator={coordinator}: expected HOST:PORT, as in localhost:12345")
    if not 0 <= process < processes:
        raise InputError(f"--process={process}: of {processes} processes, the numbers go from 0 to {processes - 1}")


def _join_cluster() -> None:
    try:
        hosts.join()
    except ValueError as error:  # nothing that JAX knows was found, or not all of it
        raise InputError(
            f"--cluster: no cluster was found ({error}); it has to be started by srun, mpirun, on a Cloud TPU, or on "
            'Kubernetes with `pip install "jax[k8s]"`; give --coordinator, --processes and --process instead'
        ) from error
