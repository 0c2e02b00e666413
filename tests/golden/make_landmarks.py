"""Makes the small goldens of H3R and PIPNet from the full ones.

    python -m tests.golden.make_landmarks GOLDENS MANIFESTS FOLDER

The picture, which all of them share, becomes a file of its own; the manifests, one file of names and shapes.
"""

import gzip
import json
import sys
from pathlib import Path

import numpy as np

NAMES = ("h3r_wflw_mobilenetv2", "h3r_wflw_hrnet18", "pipnet_wflw_r18")
PICTURE = "img_u8"


def split(goldens: Path, folder: Path) -> None:
    pictures = []
    for name in NAMES:
        with np.load(goldens / f"{name}_public.npz", allow_pickle=False) as golden:
            np.savez_compressed(folder / f"{name}.npz", **{key: golden[key] for key in golden.files if key != PICTURE})
            pictures.append(golden[PICTURE])
    if any((picture != pictures[0]).any() for picture in pictures):
        raise ValueError("the goldens have different pictures")
    np.savez_compressed(folder / "picture.npz", **{PICTURE: pictures[0]})


def shorten(manifests: Path, folder: Path) -> None:
    short = {}
    for name in NAMES:
        keys = json.loads((manifests / f"{name}.json").read_text())["keys"]
        short[name] = {key: entry["shape"] for key, entry in keys.items()}
    (folder / "manifests.json.gz").write_bytes(gzip.compress(json.dumps(short).encode(), mtime=0))


if __name__ == "__main__":
    split(Path(sys.argv[1]), Path(sys.argv[3]))
    shorten(Path(sys.argv[2]), Path(sys.argv[3]))
