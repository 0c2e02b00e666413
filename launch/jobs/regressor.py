"""Training a regressor of the open head, with its landmark decoder: what its settings are, and the job they make.

`config.design` and `config.objective` are the fields of `tracking.regressor`'s `Design` and `Objective`, `config.data`
those of `regressor_data.DataSettings`, `config.augment` those of `data.face_augment.Settings`, `config.optimizer` those
of `jobs.one_network.OptimizerSettings`.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections

from jaxanim.core.errors import InputError
from jaxanim.data import Loader, face_augment
from jaxanim.geometry.open_head import load_open_head
from jaxanim.tracking.regressor import files, parameters
from jaxanim.tracking.regressor.design import Design
from jaxanim.tracking.regressor.objectives import Batch, Objective
from jaxanim.tracking.regressor.regressor import NETWORK, FaceRegressor
from jaxanim.train.state import TrainState
from jaxanim.train.step import Inputs, View
from jaxanim.weights.card import Card
from launch import settings
from launch.jobs import Job, one_network, regressor_data
from launch.jobs.one_network import OptimizerSettings
from launch.jobs.regressor_data import DataSettings
from launch.jobs.regressor_held import HeldFaces

PICTURE = 176  # side of the dataset's pictures


def entries(
    design: Design,
    objective: Objective,
    data: DataSettings | None = None,
    augment: face_augment.Settings | None = None,
    optimizer: OptimizerSettings | None = None,
) -> dict[str, Any]:
    """Returns the regressor's part of a configuration."""
    return {
        "design": dataclasses.asdict(design),
        "objective": dataclasses.asdict(objective),
        "data": dataclasses.asdict(data or DataSettings()),
        "augment": dataclasses.asdict(augment or face_augment.Settings()),
        "optimizer": dataclasses.asdict(optimizer or OptimizerSettings()),
    }


def make_job(config: ml_collections.ConfigDict) -> Job:
    """Returns the job of a configuration."""
    design = settings.make(Design, config.design, "design")
    objective = settings.make(Objective, config.objective, "objective")
    data = settings.make(DataSettings, config.data, "data")
    augment = settings.make(face_augment.Settings, config.augment, "augment")
    optimizer = settings.make(OptimizerSettings, config.optimizer, "optimizer")
    head = load_open_head()
    coefficients = head.identity_basis.shape[-1], head.expression_basis.shape[-1]
    if (design.model, design.identity, design.expression) != ("open_head", *coefficients):
        raise InputError(f"drawn people are open heads with {coefficients} coefficients, the design is {design}")
    if augment.size != design.size:
        raise InputError(f"the design's pictures have {design.size} pixels, augment's {augment.size}")
    basis = parameters.basis_of(head, head.landmarks[68], head.landmarks[98])
    regressor = FaceRegressor(design, regressor_data.statistics(), basis)
    fields = regressor_data.contract(PICTURE, sum(coefficients))
    batch_size, seed = config.batch_size, config.seed

    def open_data(workdir: Path, rows: slice) -> tuple[Loader, HeldFaces]:
        folder = regressor_data.open_folder(data, workdir)
        loader = regressor_data.open_loader(folder, fields, seed=seed, batch_size=batch_size, rows=rows)
        return loader, HeldFaces.of_folder(folder, regressor, view=augment.view)

    return one_network.make_job(
        regressor,
        start=one_network.start(regressor, config.start_from, files.read_regressor),
        view=_view(regressor, augment),
        optimizer=optimizer,
        steps=config.steps,
        objective=objective.weights(),
        fields=fields,
        batch_size=batch_size,
        open_data=open_data,
        write=lambda path, state: _write(path, state, regressor),
    )


def _view(regressor: FaceRegressor, augment: face_augment.Settings) -> View:
    basis = regressor.basis
    assert basis is not None

    def view(phase: str, inputs: Inputs) -> Batch:
        del phase
        data, dtype = inputs.data, jax.tree.leaves(inputs.params)[0].dtype
        made = face_augment.augment(inputs.key, data["image"].astype(jnp.float32) / 255.0, data["points"], augment)
        head = regressor_data.head_of(data["rotations"], made.turn)
        scores = regressor_data.scores(basis, regressor.statistics, data["coefficients"], head, made.points)
        scores = jnp.clip(scores, -8.0, 8.0)
        return Batch(made.image.astype(dtype), made.points, scores, jnp.ones_like(made.face), made.face)

    return view


def _write(path: Path, state: TrainState, regressor: FaceRegressor) -> None:
    origin = f"trained by jaxanim for {int(state.step)} steps on snapshots of drawn people"
    card = Card(files.SYSTEM, path.stem, "that of the data", origin)
    files.write_regressor(path, card, regressor, jax.device_get(state.average[NETWORK]))
