"""Files of regressors: the network, the statistics of what it finds, and its design on the card."""

import dataclasses
import importlib.resources
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.errors import WeightsError
from jaxanim.core.types import Params
from jaxanim.tracking.regressor.design import F3A_PAPER, Design
from jaxanim.tracking.regressor.parameters import Statistics
from jaxanim.tracking.regressor.regressor import NETWORK, STATISTICS, FaceRegressor
from jaxanim.weights import design_note, name_table, weights_file
from jaxanim.weights.card import Card

SYSTEM = "face_regressor"


def bundled_regressor() -> Path:
    """Returns the file that ships with the package: parameters of the open head and 68 + 98 landmarks."""
    return Path(str(importlib.resources.files("jaxanim") / "assets" / "tracking" / "open_head_regressor.safetensors"))


def write_regressor(path: Path, card: Card, regressor: FaceRegressor, params: Params) -> None:
    """Writes a network in half precision, and what else is needed to use it.

    Raises:
      OutputError: the file cannot be written.
    """
    notes = {**card.notes, **design_note.note(regressor.design)}
    half = jax.tree.map(lambda leaf: np.asarray(leaf, np.float16), dict(params))
    statistics = {name: np.asarray(getattr(regressor.statistics, name), np.float32) for name in ("mean", "sigma")}
    weights_file.write(path, dataclasses.replace(card, notes=notes), {NETWORK: half, STATISTICS: statistics})


def read_regressor(path: Path) -> tuple[Card, FaceRegressor, Params]:
    """Reads a regressor; its network in float32.

    Raises:
      WeightsError: the file is damaged, incomplete or something else.
    """
    card, arrays = weights_file.read(path, system=SYSTEM)
    design = design_note.read(path, card, F3A_PAPER)
    template = jax.eval_shape(_blank(design).init, jax.random.key(0))["params"][NETWORK]
    if set(arrays) != {NETWORK, STATISTICS} or set(arrays[STATISTICS]) != {"mean", "sigma"}:
        raise WeightsError(f"{path}: holds {sorted(arrays)}; a {NETWORK} and its {STATISTICS} (mean, sigma) are needed")
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), arrays[NETWORK])
    name_table.check_filled(params, template, what=f"{path}: {NETWORK}")
    statistics = {name: jnp.asarray(arrays[STATISTICS][name], jnp.float32) for name in ("mean", "sigma")}
    if any(each.shape != (design.parameters,) for each in statistics.values()):
        raise WeightsError(f"{path}: statistics of {design.parameters} numbers were expected")
    if not all(np.isfinite(each).all() for each in statistics.values()):
        raise WeightsError(f"{path}: {STATISTICS} holds numbers that are not finite")
    return card, FaceRegressor(design, Statistics(**statistics)), params


def _blank(design: Design) -> FaceRegressor:
    return FaceRegressor(design, Statistics(jnp.zeros(design.parameters), jnp.ones(design.parameters)))
