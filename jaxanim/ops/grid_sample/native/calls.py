"""The native warp as a JAX function: a call into C++ with a backward pass that is another."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample.native import library
from jaxanim.ops.grid_sample.positions import Padding, Units

_PADDINGS = {"zeros": 0, "border": 1, "reflect": 2}  # as in positions.h
_MAX_SIDE = 2**23


class _Convention(NamedTuple):
    padding: Padding
    align_corners: bool
    units: Units

    def attributes(self) -> dict[str, np.int32 | bool]:
        """Returns what C++ is told."""
        return {
            "padding": np.int32(_PADDINGS[self.padding]),
            "align_corners": self.align_corners,
            "normalised": self.units == "normalised",
        }


def sample(
    image: Float[Array, "*b h w c"],
    grid: Float[Array, "*b i j 2"],
    *,
    padding: Padding,
    align_corners: bool,
    units: Units,
) -> Float[Array, "*b i j c"]:
    """Samples images at the positions of grids (see `grid_sample`); padding and units are resolved in C++, too.

    Raises:
      NotImplementedError: the library is not built, or a side of the image has more than 2^23 pixels.
    """
    if max(image.shape[-3:-1]) > _MAX_SIDE:
        raise NotImplementedError(f"native takes images of up to 2^23 rows and columns, got {image.shape}")
    return _sample(image, grid, _Convention(padding, bool(align_corners), units))


def read(image: Float[Array, "*b h w c"], position: Float[Array, "*b i j 2"]) -> Float[Array, "*b i j c"]:
    """Reads images that are 0 outside at resolved positions (see `positions.resolve`)."""
    return sample(image, position, padding="zeros", align_corners=False, units="pixel")


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _sample(image: Array, grid: Array, convention: _Convention) -> Array:
    shape = (*grid.shape[:-1], image.shape[-1])
    call = jax.ffi.ffi_call(library.load().read, jax.ShapeDtypeStruct(shape, jnp.float32), vmap_method="broadcast_all")
    return call(image.astype(jnp.float32), grid, **convention.attributes()).astype(image.dtype)


def _forward(image: Array, grid: Array, convention: _Convention) -> tuple[Array, tuple[Array, Array]]:
    return _sample(image, grid, convention), (image, grid)


def _backward(convention: _Convention, residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    image, grid = residuals
    results = jax.ShapeDtypeStruct(image.shape, jnp.float32), jax.ShapeDtypeStruct(grid.shape, jnp.float32)
    call = jax.ffi.ffi_call(library.load().pullback, results, vmap_method="broadcast_all")
    image_gradient, grid_gradient = call(
        image.astype(jnp.float32), grid, cotangent.astype(jnp.float32), **convention.attributes()
    )
    return image_gradient.astype(image.dtype), grid_gradient


_sample.defvjp(_forward, _backward)
