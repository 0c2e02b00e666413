"""A training run from its configuration to trained networks; `launch.train` is the program around it."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
from clu import parameter_overview
from jax.experimental import multihost_utils

from jaxanim.core import files
from jaxanim.core.errors import InputError
from jaxanim.data import host_rows, place
from jaxanim.train import hosts
from jaxanim.train import mesh as meshes
from jaxanim.train.checkpoint import Checkpoints
from jaxanim.train.loop import Run, Schedule, train
from jaxanim.train.metrics import open_writers
from jaxanim.train.state import TrainState, new_state
from jaxanim.train.step import TrainStep, make_train_step
from jaxanim.train.stopper import Stopper
from jaxanim.train.workdir import alone
from launch import continued, settings
from launch.jobs import Job, MakeJob, atw, gdpw, refiner, regressor

JOBS: Mapping[str, MakeJob] = {
    "atw": atw.make_job,
    "gdpw": gdpw.make_job,
    "refiner": refiner.make_job,
    "regressor": regressor.make_job,
}
TRAINED, FINISHED = "trained.safetensors", "finished.json"
_LEAST = {
    **{"accumulate": 1, "keep_last": 1, "keep_best": 0, "threads": 1, "seed": 0, "max_corrupt": 0, "max_skipped": 0},
    **{"log_every": 0, "save_every": 0, "sheet_every": 0, "fsdp": 1},
}


def make_job(config: ml_collections.ConfigDict) -> Job:
    """Returns the job of a configuration.

    Raises:
      InputError: the configuration names no system that can be trained, or asks for what the system cannot do.
    """
    if config.system not in JOBS:
        raise InputError(f"config.system must be one of {', '.join(JOBS)}, got {config.system!r}")
    if config.compute_dtype not in settings.DTYPES:
        raise InputError(f"compute_dtype must be one of {', '.join(settings.DTYPES)}, got {config.compute_dtype!r}")
    if config.steps < 1 or config.batch_size < 1:
        raise InputError(f"steps and batch_size must be positive, got {config.steps} and {config.batch_size}")
    for name, least in _LEAST.items():
        if config[name] < least:
            raise InputError(f"{name} must be {least} or more, got {config[name]}")
    if config.batch_size % config.accumulate:
        raise InputError(f"batch_size {config.batch_size} is not divisible by accumulate {config.accumulate}")
    if config.profile_to and not 0 <= config.profile_from < config.profile_to:
        raise InputError(f"profile_from must be before profile_to, got {config.profile_from} and {config.profile_to}")
    return JOBS[config.system](config)


def make_state(job: Job, seed: int) -> Callable[[], TrainState]:
    """Returns what makes the state before the first step."""

    def init() -> TrainState:
        key = jax.random.key(seed)
        return new_state(key, job.init(key), job.optimizers, averaged=tuple(job.average_decay))

    return init


def make_step(job: Job, config: ml_collections.ConfigDict, shardings: Any) -> TrainStep:
    """Returns the compiled step of a job."""
    dtype = jnp.dtype(config.compute_dtype)
    return make_train_step(
        job.phases,
        job.optimizers,
        view=job.view,
        average_decay=job.average_decay,
        accumulate=config.accumulate,
        compute_dtype={} if dtype == jnp.float32 else {phase.name: dtype for phase in job.phases},
        shardings=shardings,
    )


def run(config: ml_collections.ConfigDict, workdir: Path) -> bool:
    """Trains from where the working folder is to the end, or to where the run is told to stop.

    Returns:
      Whether the training is complete.
    """
    job = make_job(config)
    grid = _mesh(config)
    sharding = _batch_sharding(grid, config.batch_size)
    check_parts(grid, config.batch_size, config.accumulate)
    if jax.process_index() == 0:
        _make(workdir)
    with alone(workdir):
        return _run(job, config, workdir, grid, sharding)


def _run(
    job: Job,
    config: ml_collections.ConfigDict,
    workdir: Path,
    grid: jax.sharding.Mesh,
    sharding: jax.sharding.NamedSharding,
) -> bool:
    init = make_state(job, config.seed)
    target, shardings = meshes.abstract(init, grid)
    if jax.process_index() == 0:
        print(parameter_overview.get_parameter_overview(target.params, include_stats=False), flush=True)
    keep = {"keep_last": config.keep_last, "keep_best": config.keep_best}
    loader, held = job.open_data(workdir, host_rows(sharding, config.batch_size))
    noted = continued.noted(config, workdir)
    with Stopper() as stopper, Checkpoints(workdir / "checkpoints", better="higher", **keep) as checkpoints:
        restored = checkpoints.restore(target)
        if restored is not None:
            continued.check_same(restored.config, noted, workdir)
            noted["start_from"] = restored.config["start_from"]
        state = meshes.born_sharded(init, grid)[0] if restored is None else restored.state
        position = {} if restored is None else restored.position
        first, options = int(state.step), {"threads": config.threads, "max_corrupt": config.max_corrupt}
        with (
            jax.set_mesh(grid),  # operations that split themselves ask for it
            loader.batches(first, corrupt=position.get("corrupt"), **options) as batches,
            open_writers(workdir, first) as writers,
        ):
            made = Run(
                workdir=workdir,
                config=noted,
                step=make_step(job, config, shardings),
                batches=batches,
                place=lambda batch: place(batch, sharding, config.batch_size),
                checkpoints=checkpoints,
                writers=writers,
                stopper=stopper,
                weights=job.weights,
                frozen=jax.device_put(job.frozen, meshes.replicated(grid)),
                position=lambda: {"corrupt": _together(batches.corrupt)},
                resumed=position,
                evaluate=lambda each: held.numbers(_local(each)),
                score=job.score,
                sheet=lambda each: held.sheet(_local(each)),
            )
            state = train(state, made, _schedule(config))
        return _finish(job, state, config, workdir)


def _make(workdir: Path) -> None:
    try:
        workdir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--workdir {workdir}: cannot be made ({error.strerror or error})") from error


def _mesh(config: ml_collections.ConfigDict) -> jax.sharding.Mesh:
    try:
        return meshes.make_mesh(fsdp=config.fsdp)
    except ValueError as error:
        raise InputError(f"config: {error}") from error


def _batch_sharding(grid: jax.sharding.Mesh, batch_size: int) -> jax.sharding.NamedSharding:
    try:
        return meshes.batch_sharding(grid, batch_size)
    except ValueError as error:
        raise InputError(f"config.batch_size: {error}") from error


def check_parts(grid: jax.sharding.Mesh, batch_size: int, accumulate: int) -> None:
    """Raises InputError where the parts of a batch would have to move between devices."""
    if batch_size % (grid.size * accumulate):
        raise InputError(
            f"batch_size {batch_size} does not divide into {accumulate} parts (accumulate) on {grid.size} devices"
        )


def _together(corrupt: Mapping[Any, str]) -> dict[str, str]:
    """Returns the damaged records that any process has met."""
    return {str(record): reason for part in hosts.gathered(dict(corrupt)) for record, reason in part.items()}


def _local(state: TrainState) -> TrainState:
    """Returns a state that this process can look at alone."""
    if jax.process_count() == 1:
        return state
    parts = {"params": state.params, "average": state.average, "stats": state.stats, "step": state.step}
    gathered = multihost_utils.process_allgather(parts, tiled=True)
    return dataclasses.replace(state, **gathered, optimizer={})


def _schedule(config: ml_collections.ConfigDict) -> Schedule:
    window = (config.profile_from, config.profile_to) if config.profile_to else None
    return Schedule(
        steps=config.steps,
        log_every=config.log_every,
        save_every=config.save_every,
        sheet_every=config.sheet_every,
        max_skipped=config.max_skipped,
        profile=window,
    )


def _finish(job: Job, state: TrainState, config: ml_collections.ConfigDict, workdir: Path) -> bool:
    """Writes what a complete training leaves."""
    if int(state.step) < config.steps:
        return False
    whole = _local(state)
    if jax.process_index() == 0:
        job.write(workdir / TRAINED, whole)
        note = {"step": int(state.step), "skipped": int(state.skipped)}
        with files.replacing(workdir / FINISHED) as temporary:
            temporary.write_text(json.dumps(note))
    return True
