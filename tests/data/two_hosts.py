"""One of several processes that read one global batch; notes, for each step, what it holds and a sum over all.

python -m tests.data.two_hosts INDEX COUNT PORT RESULT.json
"""

import json
import sys
from pathlib import Path

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxanim.data import Loader, host_rows, place
from tests.data.sources import Numbers

BATCH_SIZE, STEPS, FIRST_STEP = 8, 4, 5


def loader(rows: slice | None) -> Loader:
    return Loader(Numbers(23, damaged=(4, 9)), seed=1, batch_size=BATCH_SIZE, rows=rows)


def main(index: int, count: int, port: int, result: Path) -> None:
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", 2)
    jax.distributed.initialize(f"localhost:{port}", count, index)
    mesh = jax.make_mesh((2 * count,), ("data",), axis_types=(AxisType.Auto,))
    sharding = NamedSharding(mesh, PartitionSpec("data"))
    rows = host_rows(sharding, BATCH_SIZE)
    places = np.arange(1, BATCH_SIZE + 1, dtype=np.int32)
    weighted = jax.jit(lambda numbers: (numbers * places).sum(), out_shardings=NamedSharding(mesh, PartitionSpec()))
    found = []
    with loader(rows).batches(FIRST_STEP) as batches:
        for _ in range(STEPS):
            batch = next(batches)
            total = weighted(place(batch, sharding, BATCH_SIZE)["number"])
            found.append({"rows": [rows.start, rows.stop], "numbers": batch["number"].tolist(), "total": int(total)})
    result.write_text(json.dumps(found))  # gloo talks on the standard output


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), Path(sys.argv[4]))
