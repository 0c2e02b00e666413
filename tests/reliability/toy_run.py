"""A whole run of the toy GAN in a process of its own, on batches of a real loader, which may meet with an accident.

python -m tests.reliability.toy_run '{"workdir": ..., "steps": ..., ...}'

It writes `order_0.jsonl` (a line for each batch: its step and the records in it) and at its end `result_0.json`, and
`state.npz` where it is alone; the number is that of the process. Options besides those of `main`: see `Accidents`.
"""

import hashlib
import itertools
import json
import logging
import os
import resource
import signal
import sys
import threading
import time
import types
from pathlib import Path

import jax
import numpy as np
from jax.sharding import PartitionSpec

from jaxanim.core.errors import UserError
from jaxanim.data import CorruptRecordError, Loader, host_rows, place
from jaxanim.train import checkpoint, hosts, manifest, mesh
from jaxanim.train.checkpoint import Checkpoints
from jaxanim.train.loop import Run, Schedule, train
from jaxanim.train.metrics import open_writers
from jaxanim.train.step import make_train_step
from jaxanim.train.stopper import Stopper
from tests.train import toy_gan

DECAY = {"generator": 0.9}
BATCH, RECORDS = 16, 100  # an epoch is 6.25 steps
RULES = ((r"/in/kernel$", PartitionSpec(None, "fsdp")), *mesh.RULES)  # so that something is split


class Source:
    """A hundred rows by number, some of them damaged; each holds its number besides."""

    def __init__(self, damaged=()):
        self._damaged = frozenset(damaged)

    def __len__(self):
        return RECORDS

    def __getitem__(self, record):
        if record in self._damaged:
            raise CorruptRecordError(f"record {record} holds nothing")
        noise = np.random.default_rng(record).normal(size=toy_gan.SIZE)
        return {"row": toy_gan.CENTRE + noise.astype(np.float32), "record": np.int32(record)}


class Accidents:
    """What happens to a run, and when.

    Options:
      kill_at: the step at which it dies.
      terminate_at: the step at which the last of its processes is told to stop.
      pause: seconds that every batch takes.
      end_at: the step before which the data end.
      unreadable_at: the step whose batch cannot be read.
      die_in_save: [step, stage]; stages of a save in order: arrays, manifest, listed, removal.
      full_at: the step at whose save there is no space any more.
    """

    def __init__(self, options):
        self._options = options

    def batches(self, made, trace):
        for batch in itertools.islice(made, self._left(made.step)):
            step = made.step - 1
            if step == self._options.get("kill_at"):
                die()
            if step == self._options.get("terminate_at") and jax.process_index() == jax.process_count() - 1:
                os.kill(os.getpid(), signal.SIGTERM)
            if step == self._options.get("unreadable_at"):
                raise OSError(5, "Input/output error")
            time.sleep(self._options.get("pause", 0.0))
            print(json.dumps({"step": step, "records": batch["record"].tolist()}), file=trace, flush=True)
            yield batch

    def _left(self, step):
        return self._options["end_at"] - step if "end_at" in self._options else None

    def before_save(self, step):
        if step == self._options.get("full_at"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (6000, resource.RLIM_INFINITY))  # some files are longer
        at, stage = self._options.get("die_in_save", (None, None))
        if step != at:
            return
        write = manifest.write
        if stage == "manifest":  # arrays are there, nothing says so
            manifest.write = lambda folder: die()
        if stage == "listed":  # everything is there, under the name that it has while it is written
            manifest.write = lambda folder: (write(folder), die())
        if stage == "removal":
            checkpoint.shutil = types.SimpleNamespace(rmtree=half_remove)

    def after_save(self, step):
        at, stage = self._options.get("die_in_save", (None, None))
        if step == at and stage == "arrays":
            threading.Timer(self._options.get("after", 0.0), die).start()


class Unlucky(Checkpoints):
    """Checkpoints with accidents."""

    accidents = Accidents({})

    def save(self, state, **options):
        self.wait()  # an accident is that of one checkpoint
        step = int(state.step)
        self.accidents.before_save(step)
        super().save(state, **options)
        self.accidents.after_save(step)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def half_remove(folder):
    next(path for path in sorted(folder.rglob("*")) if path.is_file()).unlink()
    die()


def run(options):
    """Restores or starts, trains, and returns the step it began with, the state, and the damaged records."""
    workdir, index = Path(options["workdir"]), jax.process_index()
    grid = mesh.make_mesh(fsdp=options.get("fsdp", 1))
    target, shardings = mesh.abstract(toy_gan.state, grid, RULES)
    sharding = mesh.batch_sharding(grid, BATCH)
    Unlucky.accidents = Accidents(options)
    loader = Loader(Source(options.get("damaged", ())), seed=3, batch_size=BATCH, rows=host_rows(sharding, BATCH))
    with Stopper() as stopper, Unlucky(workdir / "checkpoints", keep_last=2) as checkpoints:
        restored = checkpoints.restore(target)
        state = mesh.born_sharded(toy_gan.state, grid, RULES)[0] if restored is None else restored.state
        position = {} if restored is None else restored.position
        first = int(state.step)
        assert restored is None or position["step"] == first
        step = make_train_step(toy_gan.PHASES, toy_gan.optimizers(), average_decay=DECAY, shardings=shardings)
        with (
            loader.batches(first, corrupt=position.get("corrupt")) as batches,
            open_writers(workdir, first) as writers,
            open(workdir / f"order_{index}.jsonl", "a") as trace,
        ):
            settings = Run(
                workdir=workdir,
                config={"seed": 0},
                step=step,
                batches=Unlucky.accidents.batches(batches, trace),
                place=lambda batch: place(batch, sharding, BATCH),
                checkpoints=checkpoints,
                writers=writers,
                stopper=stopper,
                weights=lambda number: toy_gan.WEIGHTS,
                position=lambda: {"corrupt": together(batches.corrupt)},
                resumed=position,
            )
            schedule = Schedule(options["steps"], log_every=3, save_every=options.get("save_every", 4))
            return first, train(state, settings, schedule), together(batches.corrupt)


def together(corrupt):
    """The damaged records that any process has met."""
    return {record: reason for part in hosts.gathered(corrupt) for record, reason in part.items()}


def digest(state):
    hashed = hashlib.sha256()
    for leaf in jax.tree.leaves(toy_gan.plain(state)):
        hashed.update(leaf.tobytes())
    return hashed.hexdigest()


def main(options):
    """Runs, as one of several processes where the options hold port, count and index."""
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("absl").setLevel(logging.CRITICAL)  # Orbax logs at length what is also raised
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", options.get("devices", 1))
    if "port" in options:
        silence = options.get("silence", hosts.SILENCE)
        hosts.join(f"localhost:{options['port']}", options["count"], options["index"], silence=silence)
    with hosts.end_together():
        first, state, corrupt = run(options)
        found = {"first": first, "step": int(state.step), "devices": jax.device_count(), "corrupt": sorted(corrupt)}
        workdir = Path(options["workdir"])
        if jax.process_count() == 1:
            found["digest"] = digest(state)
            np.savez(workdir / "state.npz", *jax.tree.leaves(toy_gan.plain(state)))
        (workdir / f"result_{jax.process_index()}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except UserError as error:
        print(f"toy_run: {error}", file=sys.stderr)
        sys.exit(2)
