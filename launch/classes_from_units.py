"""Makes a model of eight emotions from one of action units, so that training by classes does not begin anew.

    python -m launch.classes_from_units units.safetensors -o classes.safetensors
    python -m launch.train --config configs/atw/small_classes.py --config.start_from=classes.safetensors --workdir DIR

The drive enters ATW's networks linearly, so a class that means certain intensities can be multiplied into the kernels:
the new model does for each emotion exactly what the old one does for the action units of that emotion.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from data_pipelines.procedural_faces import anatomy
from data_pipelines.procedural_faces.expressions import EMOTIONS, coefficients
from jaxanim.core.errors import InputError
from jaxanim.core.types import Params
from jaxanim.signals import action_units
from jaxanim.systems.atw import Design, files, objectives
from launch.program import said_in_one_line

STRENGTH = 0.825  # of the emotions that `posed_faces` draws, in the mean
_PICTURE = 3  # channels in front of the drive


def units_of_emotions() -> Float[np.ndarray, "8 17"]:
    """Returns the action units of each emotion as it is drawn, 0 to 5."""
    faces = np.stack([STRENGTH * coefficients(face) for face in EMOTIONS.values()])
    return action_units.from_blendshapes(faces, anatomy.anatomy().expression_names)


def fold(design: Design, generator: Params, units: Float[np.ndarray, "c d"]) -> tuple[Design, Params]:
    """Returns the design and the generator of classes that mean these action units.

    Raises:
      InputError: action units do not drive the design.
    """
    if design.drive != "action units" or design.drives != units.shape[1]:
        raise InputError(
            f"a model of {units.shape[1]} action units is needed, this one has {design.drives} {design.drive}"
        )
    table = jnp.asarray(units * design.drive_scale, jnp.float32)
    kernel = generator["motion"]["down0_conv"]["kernel"]
    drives = jnp.einsum("cd,hwdo->hwco", table, kernel[:, :, _PICTURE:])
    motion = {
        **generator["motion"],
        "down0_conv": {"kernel": jnp.concatenate([kernel[:, :, :_PICTURE], drives], axis=2)},
    }
    for name, block in motion.items():
        if "drive" in block:
            motion[name] = {**block, "drive": {"kernel": table @ block["drive"]["kernel"]}}
    classes = dataclasses.replace(design, drive="classes", drives=len(units), drive_scale=1.0, labels=tuple(EMOTIONS))
    return classes, {**generator, "motion": motion}


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line and folds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="a model that action units drive")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    options = parser.parse_args(arguments)
    with said_in_one_line():
        card, design, variables = files.read_atw(options.weights)
        design, generator = fold(design, variables["params"][objectives.GENERATOR], units_of_emotions())
        source = f"{card.source}; action units of eight emotions multiplied into the kernels"
        made = dataclasses.replace(card, name=options.output.stem, source=source)
        params = {"params": {objectives.GENERATOR: jax.device_get(generator)}}
        files.write_atw(options.output, made, design, params)
    return 0


if __name__ == "__main__":
    sys.exit(main())
