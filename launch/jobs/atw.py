"""Training ATW: what its settings are, and the job they make.

`config.design` and `config.objective` are the fields of `systems.atw.Design` and `Objective`, `config.data` those of
`atw_data.DataSettings`, `config.optimizer` those of `OptimizerSettings`.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import optax

from jaxanim.core.errors import InputError
from jaxanim.core.types import Array, Float, Key, Variables
from jaxanim.data import Loader
from jaxanim.systems.atw import ATW_OFFICIAL, Atw, Design, Objective, files, objectives, presets
from jaxanim.train.state import TrainState
from jaxanim.train.step import Inputs
from jaxanim.weights.card import Card
from launch import settings
from launch.jobs import Job, atw_data
from launch.jobs.atw_data import DataSettings
from launch.jobs.atw_held import HeldPairs


@dataclasses.dataclass(frozen=True)
class OptimizerSettings:
    """Adam, at one rate for a while, then down to 0 along a line.

    Attributes:
      learning_rate: of the generator; 0 leaves it as it is.
      critic_rate: of the discriminators.
      b1, b2: of Adam.
      decay_from: share of the run after which the rates sink.
      average_decay: of the running average of the generator, which is what is used in the end.
    """

    learning_rate: float = presets.LEARNING_RATE
    critic_rate: float = presets.LEARNING_RATE
    b1: float = presets.BETAS[0]
    b2: float = presets.BETAS[1]
    decay_from: float = 2 / 3
    average_decay: float = 0.999

    def __post_init__(self) -> None:
        """Checks that rates and shares are such."""
        if not (0.0 <= self.learning_rate < 1.0 and 0.0 <= self.critic_rate < 1.0):
            rates = f"{self.learning_rate} and {self.critic_rate}"
            raise ValueError(f"learning_rate and critic_rate must be between 0 and 1, got {rates}")
        if not (0.0 <= self.b1 < 1.0 and 0.0 <= self.b2 < 1.0):
            raise ValueError(f"b1 and b2 must be in [0, 1), got {self.b1} and {self.b2}")
        if not (0.0 <= self.decay_from <= 1.0 and 0.0 <= self.average_decay < 1.0):
            raise ValueError(f"decay_from and average_decay are shares, got {self.decay_from}, {self.average_decay}")


def entries(
    design: Design,
    objective: Objective = ATW_OFFICIAL,
    data: DataSettings | None = None,
    optimizer: OptimizerSettings | None = None,
) -> dict[str, Any]:
    """Returns ATW's part of a configuration."""
    of_objective = dataclasses.asdict(objective) | {"terms": tuple(sorted(objective.terms))}
    return {
        "design": dataclasses.asdict(design),
        "objective": of_objective,
        "data": dataclasses.asdict(data or DataSettings()),
        "optimizer": dataclasses.asdict(optimizer or OptimizerSettings()),
    }


