"""Writes which expressions come together in drawn people's motions, for `jaxanim.tracking.expression_prior`.

`python -m data_pipelines.expression_moments OUT.npz`; the same file every time. The motions are not those of any
data set: their seeds are above `_FIRST_SEED`.
"""

import sys
from pathlib import Path

import numpy as np

from data_pipelines.procedural_faces import anatomy
from data_pipelines.procedural_faces.motion import random_motion
from jaxanim.core import files

_FIRST_SEED, _CLIPS, _FRAMES = 1_000_000_000, 400, 100


def moments() -> np.ndarray:
    """Returns mean products of all pairs of coefficients, (52, 52)."""
    total = sum(expression.T @ expression for expression in map(_expression, range(_CLIPS)))
    return np.asarray(total / (_CLIPS * _FRAMES))


def main(path: Path) -> None:
    """Writes the file."""
    with files.replacing(path) as temporary:
        names = np.array(anatomy.anatomy().expression_names)
        np.savez(temporary, names=names, moments=moments().astype(np.float32))


def _expression(number: int) -> np.ndarray:
    return random_motion(_FIRST_SEED + number, _FRAMES).expression


if __name__ == "__main__":
    main(Path(sys.argv[1]))
