"""Landmarks in .pts files, as 300-W and 300-VW have them.

    version: 1
    n_points: 68
    {
    446.000 91.000
    ...
    }

The files count pixels from 1 (MATLAB); points are returned with the first pixel's centre at (0.5, 0.5).
"""

import numpy as np
from jaxtyping import Float

from jaxanim.data import CorruptRecordError

FROM_MATLAB = -0.5  # from a first pixel at 1 to one at 0.5


def parse(data: bytes, name: str, count: int) -> Float[np.ndarray, "n 2"]:
    """Reads `count` points (x, y).

    Args:
      data: content of the file.
      name: what to call it in errors.
      count: how many there must be.

    Raises:
      CorruptRecordError: it is not such a file, holds another number of points, or some that are not finite.
    """
    lines = [line.split() for line in data.decode("ascii", "replace").splitlines() if line.strip()]
    if [words[0] for words in lines[:3]] != ["version:", "n_points:", "{"] or lines[-1] != ["}"]:
        raise CorruptRecordError(f"{name}: not a .pts file: version, n_points and points in braces are expected")
    if lines[0][1:] != ["1"]:
        raise CorruptRecordError(f"{name}: is of version {' '.join(lines[0][1:])}, 1 can be read")
    rows = lines[3:-1]
    if lines[1][1:] != [str(count)] or len(rows) != count:
        raise CorruptRecordError(
            f"{name}: says {' '.join(lines[1][1:])} points and holds {len(rows)}, {count} are expected"
        )
    try:
        points = np.array(rows, np.float64)
    except ValueError as error:
        raise CorruptRecordError(f"{name}: a point is not two numbers") from error
    if points.shape != (count, 2) or not np.isfinite(points).all():
        raise CorruptRecordError(f"{name}: a point is not two finite numbers")
    return points + FROM_MATLAB
