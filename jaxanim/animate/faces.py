"""Models that animate faces in photos, from files: which there are, what drives them, and their drives by name."""

import dataclasses
import importlib.resources
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float

from jaxanim.animate.paste import Place
from jaxanim.animate.photo import CHUNK, PhotoAnimator
from jaxanim.core.errors import InputError
from jaxanim.core.types import Variables
from jaxanim.signals import expressions
from jaxanim.systems.atw import Atw, Design, files
from jaxanim.weights.card import Card


@dataclasses.dataclass(frozen=True)
class FaceModel:
    """An ATW model.

    Attributes:
      card: name, licence, source.
      design: sizes, and what drives it.
      variables: its parameters.
    """

    card: Card
    design: Design
    variables: Variables

    @property
    def small_size(self) -> tuple[int, int]:
        """Height and width of its pictures."""
        return self.design.size, self.design.size

    @property
    def expression_names(self) -> tuple[str, ...]:
        """What `expression` takes: the model's classes (by number where they have no names), or combinations."""
        if self.design.drive == "action units":
            return tuple(expressions.EXPRESSIONS)
        return self.design.labels or tuple(map(str, range(self.design.drives)))

    def expression(self, name: str) -> Float[np.ndarray, " d"]:
        """Returns the drive of an expression in full.

        Raises:
          InputError: the model does not know it; the message lists those that it knows.
        """
        if self.design.drive == "action units":
            return expressions.row_of_action_units(name)
        return expressions.row_of_classes(name, self.expression_names)

    def check_action_units(self) -> None:
        """Raises InputError unless the model is driven by OpenFace's action units."""
        if self.design.drive != "action units":
            known = ", ".join(self.expression_names)
            raise InputError(
                f"{self.card.name} is driven by classes, which a track of action units does not hold; give one of its "
                f"expressions: {known}"
            )

    def animator(self, place: Place, *, chunk: int = CHUNK) -> PhotoAnimator:
        """Makes the animator of a photo."""
        return PhotoAnimator(
            Atw(self.design),
            self.variables,
            place,
            drive_size=self.design.drives,
            align_corners=True,
            chunk=chunk,
        )


def bundled_models(folder: Path | None = None) -> dict[str, Path]:
    """Returns the ATW models that ship with the package by their names, those that action units drive first.

    Args:
      folder: where to look; by default in the package. Names of models of action units contain 'units'.
    """
    folder = folder or Path(str(importlib.resources.files("jaxanim") / "assets" / "atw"))
    found = sorted(folder.glob("*.safetensors"), key=lambda path: ("units" not in path.name, path.name))
    return {path.stem: path for path in found}


def read_model(path: Path) -> FaceModel:
    """Reads a model; its discriminators, which only training needs, are left out.

    Raises:
      WeightsError: the file is damaged or something else.
      InputError: its action units are not OpenFace's 17.
    """
    card, design, variables = files.read_atw(path)
    units = len(expressions.action_units.NAMES)
    if design.drive == "action units" and design.drives != units:
        raise InputError(f"{path}: is driven by {design.drives} action units, OpenFace's {units} are expected")
    params = {files.GENERATOR: variables["params"][files.GENERATOR]}
    return FaceModel(card, design, jax.tree.map(np.asarray, {"params": params}))
