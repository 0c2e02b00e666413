"""H3R's points: heatmaps to positions, with the picture and its mirror image averaged.

As its mirroring says (x becomes width - 1 - x), the released code counts positions from the first pixel's centre;
`LandmarkPoints` count from the corner, half a pixel more.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxanim.core import checks
from jaxanim.core.types import Array, Float, Params, UInt8
from jaxanim.geometry import mirror
from jaxanim.nn.apply import apply
from jaxanim.tracking import landmarks
from jaxanim.tracking.h3r import networks

SIZE = 256  # of the pictures that the released networks were trained with
MARGIN = 1.25  # as in the released code, of the longer side of the landmarks' box
CELLS = 9  # that a position is the mean of
_CENTRE = 0.5


@dataclasses.dataclass(frozen=True)
class H3RLandmarks:
    """H3R as a `landmarks.Landmarks`.

    Attributes:
      params: of `networks.H3R`, see `files.read_h3r`.
      backbone: which network they are of.
      flip_test: whether the mirrored picture is looked at, too; the released code does, at twice the time.
      size: of the crops; the network takes any multiple of 32.
      margin: see `landmarks.Landmarks`.
    """

    params: Params
    backbone: networks.Backbone
    flip_test: bool = True
    size: int = SIZE
    margin: float = MARGIN

    def __call__(self, crops: UInt8[np.ndarray | Array, "n h w 3"]) -> landmarks.LandmarkPoints:
        """Finds the points of one face in each crop.

        The confidence is how many cells the network thinks a point to be in, among the best nine, at most 1, as a mean
        over points: by the training's rounding a point is in exactly one.

        Raises:
          ValueError: crops have another type or shape.
        """
        landmarks.check_crops(crops, size=self.size)
        return _find(self.params, jnp.asarray(crops), backbone=self.backbone, flip_test=self.flip_test)


def find(
    params: Params, rgb01: Float[Array, "n h w 3"], *, backbone: networks.Backbone, flip_test: bool
) -> landmarks.LandmarkPoints:
    """Finds points in pictures that are float in [0, 1]."""
    with jax.default_matmul_precision("highest"):
        network = functools.partial(apply, networks.H3R(backbone), params)
        if not flip_test:
            heatmaps = network(rgb01)
            points, chance = positions(heatmaps.present), confidence(heatmaps)
        else:
            heatmaps = network(jnp.concatenate([rgb01, rgb01[:, :, ::-1]]))
            points, mirrored = jnp.split(positions(heatmaps.present), 2)
            points = (points + unmirror(mirrored, width=rgb01.shape[2])) / 2
            chance = confidence(heatmaps).reshape(2, len(rgb01)).mean(axis=0)
    return landmarks.LandmarkPoints(points + _CENTRE, chance)


def positions(present: Float[Array, "*b h w k"]) -> Float[Array, "*b k 2"]:
    """Decodes heatmaps: the mean place of the best cells, weighted by the softmax over their logits.

    Returns:
      (x, y) in pixels of the picture, the first pixel's centre at 0.
    """
    checks.check_rank_at_least("present", present, 3)
    width = present.shape[-2]
    values, cells = _best(present)
    places = jnp.stack([cells % width, cells // width], axis=-1).astype(values.dtype)
    weights = jax.nn.softmax(values, axis=-1)
    return networks.STRIDE * (weights[..., None] * places).sum(axis=-2)


def confidence(heatmaps: networks.Heatmaps) -> Float[Array, "*b"]:
    """Returns how sure the network is of its points, see `H3RLandmarks`."""
    chances, _ = _best(jax.nn.sigmoid(heatmaps.present - heatmaps.absent))
    return jnp.minimum(chances.sum(axis=-1), 1.0).mean(axis=-1)


def unmirror(points: Float[Array, "*b 98 2"], *, width: int) -> Float[Array, "*b 98 2"]:
    """Returns points found in a mirrored picture as those of the picture, both from the first pixel's centre."""
    order = mirror.mirrored_order(networks.POINTS)
    x = jnp.asarray(width - 1, points.dtype) - points[..., order, 0]
    return jnp.stack([x, points[..., order, 1]], axis=-1)


def _best(maps: Float[Array, "*b h w k"]) -> tuple[Float[Array, "*b k c"], Array]:
    """Returns the highest values of each map and their cells, counted in rows."""
    flat = jnp.moveaxis(maps.reshape(*maps.shape[:-3], -1, maps.shape[-1]), -1, -2)
    values, cells = lax.top_k(flat, CELLS)
    return values, cells


@functools.partial(jax.jit, static_argnames=("backbone", "flip_test"))
def _find(
    params: Params, crops: UInt8[Array, "n h w 3"], *, backbone: networks.Backbone, flip_test: bool
) -> landmarks.LandmarkPoints:
    return find(params, crops.astype(jnp.float32) / 255, backbone=backbone, flip_test=flip_test)
