"""Makes ATW's small goldens from the full ones: pixels that are left out of pictures, and pictures drawn anew.

    python -m tests.golden.make_atw FULL_FOLDER FOLDER [MANIFESTS_FOLDER]

Of outputs, every fourth row and column of what the full golden holds stays (`NAME_sS` becomes `NAME_s4S`), of
activations and crops every second. Photos and flows that the tests draw anew from a salt go, and so do what
discriminators say of generated pictures, which are too large to keep, the first steps of a training, and what both
kinds of training (with ordinary flows and with small ones) hold. Statistics over everything and noise floors stay
whole. The manifests become one list of the released tensors with their shapes.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np

STEP, FINE_STEP = 4, 2
DRAWN = re.compile(r"in_image_u8|in_cond_first_pixel|flow_up_crops|hr_u8_s\d+")
LEFT_OUT = re.compile(r"(adv|drv|feat)_(refined|warp)|traj.*|final_.*|.*_(l2|dot)")
TWICE = re.compile(r"rec_.*|gp_grad.*|gp_norms")
OUTPUT = re.compile(r"(?:out|u8|lr|flow|warp|refined|rec|gp_grad)(?:_.*)?_s(\d+)")
ACTIVATION = re.compile(r"act_.*_s(\d+)")


def shrink(full: Path, folder: Path) -> None:
    with np.load(full, allow_pickle=False) as archive:
        golden = {name: archive[name] for name in archive.files}
    small = {}
    for name, array in golden.items():
        twice = "train_smooth" in full.name and TWICE.fullmatch(name)
        if DRAWN.fullmatch(name) or LEFT_OUT.fullmatch(name) or twice or (name == "flow" and "fake_u8" in golden):
            continue
        small |= _sampled(name, array)
    np.savez_compressed(folder / full.name.replace("_public", ""), **small)


def _sampled(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    if name.endswith("_crops"):
        return {name: array[:, ::FINE_STEP, ::FINE_STEP]}
    if name in ("flow", "warp", "refined"):
        return {f"{name}_s{STEP}": _every(array, STEP)}
    match = OUTPUT.fullmatch(name)
    step = STEP if match else FINE_STEP
    match = match or ACTIVATION.fullmatch(name)
    if not match or array.ndim < 3:
        return {name: array}
    return {f"{name[: match.start(1)]}{int(match[1]) * step}": _every(array, step)}


def _every(array: np.ndarray, step: int) -> np.ndarray:
    """Thins rows and columns, whose axes the channels follow or precede."""
    return array[..., ::step, ::step, :] if array.shape[-1] in (2, 3) else array[..., ::step, ::step]


def shorten(manifests: Path, folder: Path) -> None:
    shapes = {
        path.stem: {name: entry["shape"] for name, entry in json.loads(path.read_text()).items()}
        for path in sorted(manifests.glob("*.json"))
    }
    (folder / "manifests.json").write_text(json.dumps(shapes) + "\n")


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*_public.npz")):
        shrink(path, Path(sys.argv[2]))
    if len(sys.argv) > 3:
        shorten(Path(sys.argv[3]), Path(sys.argv[2]))
