"""From a small frame and its flow to the photo it was made from: faded out at the crop's edges, enlarged, pasted in.

Works for any system that returns a flow with its pictures (`core.system.Frame`). Small pictures are RGB in [-1, 1],
photos are uint8 sRGB. Memory is that of the photo, its residuals and the frames in work.
"""

import functools

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from jaxanim.animate import crop
from jaxanim.core.types import Array, Float, Flow, Image
from jaxanim.ops import flow as flows
from jaxanim.ops import residual_stream, residual_warp
from jaxanim.ops.residual_warp import Fit, Mode, Residuals

STILL = 1.0  # pixels of the small picture along the crop's edge that do not change at all
FADE = 10.0  # pixels further in, everything moves as the system says


@flax.struct.dataclass
class Place:
    """Where frames go: a photo and the box of it that was taken apart.

    Attributes:
      photo: the whole photo.
      box: the part of it that moves.
      residuals: of that part; `residuals.small` is what the system gets to see.
      mask: how much may change, 1 per pixel of the small picture: 0 along edges that lie within the photo, 1 away from
        them and along the photo's own edges.
    """

    photo: UInt8[np.ndarray, "h w 3"] = flax.struct.field(pytree_node=False)
    box: crop.Box = flax.struct.field(pytree_node=False)
    residuals: Residuals
    mask: Float[Array, "i j 1"]


def find_place(
    photo: UInt8[np.ndarray, "h w 3"], box: crop.Box, small_size: tuple[int, int], *, mode: Mode, fit: Fit = "pad"
) -> Place:
    """Takes a part of a photo apart, once for all frames.

    Args:
      photo: any size.
      box: the part that moves.
      small_size: height and width of the system's pictures.
      mode: of the residual warp; 'none' leaves the part as blurred as the system's pictures are.
      fit: how boxes that are not square become what the system sees, see `residual_warp.take_apart`.

    Raises:
      InputError: the box lies outside of the photo.
    """
    crop.check(box, photo)
    take_apart = functools.partial(residual_stream.take_apart, small_size=small_size, mode=mode, fit=fit)
    residuals = jax.jit(take_apart)(crop.take(photo, box))
    layout = residual_warp.lay_out(box.height, box.width, small_size, mode=mode, fit=fit)
    height, width = photo.shape[:2]
    rows = _fade(small_size[0], layout.factors[0], layout.corner[0], box.height, box.y > 0, box.y + box.height < height)
    columns = _fade(small_size[1], layout.factors[1], layout.corner[1], box.width, box.x > 0, box.x + box.width < width)
    return Place(photo, box, residuals, jnp.asarray(rows[:, None, None] * columns[None, :, None]))


def fade_out(
    image: Image, flow_px: Flow, source: Float[Array, "h w 3"], mask: Float[Array, "h w 1"]
) -> tuple[Image, Flow]:
    """Brings frames to rest where the mask is 0.

    The flow shrinks with the mask, and so does what the system repainted after the warp: the source moved by the
    smaller flow, plus the mask times what the frame has and the moved source lacks. Nothing shows twice, as it would
    were frames blended with the source.

    Args:
      image: small frames.
      flow_px: their flow.
      source: the small picture they were made from.
      mask: how much of each pixel's change stays.
    """
    batch = image.shape[:-3]
    sources = jnp.broadcast_to(source, (*batch, *source.shape))
    masks = jnp.broadcast_to(mask, (*batch, *mask.shape))
    faded_px = flow_px * masks
    repainted = image - flows.warp(sources, flow_px, padding="border")
    return flows.warp(sources, faded_px, padding="border") + masks * repainted, faded_px


class Paster:
    """Makes whole pictures of small frames; compiled once for a place."""

    def __init__(self, place: Place, *, align_corners: bool):
        """Compiles.

        Args:
          place: where frames go.
          align_corners: how displacements grow, see `residual_warp.assemble`.
        """
        self._place = place
        height, width = place.residuals.small.shape[:2]
        image, flow_px = (jax.ShapeDtypeStruct((height, width, channels), jnp.float32) for channels in (3, 2))
        assemble = jax.jit(functools.partial(residual_stream.assemble, align_corners=align_corners))
        self._assemble = assemble.lower(place.residuals, image, flow_px).compile()

    def __call__(self, image: Float[Array, "i j 3"], flow_px: Float[Array, "i j 2"]) -> UInt8[np.ndarray, "h w 3"]:
        """Returns the photo with one frame in it; may be called from several threads."""
        place = self._place
        return crop.paste(place.photo, place.box, np.asarray(self._assemble(place.residuals, image, flow_px)))


def _fade(
    small: int, factor: int, corner: int, length: int, first_fades: bool, last_fades: bool
) -> Float[np.ndarray, " n"]:
    """Returns the mask along one axis; distances are of pixels' centres from the box's ends, in small pixels."""
    centres = np.arange(small) + 0.5
    first, last = centres - corner / factor, (corner + length) / factor - centres
    distances = [d for d, fades in ((first, first_fades), (last, last_fades)) if fades]
    x = np.clip((np.min(distances, axis=0) - STILL) / FADE, 0.0, 1.0) if distances else np.ones(small)
    return (x * x * (3.0 - 2.0 * x)).astype(np.float32)
