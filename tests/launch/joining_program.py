"""A program as small as can be that joins the others by `launch.hosts` and does one thing with them.

python -m tests.launch.joining_program sum|die|wait [flags of launch.hosts]
"""

import os
import sys
import time

import jax
import numpy as np
from absl import app
from jax.sharding import PartitionSpec

from jaxanim.core.errors import UserError
from jaxanim.train.stopper import Stopper
from launch import hosts


def summed():
    """Adds up a number of every device of every process: 1 for the first, 2 for the second..."""
    mesh = jax.make_mesh((jax.device_count(),), ("data",))
    sharding = jax.sharding.NamedSharding(mesh, PartitionSpec("data"))
    first = jax.process_index() * jax.local_device_count()
    mine = np.arange(first + 1, first + 1 + jax.local_device_count())
    numbers = jax.make_array_from_process_local_data(sharding, mine)
    add = jax.shard_map(
        lambda x: jax.lax.psum(x, "data"), mesh=mesh, in_specs=PartitionSpec("data"), out_specs=PartitionSpec()
    )
    return int(add(numbers)[0])


def wait(steps):
    """Asks at every step whether to stop, as a training does, and returns the step at which that was agreed."""
    with Stopper() as stopper:
        for step in range(steps):
            if stopper.reached(step):
                return step
            time.sleep(0.02)
    return steps


def main(arguments):
    try:
        hosts.initialize()
    except UserError as error:
        sys.exit(f"error: {error}")
    me, count = jax.process_index(), jax.process_count()
    print(f"process {me} of {count}, {jax.device_count()} {jax.default_backend()} devices", flush=True)
    if arguments[1] == "sum":
        print(f"sum {summed()}", flush=True)
    elif arguments[1] == "die":
        if me == count - 1:
            os._exit(7)
        time.sleep(60)
    elif arguments[1] == "wait":
        print(f"stopped at {wait(3000)}", flush=True)


if __name__ == "__main__":
    app.run(main)
