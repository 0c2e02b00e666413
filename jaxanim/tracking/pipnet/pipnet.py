"""PIPNet's points: the best cell of each point, its offset there, and the mean with what the neighbours guess."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Array, Float, Int, Params, UInt8
from jaxanim.nn.apply import apply
from jaxanim.tracking import landmarks
from jaxanim.tracking.pipnet import neighbours as tables
from jaxanim.tracking.pipnet import networks

SIZE = 256  # of the pictures that the released networks were trained with
# The released crops are not square and lack their top: 1.2 times as wide and 1.6 times as high as the mean face's
# points, which fill a square of this margin equally well in both directions.
MARGIN = 1.4


@dataclasses.dataclass(frozen=True)
class PIPNetLandmarks:
    """PIPNet as a `landmarks.Landmarks`.

    Attributes:
      params: of `networks.PIPNet`, see `files.read_pipnet`.
      neighbours: of each point, those that the network was trained with, see `neighbours.nearest`.
      size: of the crops; the network takes any multiple of 32.
      margin: see `landmarks.Landmarks`.
    """

    params: Params
    neighbours: Int[np.ndarray, "98 10"]
    size: int = SIZE
    margin: float = MARGIN

    def __call__(self, crops: UInt8[np.ndarray | Array, "n h w 3"]) -> landmarks.LandmarkPoints:
        """Finds the points of one face in each crop.

        The confidence is the mean of the points' best scores, each limited to [0, 1].

        Raises:
          ValueError: crops have another type or shape.
        """
        landmarks.check_crops(crops, size=self.size)
        return _find(self.params, jnp.asarray(crops), tables.guessers(self.neighbours))


def find(params: Params, rgb01: Float[Array, "n h w 3"], guessers: tables.Guessers) -> landmarks.LandmarkPoints:
    """Finds points in pictures that are float in [0, 1]."""
    with jax.default_matmul_precision("highest"):
        guesses = apply(networks.PIPNet(), params, rgb01)
        points = networks.STRIDE * merge(places(guesses), guessers)
        scores = guesses.scores.max(axis=(-3, -2))
    return landmarks.LandmarkPoints(points, jnp.clip(scores, 0.0, 1.0).mean(axis=-1))


def places(guesses: networks.Guesses) -> Float[Array, "b 98 11 2"]:
    """Returns what the best cell of each point says: where it is, and where its ten neighbours are.

    Positions are (x, y) in cells from the picture's upper left corner.
    """
    batch, _, width, count = guesses.scores.shape
    best = guesses.scores.reshape(batch, -1, count).argmax(axis=1)
    told = jnp.concatenate([guesses.offsets[..., None, :], guesses.neighbours], axis=-2)
    told = jnp.take_along_axis(told.reshape(batch, -1, *told.shape[3:]), best[:, None, :, None, None], axis=1)[:, 0]
    cells = jnp.stack([best % width, best // width], axis=-1).astype(told.dtype)
    return cells[..., None, :] + told


def merge(told: Float[Array, "b 98 11 2"], guessers: tables.Guessers) -> Float[Array, "b 98 2"]:
    """Averages each point's own place with the guesses of the points whose neighbour it is."""
    others = told[:, :, 1:][:, guessers.point, guessers.slot]
    return jnp.concatenate([told[:, :, :1], others], axis=2).mean(axis=2)


@jax.jit
def _find(params: Params, crops: UInt8[Array, "n h w 3"], guessers: tables.Guessers) -> landmarks.LandmarkPoints:
    return find(params, crops.astype(jnp.float32) / 255, guessers)
