"""Makes the small goldens of GDPW's networks from the full ones: fewer rows, columns and channels.

    python -m tests.golden.make_gdpw_networks FOLDER_OF_FULL_GOLDENS SALT FOLDER

Pictures that the salt gives (`tests.parity.gdpw_pictures`) are left out. Statistics of every pixel stay whole.
"""

import re
import sys
from pathlib import Path

import numpy as np

from jaxanim.systems.gdpw.presets import GUIDANCES

MOST = 32  # rows and columns of pictures and flows that stay
MOST_OF_LAYERS = 8
DRAWN = ("img_s_u8", "real_u8", "fake_u8", "vgg_a_u8", "vgg_b_u8")
OF_END_TO_END = re.compile(r"(shape|exp|pose|eye_pose|cam|img_u8|verts_[sd]|(out_img|warp_img|alpha|flow_x1)_s2)")
OTHER = ("euro_", "lz4_", "up_nearest")


def shrink(folder: Path, salt: str, target: Path) -> None:
    for guidance in GUIDANCES:
        _write(target / f"generator_{guidance}.npz", _small(_read(folder / f"gdpw_generator_{guidance}_{salt}.npz")))
    _write(target / "discriminator.npz", _small(_read(folder / f"gdpw_discriminator_{salt}.npz")))
    losses = _read(folder / f"gdpw_ops_losses_{salt}.npz")
    _write(target / "ops_losses.npz", {k: v for k, v in losses.items() if k not in DRAWN and not k.startswith(OTHER)})
    whole = _read(folder / f"gdpw_raster_e2e_{salt}.npz")
    _write(target / "end_to_end.npz", _small({k: v for k, v in whole.items() if OF_END_TO_END.fullmatch(k)}))


def _read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as golden:
        return {name: golden[name] for name in golden.files}


def _small(golden: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    small = {}
    for name, array in golden.items():
        if name in DRAWN:
            continue
        match = re.fullmatch(r"(.*_s)(\d+)", name)
        if array.ndim != 3 or array.shape[0] > 16 or name.endswith(("_border", "_u8")):
            small[name] = array
        elif name.startswith(("act_", "real_feat")):
            channels, side = max(1, array.shape[0] // 8), max(1, array.shape[1] // MOST_OF_LAYERS)
            small[name] = array[::channels, ::side, ::side] if array.shape[0] > 2 else array[:, ::side, ::side]
        else:
            step = max(1, array.shape[1] // MOST)
            renamed = f"{match[1]}{int(match[2]) * step}" if match else name
            small[renamed] = array[:, ::step, ::step]
    return small


def _write(path: Path, golden: dict[str, np.ndarray]) -> None:
    np.savez_compressed(path, **golden)


if __name__ == "__main__":
    shrink(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
