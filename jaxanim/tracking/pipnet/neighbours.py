"""Which points guess which others: PIPNet's neighbours on a mean face. Tables are made on the host.

Every point is guessed by itself and by all whose neighbour it is. As in the released code all points have equally many
guesses: those of points with fewer neighbours are repeated in turn until they are as many as the most have (17 on the
mean face of WFLW), so that some count more than others.
"""

from pathlib import Path

import flax.struct
import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.core.types import Array, Float, Int
from jaxanim.tracking.pipnet import networks


@flax.struct.dataclass
class Guessers:
    """Who guesses a point besides itself.

    Attributes:
      point: whose guess.
      slot: which of its ten.
    """

    point: Int[np.ndarray | Array, "98 g"]
    slot: Int[np.ndarray | Array, "98 g"]


def read_mean_face(path: Path) -> Float[np.ndarray, "98 2"]:
    """Reads the `meanface.txt` of a PIPNet: x and y of every point on one line.

    Raises:
      InputError: the file is missing or holds something else.
    """
    try:
        numbers = np.array([float(word) for word in path.read_text(encoding="ascii").split()])
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise InputError(f"{path}: not the mean face of a PIPNet, which is numbers only") from error
    if numbers.size != 2 * networks.POINTS or not np.isfinite(numbers).all():
        raise InputError(f"{path}: a mean face is {2 * networks.POINTS} finite numbers, found {numbers.size}")
    return numbers.reshape(-1, 2)


def nearest(mean_face: Float[np.ndarray, "98 2"]) -> Int[np.ndarray, "98 10"]:
    """Returns the ten nearest points of each point, from near to far."""
    distances = ((mean_face[:, None] - mean_face[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distances, -1.0)
    return distances.argsort(axis=1, kind="stable")[:, 1 : networks.NEIGHBOURS + 1]


def check(neighbours: np.ndarray, *, what: str) -> None:
    """Raises InputError unless a table names ten others for each point, and each point at least once."""
    shape = (networks.POINTS, networks.NEIGHBOURS)
    if neighbours.shape != shape or neighbours.dtype.kind not in "iu":
        raise InputError(f"{what}: neighbours are integers of shape {shape}, got {neighbours.dtype} {neighbours.shape}")
    if set(neighbours.ravel().tolist()) != set(range(networks.POINTS)):
        raise InputError(f"{what}: neighbours name some point never, or one that is not there")


def guessers(neighbours: Int[np.ndarray, "98 10"]) -> Guessers:
    """Turns the table around.

    Raises:
      InputError: the table cannot be one, see `check`.
    """
    check(neighbours, what="table")
    found = [np.argwhere(neighbours == point) for point in range(networks.POINTS)]
    most = max(len(pairs) for pairs in found)
    repeated = np.stack([pairs[np.arange(most) % len(pairs)] for pairs in found])
    return Guessers(point=repeated[..., 0], slot=repeated[..., 1])
