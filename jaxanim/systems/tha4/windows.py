"""Windows of the picture at the body student's three levels, so that it can be trained on parts of it exactly.

The student is a function of each pixel, except where a coarser level is doubled: there each pixel also needs its
neighbours. A window therefore carries one more pixel on each side at the two coarser levels. Beyond the picture the
outermost pixels are repeated, which is what doubling a whole picture does.
"""

import jax.numpy as jnp

from jaxanim.core.types import Array, Float, Int
from jaxanim.ops import flow as flows

LEVEL_SIZES = (128, 256, 512)
_MARGINS = (1, 1, 0)


def body_window(
    column: Int[Array, ""], row: Int[Array, ""], size: int
) -> tuple[Float[Array, "_ _ 2"], Float[Array, "_ _ 2"], Float[Array, "_ _ 2"]]:
    """Returns normalised pixel centres of a square window at the three levels.

    Args:
      column: first column of the window at the coarsest level (128 x 128); may be traced.
      row: first row likewise.
      size: width and height of the window at the coarsest level; the finest is 4 times as large.
    """
    coarse, middle, fine = (
        _level(column * 2**level, row * 2**level, size * 2**level, LEVEL_SIZES[level], _MARGINS[level])
        for level in range(3)
    )
    return coarse, middle, fine


def _level(column: Int[Array, ""], row: Int[Array, ""], size: int, picture: int, margin: int) -> Float[Array, "_ _ 2"]:
    offsets = jnp.arange(-margin, size + margin)

    def centers(first: Int[Array, ""]) -> Float[Array, " n"]:
        index = jnp.clip(first + offsets, 0, picture - 1)
        return (2 * index + 1).astype(jnp.float32) / picture - 1.0

    return flows.grid_of_axes(centers(column), centers(row))
