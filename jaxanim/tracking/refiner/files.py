"""Files of refiners: the network, and its design on the card."""

import dataclasses
import importlib.resources
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.errors import WeightsError
from jaxanim.core.types import Params
from jaxanim.tracking.refiner.design import SMALL
from jaxanim.tracking.refiner.refiner import NETWORK, Refiner
from jaxanim.weights import design_note, name_table, weights_file
from jaxanim.weights.card import Card

SYSTEM = "face_refiner"


def bundled_refiner() -> Path:
    """Returns the file that ships with the package."""
    return Path(str(importlib.resources.files("jaxanim") / "assets" / "tracking" / "open_head_refiner.safetensors"))


def write_refiner(path: Path, card: Card, refiner: Refiner, params: Params) -> None:
    """Writes a network in half precision.

    Raises:
      OutputError: the file cannot be written.
    """
    notes = {**card.notes, **design_note.note(refiner.design)}
    half = jax.tree.map(lambda leaf: np.asarray(leaf, np.float16), dict(params))
    weights_file.write(path, dataclasses.replace(card, notes=notes), {NETWORK: half})


def read_refiner(path: Path) -> tuple[Card, Refiner, Params]:
    """Reads a refiner; its network in float32.

    Raises:
      WeightsError: the file is damaged, incomplete or something else.
    """
    card, arrays = weights_file.read(path, system=SYSTEM)
    refiner = Refiner(design_note.read(path, card, SMALL))
    if set(arrays) != {NETWORK}:
        raise WeightsError(f"{path}: holds {', '.join(sorted(arrays)) or 'nothing'}; a {NETWORK} is needed")
    params: Params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), arrays[NETWORK])
    template = jax.eval_shape(refiner.init, jax.random.key(0))["params"][NETWORK]
    name_table.check_filled(params, template, what=f"{path}: {NETWORK}")
    return card, refiner, params
