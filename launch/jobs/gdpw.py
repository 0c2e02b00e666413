"""Training GDPW: what its settings are, and the job they make.

`config.design` and `config.objective` are the fields of `systems.gdpw`'s `Design` and `Objective`, `config.data` those
of `gdpw_data.DataSettings`, `config.optimizer` those of `OptimizerSettings`; `config.model` is FLAME's file and
`config.features_from` that of VGG-19, where they are needed.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
from jaxtyping import Int

from jaxanim.core.errors import InputError
from jaxanim.core.system import Phase
from jaxanim.core.types import Array, Float, Key, Params, Variables
from jaxanim.data import Loader
from jaxanim.geometry import flame, mirror, open_head
from jaxanim.geometry.morphable import MorphableModel
from jaxanim.losses import vgg_weights as vgg_files
from jaxanim.systems.gdpw import files, objectives
from jaxanim.systems.gdpw import generator as generators
from jaxanim.systems.gdpw.objectives import Objective
from jaxanim.systems.gdpw.presets import Design
from jaxanim.systems.gdpw.system import Gdpw
from jaxanim.train.state import TrainState
from jaxanim.train.step import Inputs, View
from jaxanim.weights.card import Card
from launch import settings
from launch.jobs import Job, gdpw_data
from launch.jobs.gdpw_data import DataSettings
from launch.jobs.gdpw_held import HeldHeads


@dataclasses.dataclass(frozen=True)
class OptimizerSettings:
    """Adam, whose rate falls in steps (the paper) or along a cosine to 0.

    Attributes:
      learning_rate: of the generator.
      critic_rate: of the discriminator.
      b1, b2: of Adam.
      drops: steps at which both rates become a tenth.
      cosine: whether they follow half a cosine to 0 instead.
      warm_steps: steps until the rates are reached.
      average_decay: of a running average of the generator that is used in the end; 0 for none, as published.
    """

    learning_rate: float = 2e-4
    critic_rate: float = 2e-4
    b1: float = 0.9
    b2: float = 0.999
    drops: tuple[int, ...] = ()
    cosine: bool = False
    warm_steps: int = 0
    average_decay: float = 0.0

    def __post_init__(self) -> None:
        """Checks the options."""
        if self.cosine and self.drops:
            raise ValueError("rates fall in steps or along a cosine, not both")
        if not 0.0 <= self.average_decay < 1.0:
            raise ValueError(f"average_decay must be in [0, 1), got {self.average_decay}")

    def rate(self, highest: float, steps: int) -> optax.Schedule:
        """Returns the rate of each step."""
        if self.cosine:
            after: optax.Schedule = optax.cosine_decay_schedule(highest, max(1, steps - self.warm_steps))
        else:
            after = optax.piecewise_constant_schedule(highest, dict.fromkeys(self.drops, 0.1))
        if not self.warm_steps:
            return after
        return optax.join_schedules([optax.linear_schedule(0.0, highest, self.warm_steps), after], [self.warm_steps])


def entries(
    design: Design,
    objective: Objective = objectives.OFFICIAL,
    data: DataSettings | None = None,
    optimizer: OptimizerSettings | None = None,
    *,
    model: str = "",
    features_from: str = "",
) -> dict[str, Any]:
    """Returns GDPW's part of a configuration.

    Args:
      design: of the networks.
      objective: what to minimise.
      data: where pictures are.
      optimizer: how to learn.
      model: FLAME's file, for records that hold its meshes; "" is the open head.
      features_from: VGG-19's file, for objectives that compare its features.
    """
    return {
        "design": dataclasses.asdict(design),
        "objective": dataclasses.asdict(objective),
        "data": dataclasses.asdict(data or DataSettings()),
        "optimizer": dataclasses.asdict(optimizer or OptimizerSettings()),
        "model": model,
        "features_from": features_from,
    }


def make_job(config: ml_collections.ConfigDict) -> Job:
    """Returns the job of a configuration."""
    design = settings.make(Design, config.design, "design")
    objective = settings.make(Objective, config.objective, "objective")
    data = settings.make(DataSettings, config.data, "data")
    optimizer = settings.make(
        OptimizerSettings, {**config.optimizer, "drops": tuple(config.optimizer.drops)}, "optimizer"
    )
    model = _model(config.model, design, data)
    head = None if data.has_meshes else model
    mean_codes = generators.mean_face_codes(jax.device_get(model.template)) if design.codes == "nmfc" else None
    system = Gdpw(
        design, generators.mesh_faces(jax.device_get(model.faces)), objective, mean_codes=_on_device(mean_codes)
    )
    mirrored = _mirrored(model) if data.flip else None
    phases = _phases(system)
    contract = gdpw_data.contract(data, design.size, design.vertices, head)
    batch_size, seed = config.batch_size, config.seed
    weights = {
        name: value
        for name, value in objectives.weights_of_phases(objective).items()
        if name in {phase.name for phase in phases}
    }
    shapes = {name: ((batch_size, *field.shape), field.dtype) for name, field in contract.items()}

    def open_data(workdir: Path, rows: slice) -> tuple[Loader, HeldHeads]:
        folder = gdpw_data.open_folder(data, design.size, workdir)
        loader = gdpw_data.open_loader(
            folder, data, contract, mirrored=mirrored, seed=seed, batch_size=batch_size, rows=rows
        )
        return loader, HeldHeads.of_folder(folder, data, design, system.mesh, head)

    return Job(
        init=_init(system, config.start_from),
        phases=phases,
        view=_view(design.size),
        optimizers=_optimizers(optimizer, config.steps),
        average_decay={objectives.GENERATOR: optimizer.average_decay} if optimizer.average_decay else {},
        weights=lambda step: weights,
        batch={name: jax.ShapeDtypeStruct(*shape) for name, shape in shapes.items()},
        open_data=open_data,
        score="held/score",
        write=lambda path, state: _write(path, state, system, data),
        frozen={"head": head, "features": _features(objective, config.features_from)},
    )


def _on_device(array: Any) -> Array | None:
    return None if array is None else jnp.asarray(array)


def _model(path: str, design: Design, data: DataSettings) -> MorphableModel:
    """Returns the morphable model whose mesh guides.

    Raises:
      InputError: its mesh is not the design's, or the data are of another model.
    """
    if path and not data.has_meshes:
        raise InputError(f"data of kind {data.kind} are poses of the open head; leave config.model empty, got {path}")
    if data.has_meshes and not path:
        raise InputError("data of kind posed_meshes need FLAME's triangles: config.model=generic_model.pkl")
    model = flame.read_model(Path(path)) if path else open_head.load_open_head()
    if model.template.shape[0] != design.vertices:
        raise InputError(f"design.vertices is {design.vertices}, the model has {model.template.shape[0]}")
    return model


def _phases(system: Gdpw) -> tuple[Phase, ...]:
    try:
        return system.phases()
    except ValueError as error:
        raise InputError(f"objective: {error}") from error


def _mirrored(model: MorphableModel) -> Int[np.ndarray, " v"]:
    """Returns which vertex becomes which in a mirrored mesh.

    Raises:
      InputError: the model is not symmetric.
    """
    try:
        return mirror.mirrored_vertices(jax.device_get(model.template))
    except ValueError as error:
        raise InputError(f"data.flip needs a symmetric model; leave it False: {error}") from error


def _features(objective: Objective, path: str) -> Params:
    """Returns the parameters of the perceptual network, as the objective says.

    Raises:
      InputError: it needs a file and there is none, or the other way round.
    """
    if (objective.features == "vgg19") != bool(path):
        raise InputError(
            "objective.features='vgg19' needs config.features_from, torchvision's vgg19 (.pth or .safetensors), the "
            f"others ('random', 'none') do not take it; got {objective.features!r} and {path!r}"
        )
    if objective.features == "vgg19":
        return vgg_files.read_vgg19(Path(path))
    return vgg_files.random_vgg19() if objective.features == "random" else {}


def _init(system: Gdpw, start_from: str) -> Any:
    """Returns what makes the networks: anew, or as a file has them, those it does not hold anew."""
    if not start_from:
        return system.init
    card, design, variables = files.read_gdpw(Path(start_from))
    if design != system.design:
        raise InputError(f"{start_from} holds networks of {design}, the run is of {system.design}")
    if files.is_folded(card):
        variables = files.unfold_generator(variables, design)

    def init(key: Key[Array, ""]) -> Variables:
        made = system.init(key)
        return {
            part: {**made[part], **jax.tree.map(jnp.asarray, dict(variables[part]))} for part in ("params", "stats")
        }

    return init


def _optimizers(optimizer: OptimizerSettings, steps: int) -> dict[str, optax.GradientTransformation]:
    rates = {objectives.GENERATOR: optimizer.learning_rate, objectives.DISCRIMINATOR: optimizer.critic_rate}
    return {
        group: optax.adam(optimizer.rate(rate, steps), b1=optimizer.b1, b2=optimizer.b2)
        for group, rate in rates.items()
    }


def _view(size: int) -> View:
    def view(phase: str, inputs: Inputs) -> objectives.Batch:
        """Turns bytes into pictures in [0, 1], in the type that the step computes in, and poses into meshes."""
        del phase
        data, dtype = inputs.data, jax.tree.leaves(inputs.params)[0].dtype

        def picture(role: str) -> Float[Array, "b h w 3"]:
            return (data[f"{role}_image"].astype(jnp.float32) / 255.0).astype(dtype)

        features = jax.tree.map(lambda leaf: leaf.astype(dtype), inputs.frozen["features"])
        meshes = [gdpw_data.vertices_of(data, role, inputs.frozen["head"], size) for role in gdpw_data.ROLES]
        return objectives.Batch(
            picture("source"), picture("driving"), meshes[0], meshes[1], inputs.params, inputs.stats,
            features,
        )  # fmt: skip

    return view


def _write(path: Path, state: TrainState, system: Gdpw, data: DataSettings) -> None:
    """Writes the generator as it is used, and the discriminator if it has learnt something."""
    trained = {phase.wrt for phase in system.phases()}
    params = {**jax.device_get(state.params), **jax.device_get(state.average)}
    variables = {
        "params": {group: params[group] for group in params if group in trained},
        "stats": {group: value for group, value in jax.device_get(state.stats).items() if group in trained},
    }
    origin = f"trained by jaxanim for {int(state.step)} steps on {data.kind} {Path(data.folder).name}".strip()
    files.write_gdpw(path, Card(files.GDPW, path.stem, "that of the data", origin), system.design, variables)
