"""Makes the small golden of DECA's fitting from the full one: every fourth row and column of the cropped pictures.

    python -m tests.golden.make_gdpw_deca FULL.npz FOLDER [MANIFEST.json]

The manifest becomes a list of the released encoder's tensors with their shapes.
"""

import json
import sys
from pathlib import Path

import numpy as np

CROPS = ("fit_crop224_u8", "fit_final_u8")
STEP = 4


def shrink(full: Path, folder: Path) -> None:
    with np.load(full, allow_pickle=False) as golden:
        small = {name: golden[name][::STEP, ::STEP] if name in CROPS else golden[name] for name in golden.files}
    np.savez_compressed(folder / "deca_fit.npz", **small)


def shorten(manifest: Path, folder: Path) -> None:
    shapes = {name: entry["shape"] for name, entry in json.loads(manifest.read_text()).items()}
    (folder / "deca_manifest.json").write_text(json.dumps(shapes) + "\n")


if __name__ == "__main__":
    shrink(Path(sys.argv[1]), Path(sys.argv[2]))
    if len(sys.argv) > 3:
        shorten(Path(sys.argv[3]), Path(sys.argv[2]))
