"""Training a refiner: what its settings are, and the job they make.

`config.design` and `config.objective` are the fields of `tracking.refiner`'s `Design` and `Objective`, `config.data`
those of `regressor_data.DataSettings`, `config.augment` those of `data.face_augment.Settings`, `config.optimizer` those
of `jobs.one_network.OptimizerSettings`. The data are `snapshots`, as for regressors.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections

from jaxanim.core.errors import InputError
from jaxanim.data import Loader, face_augment
from jaxanim.tracking.refiner import files
from jaxanim.tracking.refiner.design import Design
from jaxanim.tracking.refiner.objectives import Batch, Objective
from jaxanim.tracking.refiner.refiner import NETWORK, Refiner
from jaxanim.train.state import TrainState
from jaxanim.train.step import Inputs, View
from jaxanim.weights.card import Card
from launch import settings
from launch.jobs import Job, one_network, refiner_data, regressor_data
from launch.jobs.one_network import OptimizerSettings
from launch.jobs.refiner_data import HeldCloseUps
from launch.jobs.regressor_data import DataSettings


def entries(
    design: Design,
    objective: Objective,
    augment: face_augment.Settings,
    data: DataSettings | None = None,
    optimizer: OptimizerSettings | None = None,
) -> dict[str, Any]:
    """Returns the refiner's part of a configuration."""
    return {
        "design": dataclasses.asdict(design),
        "objective": dataclasses.asdict(objective),
        "augment": dataclasses.asdict(augment),
        "data": dataclasses.asdict(data or DataSettings()),
        "optimizer": dataclasses.asdict(optimizer or OptimizerSettings()),
    }


def make_job(config: ml_collections.ConfigDict) -> Job:
    """Returns the job of a configuration."""
    design = settings.make(Design, {**config.design, "widths": tuple(config.design.widths)}, "design")
    objective = settings.make(Objective, config.objective, "objective")
    data = settings.make(DataSettings, config.data, "data")
    augment = settings.make(face_augment.Settings, config.augment, "augment")
    optimizer = settings.make(OptimizerSettings, config.optimizer, "optimizer")
    if augment.size != design.size:
        raise InputError(f"the design's pictures have {design.size} pixels, augment's {augment.size}")
    if augment.no_face:
        raise InputError(f"a refiner looks at faces alone: augment.no_face must be 0, got {augment.no_face:g}")
    refiner = Refiner(design)
    fields = refiner_data.contract(design, augment.view)
    batch_size, seed = config.batch_size, config.seed

    def open_data(workdir: Path, rows: slice) -> tuple[Loader, HeldCloseUps]:
        folder = regressor_data.open_folder(data, workdir)
        source = refiner_data.training(folder, design, augment.view)
        loader = Loader(
            source,
            seed=seed,
            batch_size=batch_size,
            rows=rows,
            transform=refiner_data.mirrored,
            contract=fields,
        )
        return loader, HeldCloseUps.of_folder(folder, refiner)

    return one_network.make_job(
        refiner,
        start=one_network.start(refiner, config.start_from, files.read_refiner),
        view=_view(augment),
        optimizer=optimizer,
        steps=config.steps,
        objective=objective.weights(),
        fields=fields,
        batch_size=batch_size,
        open_data=open_data,
        write=lambda path, state: _write(path, state, refiner),
    )


def _view(augment: face_augment.Settings) -> View:
    def view(phase: str, inputs: Inputs) -> Batch:
        del phase
        data, dtype = inputs.data, jax.tree.leaves(inputs.params)[0].dtype
        made = face_augment.augment(inputs.key, data["image"].astype(jnp.float32) / 255.0, data["points"], augment)
        return Batch(made.image.astype(dtype), made.points, data["expression"])

    return view


def _write(path: Path, state: TrainState, refiner: Refiner) -> None:
    origin = f"trained by jaxanim for {int(state.step)} steps on snapshots of drawn people"
    card = Card(files.SYSTEM, path.stem, "that of the data", origin)
    files.write_refiner(path, card, refiner, jax.device_get(state.average[NETWORK]))
