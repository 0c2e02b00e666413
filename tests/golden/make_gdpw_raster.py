"""Makes the small golden of GDPW's rasterised maps from the full one: every second or eighth row and column.

    python -m tests.golden.make_gdpw_raster FULL.npz CHECKPOINT.npz FOLDER

The checkpoint gives the triangles, which are synthetic and the same for every salt.
"""

import sys
from pathlib import Path

import numpy as np

KEPT = ("verts_s", "verts_d")
STEPS = {
    "tri_id_s": 2,
    "tri_id_d": 2,
    "flow_raw": 2,
    "flow_aa": 2,
    "tem_d_sum": 2,
}


def shrink(full: Path, checkpoint: Path, folder: Path) -> None:
    with np.load(full, allow_pickle=False) as golden:
        small = {name: golden[name] for name in golden.files if name in KEPT or name.startswith("stable_")}
        small |= {name: golden[name][::step, ::step] for name, step in STEPS.items()}
        small |= {name: golden[name][:, ::2, ::2] for name in ("tem_s_s4", "tem_d_s4")}
    np.savez_compressed(folder / "raster_e2e.npz", **small)
    with np.load(checkpoint, allow_pickle=False) as state:
        np.savez_compressed(folder / "faces.npz", faces=state["mesh_renderer.tri"].astype(np.int16))


if __name__ == "__main__":
    shrink(*map(Path, sys.argv[1:]))
