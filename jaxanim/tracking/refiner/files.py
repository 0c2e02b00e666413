"""Files of refiners: the network, and its design on the card."""

import dataclasses
import importlib.resources
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.errors import WeightsError
from jaxanim.core.types import Params
from jaxanim.tracking.refiner.design import SMALL, Design
from jaxanim.tracking.refiner.refiner import NETWORK, Refiner
from jaxanim.weights import name_table, weights_file
from jaxanim.weights.card import Card

SYSTEM = "face_refiner"
_DESIGN_NOTE = "design"


def bundled_refiner() -> Path:
    """Returns the file that ships with the package."""
    return Path(str(importlib.resources.files("jaxanim") / "assets" / "tracking" / "open_head_refiner.safetensors"))


def write_refiner(path: Path, card: Card, refiner: Refiner, params: Params) -> None:
    """Writes a network in half precision.

    Raises:
      OutputError: the file cannot be written.
    """
    notes = {**card.notes, _DESIGN_NOTE: json.dumps(dataclasses.asdict(refiner.design), sort_keys=True)}
    half = jax.tree.map(lambda leaf: np.asarray(leaf, np.float16), dict(params))
    weights_file.write(path, dataclasses.replace(card, notes=notes), {NETWORK: half})


def read_refiner(path: Path) -> tuple[Card, Refiner, Params]:
    """Reads a refiner; its network in float32.

    Raises:
      WeightsError: the file is damaged, incomplete or something else.
    """
    card, arrays = weights_file.read(path, system=SYSTEM)
    refiner = Refiner(_design(path, card))
    if set(arrays) != {NETWORK}:
        raise WeightsError(f"{path}: holds {', '.join(sorted(arrays)) or 'nothing'}; a {NETWORK} is needed")
    params: Params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), arrays[NETWORK])
    template = jax.eval_shape(refiner.init, jax.random.key(0))["params"][NETWORK]
    name_table.check_filled(params, template, what=f"{path}: {NETWORK}")
    return card, refiner, params


def _design(path: Path, card: Card) -> Design:
    text = card.notes.get(_DESIGN_NOTE)
    if text is None:
        raise WeightsError(f"{path}: its card does not say the design of the network")
    try:
        fields = json.loads(text)
        fields["widths"] = tuple(fields["widths"])
        for name, example in dataclasses.asdict(SMALL).items():
            if type(fields[name]) is not type(example):
                raise ValueError(f"{name} is {fields[name]!r}")
        return Design(**fields)
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{path}: the design on its card is damaged ({error})") from error
