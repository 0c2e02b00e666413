"""From each host's rows of a batch to global arrays on a mesh."""

import itertools
from collections.abc import Iterable

import jax
from jax.sharding import Sharding

from jaxanim.data.source import Batch


def host_rows(sharding: Sharding, batch_size: int) -> slice:
    """Returns the rows of a global batch that this process's devices hold: what its loader has to read.

    Args:
      sharding: of the batch; its first axis is the one that is looked at.
      batch_size: rows of the global batch.
    """
    indices = sharding.addressable_devices_indices_map((batch_size,)).values()
    return _joined([index[0] for index in indices if index is not None], batch_size)


def place(batch: Batch, sharding: Sharding, batch_size: int) -> dict[str, jax.Array]:
    """Joins the rows of all processes, as `host_rows` shares them out, to global arrays.

    Args:
      batch: this process's rows.
      sharding: splits the first axis of every array.
      batch_size: rows of the global batch.
    """
    rows = host_rows(sharding, batch_size)
    count = rows.stop - rows.start
    short = {name: array.shape for name, array in batch.items() if array.ndim == 0 or len(array) != count}
    if short:
        raise ValueError(f"this process holds rows {rows.start} to {rows.stop} of {batch_size}, got shapes {short}")
    return {
        name: jax.make_array_from_process_local_data(sharding, array, (batch_size, *array.shape[1:]))
        for name, array in batch.items()
    }


def _joined(parts: Iterable[slice], batch_size: int) -> slice:
    """Joins the devices' parts of an axis to one; several devices may hold the same part."""
    spans = sorted({part.indices(batch_size)[:2] for part in parts})
    for (_, stop), (start, _) in itertools.pairwise(spans):
        if start != stop:
            raise ValueError(
                f"this process's devices hold rows {spans} of {batch_size}, which are not one stretch: order the "
                "devices of the mesh by process along the axis that splits the batch"
            )
    return slice(spans[0][0], spans[-1][1])
