"""ResWarp: a small animated picture becomes as large as the photo it was made from (ATW, section 3.3).

What the photo has and the small picture lacks is taken apart once per photo (`take_apart`). Every frame moves these
residuals by the frame's own flow, enlarged, and adds them to the enlarged frame (`assemble`). 'vanilla' has one
residual of the full size; 'multiscale' one for each halving on the way down, the odd rest of the factor last.

    vanilla      O = Up(o, N) + warp(I - Up(Dn(I), N), flow)
    multiscale   X^K = o;  X^k = Up(X^(k+1)) + warp(I^k - Up(I^(k+1)), flow);  O = X^0

Any value range. A photo of any size fits: its edges are repeated to a multiple of the small size, evenly on both
sides, and cut off again. Residuals move with repeated edges ('border'), whatever the network's own warp does.
"""

from typing import Literal, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.types import Array, Float, Image
from jaxanim.ops import fused_warp, pyramid

Mode = Literal["none", "vanilla", "multiscale"]
Fit = Literal["pad", "anisotropic"]
_MODES: tuple[Mode, ...] = ("none", "vanilla", "multiscale")
_FITS: tuple[Fit, ...] = ("pad", "anisotropic")


@flax.struct.dataclass
class Residuals:
    """A photo taken apart, computed once.

    Attributes:
      small: what the network gets to see.
      bands: residuals, finest first; in mode 'none' and for photos that are no larger, there are none.
      steps: factors of height and width from one level to the next, finest first.
      size: height and width of the photo.
      corner: row and column of the photo's first pixel in the padded picture.
    """

    small: Image
    bands: tuple[Float[Array, "*b _ _ c"], ...]
    steps: tuple[pyramid.Factors, ...] = flax.struct.field(pytree_node=False)
    size: tuple[int, int] = flax.struct.field(pytree_node=False)
    corner: tuple[int, int] = flax.struct.field(pytree_node=False)


class Layout(NamedTuple):
    """How a photo becomes a multiple of the small size.

    Attributes:
      factors: of height and width, from the small size to that of the padded photo.
      steps: the same in parts, see `Residuals`.
      corner: row and column of the photo's first pixel in the padded picture.
    """

    factors: pyramid.Factors
    steps: tuple[pyramid.Factors, ...]
    corner: tuple[int, int]


def take_apart(photo: Image, small_size: tuple[int, int], *, mode: Mode, fit: Fit = "pad") -> Residuals:
    """Takes a photo apart into what a network sees and what it does not.

    Args:
      photo: any size, any leading batch axes.
      small_size: height and width of the network's pictures.
      mode: which residuals; 'none' leaves frames as blurred as they are.
      fit: 'pad' keeps the shape of pixels and adds edges to the shorter side; 'anisotropic' shrinks each side by its
        own factor, so that the network sees a squeezed face (what the paper implies; it harms faces).
    """
    layout = lay_out(photo.shape[-3], photo.shape[-2], small_size, mode=mode, fit=fit)
    size, corner, steps = (photo.shape[-3], photo.shape[-2]), layout.corner, layout.steps
    around = [
        (first, factor * small - length - first)
        for first, factor, small, length in zip(corner, layout.factors, small_size, size, strict=True)
    ]
    padded = jnp.pad(photo, [(0, 0)] * (photo.ndim - 3) + [*around, (0, 0)], mode="edge")
    if mode == "none":
        return Residuals(pyramid.downsample_area(padded, layout.factors), (), steps, size, corner)
    small, bands = pyramid.residual_bands(padded, steps)
    return Residuals(small, bands, steps, size, corner)


def lay_out(height: int, width: int, small_size: tuple[int, int], *, mode: Mode, fit: Fit) -> Layout:
    """Decides how a photo becomes a multiple of the small size, and in which steps it shrinks (see `take_apart`)."""
    checks.check_option("mode", mode, _MODES)
    checks.check_option("fit", fit, _FITS)
    factors = (-(-height // small_size[0]), -(-width // small_size[1]))
    if fit == "pad":
        factors = (max(factors), max(factors))
    corner = ((factors[0] * small_size[0] - height) // 2, (factors[1] * small_size[1] - width) // 2)
    steps = pyramid.halving_steps(factors) if mode == "multiscale" else (factors,)
    return Layout(factors, () if factors == (1, 1) else steps, corner)


def assemble(
    residuals: Residuals, image: Image, flow_px: Float[Array, "*b i j 2"], *, align_corners: bool
) -> Float[Array, "*b _ _ c"]:
    """Enlarges frames to the photo's size with its details; not clipped.

    Args:
      residuals: of one photo, or of one for each frame.
      image: small frames.
      flow_px: their backward flow in pixels of the small size.
      align_corners: how displacements grow: True by (n - 1) / (m - 1) from m pixels to n, as ATW's do, which are
        fractions of the distance between the corner pixels' centres; False by n / m.

    Raises:
      ValueError: sizes do not fit.
    """
    checks.check_trailing_shape("image", image, residuals.small.shape[-3:])
    checks.check_trailing_shape("flow_px", flow_px, (*image.shape[-3:-1], 2))
    bands = residuals.bands or (None,) * len(residuals.steps)
    for step, band in reversed(list(zip(residuals.steps, bands, strict=True))):
        image = pyramid.upsample_bilinear(image, step)
        if band is not None:
            image = _add_moved(image, band, flow_px, align_corners)
    (top, left), (height, width) = residuals.corner, residuals.size
    return image[..., top : top + height, left : left + width, :]


def enlarge(
    image: Image, height: int, width: int, *, method: Literal["nearest", "bilinear", "bicubic"]
) -> Float[Array, "*b {height} {width} c"]:
    """Enlarges frames without a photo, to compare with (ATW, table 3)."""
    checks.check_option("method", method, ("nearest", "bilinear", "bicubic"))
    how = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}[method]
    return jax.image.resize(image, (*image.shape[:-3], height, width, image.shape[-1]), how, antialias=False)


def _add_moved(
    base: Image, band: Float[Array, "*s h w c"], flow_px: Float[Array, "*b i j 2"], align_corners: bool
) -> Image:
    """Adds a residual that has moved."""
    # `warp_by_small_flow` multiplies displacements by n / m.
    small, large = flow_px.shape[-3:-1], base.shape[-3:-1]
    growth = [
        aligned * old / new
        for aligned, old, new in zip(
            growth_of(small, large, align_corners=align_corners), reversed(small), reversed(large), strict=True
        )
    ]
    if align_corners:
        flow_px = flow_px * jnp.expand_dims(jnp.asarray(growth, flow_px.dtype), tuple(range(flow_px.ndim - 1)))
    moved = jnp.broadcast_to(band, base.shape)
    return fused_warp.warp_by_small_flow(moved, flow_px, padding="border", base=base)


def growth_of(small: tuple[int, ...], large: tuple[int, ...], *, align_corners: bool) -> tuple[float, float]:
    """Returns by what displacements (x, y) grow between two sizes (height, width), see `assemble`.

    Raises:
      ValueError: the small size has no corners to align.
    """
    if not align_corners:
        return large[1] / small[1], large[0] / small[0]
    if 1 in small:
        raise ValueError("flows of one pixel's height or width have no corners to align")
    return (large[1] - 1) / (small[1] - 1), (large[0] - 1) / (small[0] - 1)
