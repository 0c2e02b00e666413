"""`grid_sample`: argument checks, batch axes and the choice of a backend around the reference."""

import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample import dispatch, native
from jaxanim.ops.grid_sample.dispatch import Implementation
from jaxanim.ops.grid_sample.positions import Padding, Units, resolve

_PADDINGS = ("zeros", "border", "reflect")
_UNITS = ("normalised", "pixel")


def grid_sample(
    image: Float[Array, "*b h w c"],
    grid: Float[Array, "*b i j 2"],
    *,
    padding: Padding,
    align_corners: bool,
    units: Units,
    implementation: Implementation | None = None,
) -> Float[Array, "*b i j c"]:
    """Samples images bilinearly at the positions of grids.

    `reference.py` defines the result to the last detail. Equal to PyTorch's `grid_sample` (NHWC instead of NCHW).

    Args:
      image: any value range; float32, bfloat16 or float16. Interpolation is done in float32.
      grid: (x, y) positions, float32, one per output pixel; the batch axes are those of `image`.
      padding: 'border' repeats the edge pixels, 'zeros' is 0 outside, 'reflect' mirrors the image.
      align_corners: whether the normalised range [-1, 1] ends at the centres of the corner pixels (True) or at the
        edges of the image (False). In pixel units it only says where 'reflect' puts the mirror.
      units: 'normalised' or 'pixel' coordinates.
      implementation: None takes what measured best on this kind of device (`dispatch`); a name forces that backend:
        'xla', 'pallas_gpu' (Triton), 'mosaic_gpu' (Hopper and newer, jax 0.11 and newer), 'pallas_tpu', or 'native':
        C++ for CPUs, which `python -m jaxanim.ops.grid_sample.native` compiles where it is to run.

    Returns:
      One value per grid position, in the type of `image`.

    Raises:
      TypeError: `image` is not floating point, or `grid` is not float32.
      ValueError: shapes do not fit, an axis of the image is empty, or an option is unknown.
      NotImplementedError: the implementation asked for cannot run here, or is not built.
    """
    checks.check_option("padding", padding, _PADDINGS)
    checks.check_option("units", units, _UNITS)
    if implementation is not None:
        checks.check_option("implementation", implementation, dispatch.IMPLEMENTATIONS)
    _check_arrays(image, grid)
    if implementation == "native":
        # It resolves positions itself: between XLA and C++ they would take as long as the warp.
        dispatch.check_platform(implementation)
        return native.sample(image, grid, padding=padding, align_corners=align_corners, units=units)
    height, width = image.shape[-3:-1]
    positions = resolve(grid, height, width, padding=padding, align_corners=align_corners, units=units)
    return dispatch.read(image, positions, implementation)


def _check_arrays(image: Array, grid: Array) -> None:
    checks.check_rank_at_least("image", image, 3)
    checks.check_rank_at_least("grid", grid, 3)
    checks.check_trailing_shape("grid", grid, (None, None, 2))
    checks.check_same_leading_shape("image and grid", image.shape[:-3], grid.shape[:-3])
    if not jnp.issubdtype(image.dtype, jnp.floating):
        raise TypeError(f"image must be floating point, got {image.dtype}")
    checks.check_float32("grid", grid)
    if 0 in image.shape[-3:]:
        raise ValueError(f"image must not be empty, got shape {tuple(image.shape)}")
