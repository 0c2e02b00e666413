"""Distils a procedural anime character into the two THA4 students on a CPU, by windows of the picture.

    python -m launch.distill_character --config configs/tha4/sora.py --workdir DIR [--config.steps=40000]

The drawing itself is the teacher: it knows the posed picture and the exact flow. A step trains the face student on
random pixels of the face and the body student on 16 windows of 64x64 pixels. Interrupted runs continue where they
were saved. `--config.start_from=FILE` starts from a character that was distilled before.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import flax.serialization
import flax.struct
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
from absl import app, flags
from ml_collections import config_flags

from data_pipelines.procedural_anime import HOUSE_CHARACTER, CharacterDesign, render
from data_pipelines.procedural_anime.pool import PairPool
from jaxanim.core.errors import InputError, UserError
from jaxanim.core.types import Array, Float, Int, Metrics, Params, UInt8
from jaxanim.ops import grid_sample
from jaxanim.ops.sine import fast_sin
from jaxanim.signals import pose_vector
from jaxanim.systems.tha4 import Student, objectives, pictures, windows
from jaxanim.systems.tha4 import files as character_files

POSES, WINDOWS, WINDOW = 4, 4, 16  # per step; the window in pixels of the coarsest level (64 at the finest)
FACE_PIXELS = 4096
LEARNING_RATE = 1e-4  # sine layers multiply a step by 30: at 4e-4 the flow never settles
EMA_DECAY = 0.999
_CONFIG = config_flags.DEFINE_config_file("config", None, "settings of the run", lock_config=True)
_WORKDIR = flags.DEFINE_string("workdir", None, "where the state and the metrics are written", required=True)
flags.mark_flag_as_required("config")
MASK_LEVELS = 12  # of 255: less than that is not motion
LOG_EVERY, SAVE_EVERY = 100, 500  # steps
WARMED_UP = objectives.BODY_SCHEDULE[1].examples / objectives.BODY_SCHEDULE[-1].examples


@flax.struct.dataclass
class TrainState:
    """Both students, their running average, and their optimizer's state."""

    params: Params
    average: Params
    optimizer: Any
    step: Array


@flax.struct.dataclass
class Batch:
    """What one step sees: whole rest pictures, windows of the posed ones, random pixels of the face.

    Attributes:
      corner: column and row of each window at the coarsest level.
      face_pixels: column and row in the face crop, shared by the poses.
      face_mask: 1 where the face moves.
    """

    rest: UInt8[Array, "p 512 512 4"]
    pose: Float[Array, "p 45"]
    corner: Int[Array, "p w 2"]
    posed: UInt8[Array, "p w 64 64 4"]
    flow_px: Float[Array, "p w 64 64 2"]
    face_pixels: Int[Array, "n 2"]
    face_mask: Float[Array, " n"]


