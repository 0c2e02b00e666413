"""A whole run of the toy GAN in a process of its own, which may be told to die; notes the hash of what it trained.

python -m tests.train.toy_run '{"workdir": ..., "steps": ..., ...}'
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import jax

from jaxanim.data import host_rows, place
from jaxanim.train import manifest, mesh
from jaxanim.train.checkpoint import Checkpoints
from jaxanim.train.loop import Run, Schedule, train
from jaxanim.train.metrics import open_writers
from jaxanim.train.step import make_train_step
from jaxanim.train.stopper import Stopper
from tests.train import toy_gan

DECAY = {"generator": 0.9}


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def batches(first, rows, options):
    """Batches of this process, and what happens to it at the step that is told."""
    step = first
    while True:
        if step == options.get("kill_at"):
            die()
        if step == options.get("terminate_at") and jax.process_index() == jax.process_count() - 1:
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(options.get("pause", 0.0))
        yield {name: array[rows] for name, array in toy_gan.batch(step).items()}
        step += 1


class Dying(Checkpoints):
    """Dies in the middle of writing the checkpoint of a step."""

    step, stage = -1, ""

    def save(self, state, **options):
        if int(state.step) == self.step and self.stage == "manifest":  # arrays are there, nothing says so
            manifest.write = lambda folder: die()
        super().save(state, **options)
        if int(state.step) == self.step and self.stage == "arrays":  # they are being written
            die()


def run(workdir, options):
    """Restores or starts, trains, and returns the state."""
    grid = mesh.make_mesh(fsdp=options.get("fsdp", 1))
    target, shardings = mesh.abstract(toy_gan.state, grid)
    sharding = mesh.batch_sharding(grid, 16)
    Dying.step, Dying.stage = options.get("die_in_save", (-1, ""))
    with Dying(workdir / "checkpoints", keep_last=2) as checkpoints:
        restored = checkpoints.restore(target)
        state = mesh.born_sharded(toy_gan.state, grid)[0] if restored is None else restored.state
        first = int(state.step)
        assert restored is None or restored.position == {"step": first}
        step = make_train_step(toy_gan.PHASES, toy_gan.optimizers(), average_decay=DECAY, shardings=shardings)
        with open_writers(workdir, first) as writers, Stopper() as stopper:
            settings = Run(
                workdir=workdir,
                config={"seed": 0},
                step=step,
                batches=batches(first, host_rows(sharding, 16), options),
                place=lambda batch: place(batch, sharding, 16),
                checkpoints=checkpoints,
                writers=writers,
                stopper=stopper,
                weights=lambda number: toy_gan.WEIGHTS,
            )
            return first, train(state, settings, Schedule(options["steps"], log_every=2, save_every=4))


def digest(state):
    hashed = hashlib.sha256()
    for leaf in jax.tree.leaves(toy_gan.plain(state)):
        hashed.update(leaf.tobytes())
    return hashed.hexdigest()


def main(options):
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", options.get("devices", 1))
    index = 0
    if "port" in options:
        index = options["index"]
        jax.distributed.initialize(f"localhost:{options['port']}", options["count"], index)
    workdir = Path(options["workdir"])
    first, state = run(workdir, options)
    found = {"first": first, "step": int(state.step), "devices": jax.device_count()}
    if jax.process_count() == 1:
        found["digest"] = digest(state)
    (workdir / f"result_{index}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
