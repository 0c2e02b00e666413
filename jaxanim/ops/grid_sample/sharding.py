"""The warp over several devices: each samples its part of the output from its own copy of what it needs."""

from typing import Any

import jax
from jax.sharding import Mesh, PartitionSpec

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample import api


def grid_sample_sharded(
    image: Float[Array, "b h w c"],
    grid: Float[Array, "b i j 2"],
    *,
    mesh: Mesh,
    batch_axis: str | None = None,
    row_axis: str | None = None,
    **options: Any,
) -> Float[Array, "b i j c"]:
    """`grid_sample` with the batch split over one axis of a mesh and the output's rows over another.

    Pallas kernels do not partition themselves; inside `jit` on more than one device they need this function. Rows are
    for few large pictures: every device of `row_axis` holds the whole image, and a part of the grid and the output.

    Args:
      image: see `grid_sample`.
      grid: see `grid_sample`.
      mesh: the devices.
      batch_axis: name of the mesh axis that the batch is split over; None keeps it whole.
      row_axis: name of the mesh axis that the rows of grid and output are split over; None keeps them whole.
      **options: those of `grid_sample`.

    Raises:
      ValueError: a name is not an axis of the mesh, both are the same, or a size is not a multiple of its axis' size.
    """
    _check_axis(mesh, "batch_axis", batch_axis, grid.shape[0])
    _check_axis(mesh, "row_axis", row_axis, grid.shape[1])
    if batch_axis is not None and batch_axis == row_axis:
        raise ValueError(f"batch_axis and row_axis must differ, got {batch_axis!r} for both")
    whole, part = PartitionSpec(batch_axis), PartitionSpec(batch_axis, row_axis)

    def sample(image: Array, grid: Array) -> Array:
        return api.grid_sample(image, grid, **options)

    # check_vma: Pallas calls do not say over which axes their results vary.
    sharded = jax.shard_map(sample, mesh=mesh, in_specs=(whole, part), out_specs=part, check_vma=False)
    return sharded(image, grid)


def _check_axis(mesh: Mesh, what: str, name: str | None, size: int) -> None:
    if name is None:
        return
    if name not in mesh.axis_names:
        raise ValueError(f"{what} must be one of the mesh's axes {mesh.axis_names}, got {name!r}")
    if size % mesh.shape[name]:
        raise ValueError(f"{what} {name!r} splits {size} over {mesh.shape[name]} devices, which does not come out even")