def make_optimizer(steps: int) -> optax.GradientTransformation:
    """Adam with a short warm-up and a cosine decay to 1 % of the rate."""
    schedule = optax.warmup_cosine_decay_schedule(0.0, LEARNING_RATE, min(500, steps // 10), steps, LEARNING_RATE / 100)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))


def face_batch(batch: Batch, image: Float[Array, "n 512 512 4"]) -> objectives.FaceBatch:
    """Takes the random pixels of the face out of the rest pictures."""
    column, row = batch.face_pixels[:, 0], batch.face_pixels[:, 1]
    positions = (2 * batch.face_pixels + 1).astype(jnp.float32) / 128 - 1.0
    teacher = image[:, pictures.FACE_ROWS, pictures.FACE_COLUMNS][:, row, column]
    mask = jnp.broadcast_to(batch.face_mask[None, None, :, None], (POSES, 1, FACE_PIXELS, 1))
    pose = batch.pose[:, pose_vector.EYEBROW_AND_FACE]
    return objectives.FaceBatch(positions=positions[None], pose=pose, teacher=teacher[:, None], mask=mask)


def body_terms(
    params: Params,
    image: Float[Array, "512 512 4"],
    pose: Float[Array, "45"],
    corner: Array,
    posed: Float[Array, "h w 4"],
    flow_px: Float[Array, "h w 2"],
) -> Metrics:
    """Returns the loss terms of one window of one pose."""
    positions = windows.body_window(corner[0], corner[1], WINDOW)
    flow_ndc = flow_px / 256.0
    warped = grid_sample.grid_sample(
        image, positions[2] + flow_ndc, padding="border", align_corners=False, units="normalised"
    )
    batch = objectives.BodyBatch(
        image=image[None],
        pose=pose[None],
        positions=positions,
        final=posed[None],
        warped=warped[None],
        flow_ndc=flow_ndc[None],
    )
    return {name: value[0] for name, value in objectives.body_terms(params, batch, sine=fast_sin).items()}


def loss_fn(params: Params, batch: Batch, weights: dict[str, Array]) -> tuple[Array, Metrics]:
    """Returns the sum of both students' losses."""
    image = pictures.encode(batch.rest)
    face = objectives.face_terms(params["face_morpher"], face_batch(batch, image), sine=fast_sin)
    per_window = jax.vmap(body_terms, in_axes=(None, None, None, 0, 0, 0))
    per_pose = jax.vmap(per_window, in_axes=(None, 0, 0, 0, 0, 0))
    posed = pictures.encode(batch.posed)
    body = per_pose(params["body_morpher"], image, batch.pose, batch.corner, posed, batch.flow_px)
    metrics = {f"face/{k}": v.mean() for k, v in face.items()} | {f"body/{k}": v.mean() for k, v in body.items()}
    total = jnp.asarray(sum(weights[name] * metrics[name] for name in weights))
    return total, metrics


def make_step(steps: int) -> Any:
    """Returns the jitted training step."""
    optimizer = make_optimizer(steps)

    @jax.jit
    def step(state: TrainState, batch: Batch, weights: dict[str, Array]) -> tuple[TrainState, Metrics]:
        (_, metrics), gradients = jax.value_and_grad(loss_fn, has_aux=True)(state.params, batch, weights)
        updates, optimizer_state = optimizer.update(gradients, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        average = optax.incremental_update(params, state.average, 1.0 - EMA_DECAY)
        return TrainState(params, average, optimizer_state, state.step + 1), metrics

    return step


def loss_weights(progress: float) -> dict[str, float]:
    """Returns the released weights of the stage that corresponds to `progress` in [0, 1)."""
    examples = progress * objectives.BODY_SCHEDULE[-1].examples
    body = next(stage.weights for stage in objectives.BODY_SCHEDULE if examples < stage.examples)
    return {f"face/{k}": v for k, v in objectives.FACE_WEIGHTS.items()} | {f"body/{k}": v for k, v in body.items()}


def face_mask(design: CharacterDesign) -> Float[np.ndarray, "128 128"]:
    """Returns 1 where any number of the face pose changes the face crop, widened by two pixels."""

    def crop(pose: Float[np.ndarray, "45"]) -> Float[np.ndarray, "128 128 4"]:
        return np.asarray(render(design, pose), np.int16)[pictures.FACE_ROWS, pictures.FACE_COLUMNS]

    still = np.zeros(pose_vector.POSE_SIZE, np.float32)
    rest = crop(still)
    moving = np.zeros((128, 128), bool)
    for index in range(pose_vector.EYEBROW_AND_FACE.stop):
        for end in {float(pose_vector.POSE_LOW[index]), float(pose_vector.POSE_HIGH[index])} - {0.0}:
            pose = still.copy()
            pose[index] = end
            moving |= np.abs(crop(pose) - rest).max(axis=-1) > MASK_LEVELS
    padded = np.pad(moving, 2)
    shifts = [padded[y : y + 128, x : x + 128] for y in range(5) for x in range(5)]
    return np.any(shifts, axis=0).astype(np.float32)


def draw_batch(pool: PairPool, mask: Float[np.ndarray, "128 128"], rng: np.random.Generator) -> Batch:
    """Draws poses, windows where there is something to see (nearly always), and face pixels."""
    index = pool.choose(rng, POSES)
    corner = np.zeros((POSES, WINDOWS, 2), np.int32)
    posed = np.zeros((POSES, WINDOWS, 64, 64, 4), np.uint8)
    flow = np.zeros((POSES, WINDOWS, 64, 64, 2), np.float32)
    for p, pair in enumerate(index):
        for w in range(WINDOWS):
            for _ in range(8):
                x, y = rng.integers(0, 128 - WINDOW + 1, 2)
                view = np.s_[pair, 4 * y : 4 * y + 64, 4 * x : 4 * x + 64]
                if pool.posed[view][..., 3].any() or rng.random() < 0.05:
                    break
            corner[p, w], posed[p, w], flow[p, w] = (x, y), pool.posed[view], pool.flow_px[view]
    pixels = rng.integers(0, 128, (FACE_PIXELS, 2), dtype=np.int32)
    return Batch(
        rest=jnp.asarray(pool.rest[index]),
        pose=jnp.asarray(pool.pose[index]),
        corner=jnp.asarray(corner),
        posed=jnp.asarray(posed),
        flow_px=jnp.asarray(flow),
        face_pixels=jnp.asarray(pixels),
        face_mask=jnp.asarray(mask[pixels[:, 1], pixels[:, 0]]),
    )


def save(workdir: Path, state: TrainState) -> None:
    """Writes the state so that a killed run finds the old or the new one, never half of one."""
    temporary = workdir / "state.msgpack.tmp"
    temporary.write_bytes(flax.serialization.to_bytes(state))
    temporary.replace(workdir / "state.msgpack")


def restore_or_init(workdir: Path, seed: int, steps: int, start_from: Path | None = None) -> TrainState:
    """Continues from `workdir`, or starts from a character, or anew."""
    params = Student().init(jax.random.key(seed))["params"]
    if start_from is not None:
        params = jax.tree.map(jnp.asarray, character_files.read_character(start_from).variables["params"])
    optimizer = make_optimizer(steps).init(params)
    state = TrainState(params=params, average=params, optimizer=optimizer, step=jnp.zeros((), jnp.int32))
    path = workdir / "state.msgpack"
    return flax.serialization.from_bytes(state, path.read_bytes()) if path.exists() else state


def check_origin(workdir: Path, start_from: Path | None) -> None:
    """Notes what a run starts from, and that a continued one starts from the same.

    Raises:
      InputError: the run in `workdir` was begun from something else.
    """
    origin = "anew" if start_from is None else f"from {character_files.read_character(start_from).card.name}"
    note = workdir / "origin.txt"
    if not (workdir / "state.msgpack").exists():
        note.write_text(origin)
    elif (begun := note.read_text() if note.exists() else "anew") != origin:
        raise InputError(f"{workdir}: this run was begun {begun}, not {origin}; choose another --workdir")


def train(
    workdir: Path,
    *,
    steps: int,
    seed: int,
    pool_size: int,
    workers: int,
    renew_every: int,
    start_from: Path | None = None,
) -> None:
    """Runs the distillation to its end, from where it was saved."""
    workdir.mkdir(parents=True, exist_ok=True)
    check_origin(workdir, start_from)
    state = restore_or_init(workdir, seed, steps, start_from)
    start = int(state.step)
    if start >= steps:
        return
    first = -(-start // renew_every)  # as many pairs as an uninterrupted run has renewed by now
    pool = PairPool(HOUSE_CHARACTER, size=pool_size, seed=seed, workers=workers, first=first)
    try:
        pool.take(pool_size)
        with open(workdir / "metrics.jsonl", "a") as log:
            first_stage = 0.0 if start_from is None else WARMED_UP
            numbers = range(start, steps)
            run_steps(state, pool, log, workdir, numbers, seed=seed, renew_every=renew_every, first_stage=first_stage)
    finally:
        pool.close()


def run_steps(
    state: TrainState,
    pool: PairPool,
    log: TextIO,
    workdir: Path,
    numbers: range,
    *,
    seed: int,
    renew_every: int,
    first_stage: float = 0.0,
) -> None:
    """Takes the numbered steps; every step is a function of the state, the pool, its number and the seed.

    The losses' weights go through the released stages from `first_stage`, a share of them, to the last one.
    """
    step, mask, since = make_step(numbers.stop), face_mask(HOUSE_CHARACTER), time.monotonic()
    for number in numbers:
        if number % renew_every == 0:
            pool.take(1)
        batch = draw_batch(pool, mask, np.random.default_rng([seed, 1, number]))
        progress = first_stage + (1 - first_stage) * number / numbers.stop
        state, metrics = step(state, batch, loss_weights(progress))
        last = number + 1 == numbers.stop
        if number % LOG_EVERY == 0 or last:
            row = {"step": number, "seconds": round(time.monotonic() - since, 1)}
            log.write(json.dumps(row | {k: float(v) for k, v in metrics.items()}) + "\n")
            log.flush()
        if number % SAVE_EVERY == SAVE_EVERY - 1 or last:
            save(workdir, state)


def main(arguments: Sequence[str]) -> None:
    """Reads the flags and trains."""
    if len(arguments) > 1:
        raise app.UsageError(f"unknown arguments: {' '.join(arguments[1:])}")
    config = _CONFIG.value
    try:
        _train(config)
    except UserError as error:
        sys.exit(f"error: {error}")


def _train(config: ml_collections.ConfigDict) -> None:
    train(
        Path(_WORKDIR.value),
        steps=config.steps,
        seed=config.seed,
        pool_size=config.pool_size,
        workers=config.workers,
        renew_every=config.renew_every,
        start_from=Path(config.start_from) if config.start_from else None,
    )


if __name__ == "__main__":
    app.run(main)
