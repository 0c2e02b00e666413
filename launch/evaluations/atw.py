"""Measures an ATW on people who were held out from its training: drawn ones, who show what is right.

The data are a built dataset `posed_faces`. Two things are measured: PSNR of eyes and mouth against the same person with
the target's expression, and the driving error, which a judge of its own tells: a network like ATW's discriminator,
trained here on the real pictures of the training people alone. It judges the real target, too, the source as it is, and
what an untrained generator makes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tqdm

from jaxanim.core.types import Array, Float, Params
from jaxanim.data.record_folder import RecordFolder
from jaxanim.evaluate import psnr
from jaxanim.nn.apply import apply
from jaxanim.systems.atw import ATW_OFFICIAL, Atw, Design, files, objectives
from jaxanim.systems.atw.networks import Discriminator
from launch.jobs import atw_data
from launch.jobs.atw_data import DataSettings
from launch.jobs.atw_held import HeldPairs

JUDGE_WIDTH, JUDGE_BATCH, JUDGE_RATE = 32, 32, 1e-3
Judge = Callable[[Float[np.ndarray, "n h w 3"]], Float[np.ndarray, "n d"]]


def train_judge(folder: RecordFolder, data: DataSettings, design: Design, steps: int) -> Judge:
    """Trains what tells drives from pictures, and returns it: action units in their unit, or shares of classes."""
    network = Discriminator(design.drives, JUDGE_WIDTH, adversarial=False)
    loader = atw_data.open_loader(folder, data, design, seed=1, batch_size=JUDGE_BATCH, rows=slice(None))
    params = network.init(jax.random.key(1), jnp.zeros((1, design.size, design.size, 3)))["params"]
    optimizer = optax.adam(optax.cosine_decay_schedule(JUDGE_RATE, steps))

    @jax.jit
    def step(params: Params, state: Any, images: Array, drives: Array) -> tuple[Params, Any, Array]:
        def loss_fn(params: Params) -> Float[Array, ""]:
            judged = apply(network, params, images.astype(jnp.float32) / 127.5 - 1)
            return objectives.drive_error(design, judged.drive, drives).mean()

        loss, gradient = jax.value_and_grad(loss_fn)(params)
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state, loss

    state = optimizer.init(params)
    with loader.batches(0) as batches:
        for _ in (bar := tqdm.trange(steps, desc="judge")):
            batch = next(batches)
            params, state, loss = step(params, state, batch["source_image"], batch["source_drive"])
            bar.set_postfix(loss=f"{float(loss):.3f}")

    @jax.jit
    def judge(images: Array) -> Array:
        found = apply(network, params, images).drive
        return jax.nn.softmax(found) if design.drive == "classes" else found / design.drive_scale

    return lambda images: np.concatenate([judge(images[at : at + 16]) for at in range(0, len(images), 16)])


def measure(weights: Path, data_folder: Path, *, split: str, pairs: int, judge_steps: int) -> dict[str, float]:
    """Returns everything that is measured, by name."""
    card, design, variables = files.read_atw(weights)
    del card
    data = DataSettings(folder=str(data_folder), paired=True)
    folder = RecordFolder(data_folder)
    held = HeldPairs.of_folder(folder, data, design, ATW_OFFICIAL, split=split, count=pairs)
    judge = train_judge(folder, data, design, judge_steps)
    untrained = Atw(design).init(jax.random.key(0))["params"][objectives.GENERATOR]
    made = held.generate(variables["params"][objectives.GENERATOR])
    pictures = {
        "target": held.target,
        "source": held.source,
        "untrained": held.generate(untrained)["image"],
        "warped": made["warped"],
        "image": made["image"],
    }
    found: dict[str, float] = {"pairs": float(pairs)}
    for name, each in pictures.items():
        judged = judge(each)
        found[f"drive_error/{name}"] = float(np.square(judged - held.drive).mean())
        if design.drive == "classes":
            found[f"right_class/{name}"] = float((judged.argmax(-1) == held.drive.argmax(-1)).mean())
        if name != "target":
            found[f"psnr_eyes_and_mouth/{name}"] = float(psnr(each, held.target, held.mask).mean())
            found[f"psnr/{name}"] = float(psnr(each, held.target).mean())
    return found