def published(preset: str, data: DataSettings, *, pictures: int, objective: Objective = ATW_OFFICIAL) -> Any:
    """Returns the configuration of a released model: its design, length, learning rates and augmentation.

    Args:
      preset: one of `presets.DESIGNS`.
      data: where the pictures are; the model's augmentation takes the place of theirs.
      pictures: how many there are to train on; the length is so many epochs.
      objective: what to minimise.
    """
    schedule = presets.SCHEDULES[preset]
    epochs = schedule.epochs + schedule.decay_epochs
    config = settings.run("atw", steps=epochs * pictures // presets.BATCH, batch_size=presets.BATCH)
    optimizer = OptimizerSettings(decay_from=schedule.epochs / epochs)
    design = presets.DESIGNS[preset]
    data = dataclasses.replace(data, shift=6, jitter=True, drive_noise=0.1 if design.drive == "action units" else 0.0)
    config.update(entries(design, objective, data, optimizer))
    return config


def make_job(config: ml_collections.ConfigDict) -> Job:
    """Returns the job of a configuration."""
    design = settings.make(Design, {**config.design, "labels": tuple(config.design.labels)}, "design")
    terms = frozenset(config.objective.terms)
    objective = settings.make(Objective, {**config.objective, "terms": terms}, "objective")
    data = settings.make(DataSettings, config.data, "data")
    if "pair" in objective.terms and not data.paired:
        raise InputError("the term 'pair' needs data that show the target: data.paired")
    optimizer = settings.make(OptimizerSettings, config.optimizer, "optimizer")
    system = Atw(design, objective)
    contract = atw_data.contract(data, design)
    batch_size, seed = config.batch_size, config.seed
    weights = {phase.name: jax.tree.map(jnp.float32, dict(objective.weights())) for phase in system.phases()}
    shapes = {name: ((batch_size, *field.shape), field.dtype) for name, field in contract.items()}

    def open_data(workdir: Path, rows: slice) -> tuple[Loader, HeldPairs]:
        folder = atw_data.open_folder(data, design.size, workdir)
        loader = atw_data.open_loader(folder, data, design, seed=seed, batch_size=batch_size, rows=rows)
        return loader, HeldPairs.of_folder(folder, data, design, objective)

    return Job(
        init=_init(system, config.start_from),
        phases=system.phases(),
        view=_view,
        optimizers=_optimizers(optimizer, system, config.steps),
        average_decay={objectives.GENERATOR: optimizer.average_decay},
        weights=lambda step: weights,
        batch={name: jax.ShapeDtypeStruct(*shape) for name, shape in shapes.items()},
        open_data=open_data,
        score="held/score" if data.paired or "drv" in objective.terms else None,
        write=lambda path, state: _write(path, state, system, data),
    )


def _init(system: Atw, start_from: str) -> Any:
    """Returns what makes the networks: anew, or as a file has them, those it does not hold anew."""
    if not start_from:
        return system.init
    _, design, variables = files.read_atw(Path(start_from))
    if design != system.design:
        raise InputError(f"{start_from} holds networks of {design}, the run is of {system.design}")

    def init(key: Key[Array, ""]) -> Variables:
        made = system.init(key)
        return {**made, "params": {**made["params"], **jax.tree.map(jnp.asarray, variables["params"])}}

    return init


def _optimizers(optimizer: OptimizerSettings, system: Atw, steps: int) -> dict[str, optax.GradientTransformation]:
    """Returns Adam for each network; each counts its own steps, of which the generator makes fewer."""
    every = {phase.wrt: phase.every for phase in system.phases()}
    rates = dict.fromkeys(objectives.GROUPS, optimizer.critic_rate) | {objectives.GENERATOR: optimizer.learning_rate}

    def adam(group: str) -> optax.GradientTransformation:
        count = max(1, steps // every.get(group, 1))
        flat = int(optimizer.decay_from * count)
        line = optax.linear_schedule(rates[group], 0.0, max(1, count - flat), flat)
        return optax.adam(line, b1=optimizer.b1, b2=optimizer.b2)

    return {group: adam(group) for group in objectives.GROUPS}


def _view(phase: str, inputs: Inputs) -> objectives.Batch:
    """Turns bytes into pictures in [-1, 1], in the type that the step computes in."""
    del phase
    data, dtype = inputs.data, jax.tree.leaves(inputs.params)[0].dtype

    def picture(name: str) -> Float[Array, "b h w 3"]:
        return (data[name].astype(jnp.float32) / 127.5 - 1.0).astype(dtype)

    truth = picture("driving_image") if "driving_image" in data else None
    return objectives.make_batch(
        inputs.key,
        inputs.params,
        picture("source_image"),
        data["source_drive"].astype(dtype),
        data["driving_drive"].astype(dtype),
        truth,
    )


def _write(path: Path, state: TrainState, system: Atw, data: DataSettings) -> None:
    """Writes the running average of the generator, and the discriminators that have learnt something."""
    trained = {phase.wrt for phase in system.phases()}
    params = {**jax.device_get(state.params), **jax.device_get(state.average)}
    kept = {group: params[group] for group in params if group in trained}
    origin = f"trained by jaxanim for {int(state.step)} steps on {data.kind} {Path(data.folder).name}".strip()
    files.write_atw(path, Card(files.ATW, path.stem, "that of the data", origin), system.design, {"params": kept})
