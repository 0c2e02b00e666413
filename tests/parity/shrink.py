"""Makes the small goldens of this repository from the full ones: every fourth row and column of what they hold.

    python -m tests.parity.shrink FULL.npz SMALL.npz

Inputs, statistics over the full resolution and noise floors stay whole.
"""

import re
import sys
from pathlib import Path

import numpy as np

STEP = 4
MIN_SIDE = 16


def shrink(source: Path, target: Path) -> None:
    with np.load(source, allow_pickle=False) as archive:
        golden = {name: archive[name] for name in archive.files}
    small = {}
    for name, array in golden.items():
        match = re.fullmatch(r"(out.*_b\d+_s)(\d+)", name)
        if match and array.shape[-1] >= STEP * MIN_SIDE:
            small[f"{match[1]}{int(match[2]) * STEP}"] = array[..., ::STEP, ::STEP]
        else:
            small[name] = array
    np.savez_compressed(target, **small)


if __name__ == "__main__":
    shrink(Path(sys.argv[1]), Path(sys.argv[2]))
