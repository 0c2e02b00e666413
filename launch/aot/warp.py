"""The warp and both its gradients as one program, and the least it can read and write."""

import math
from collections.abc import Callable
from typing import Any

import jax

from jaxanim.core.types import Array
from jaxanim.ops import grid_sample
from jaxanim.ops.grid_sample.shapes import WarpShape


def program(implementation: grid_sample.Implementation) -> Callable[[Array, Array, Array], Any]:
    """Returns the function (image, grid, cotangent) -> (output, (image's gradient, grid's gradient))."""

    def sample(image: Array, grid: Array) -> Array:
        return grid_sample.grid_sample(
            image, grid, padding="border", align_corners=False, units="normalised", implementation=implementation
        )

    def forward_and_backward(image: Array, grid: Array, cotangent: Array) -> Any:
        output, pullback = jax.vjp(sample, image, grid)
        return output, pullback(cotangent)

    return forward_and_backward


def arguments(shape: WarpShape) -> tuple[jax.ShapeDtypeStruct, ...]:
    """Returns what `program` takes."""
    return shape.image(), shape.grid(), shape.output()


def minimum_bytes(shape: WarpShape) -> int:
    """Returns the traffic of a perfect kernel: image, grid, cotangent read once, output and gradients written once."""

    def size(array: jax.ShapeDtypeStruct) -> int:
        return math.prod(array.shape) * array.dtype.itemsize

    # Each has a partner of its own size: the image its gradient, the grid its gradient, the output its cotangent.
    return 2 * (size(shape.image()) + size(shape.grid()) + size(shape.output()))
