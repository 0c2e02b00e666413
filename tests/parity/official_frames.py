"""Compares our rendering of a released character with frames that the official programs recorded.

    python -m tests.parity.official_frames CHARACTER_FOLDER

The folder is a released character (character_model.yaml, .pt files, picture) with a folder `official_frames` in it:
`*_input.npz`, and per pose an .npz of network outputs and a .png. Rendering goes the way of users: convert to one file,
read it, `Renderer` with official colours. Prints one line of JSON last and exits with 1 if anything is too far: network
outputs more than ten times the noise floor, pictures more than one level apart or different in 200 values or more.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxanim.animate import characters
from jaxanim.systems.tha4 import conversion, files, pictures
from tests.parity import goldens

MAX_DIFFERENT_VALUES = 200
OUTPUTS = ("blended", "alpha", "color_change", "warped", "grid_change", "face")


def network_outputs(character: files.Character, pose: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what our fast path computes, by the official names, NCHW without the batch."""
    system = characters.student_system()
    code = system.encode_source(character.variables, jnp.asarray(pictures.encode(character.picture)))
    frame = jax.jit(system.render)(character.variables, code, jnp.asarray(pose)[None])
    ours = (frame.image, frame.alpha, frame.color, frame.warped, frame.flow_px / 256.0, frame.face)
    return {name: np.asarray(value)[0].transpose(2, 0, 1) for name, value in zip(OUTPUTS, ours, strict=True)}


def compare_frame(character: files.Character, render: Any, recorded: Path) -> dict[str, Any]:
    """Compares one recorded pose: every network output against its noise, the picture against the .png."""
    with np.load(recorded, allow_pickle=False) as archive:
        golden = {name: archive[name] for name in archive.files}
    outputs = network_outputs(character, golden["pose"])
    worst = 0.0
    for index, name in enumerate(OUTPUTS):
        key = next(key for key in golden if key.startswith(f"{name}_s"))
        step = int(key.rpartition("_s")[2])
        noise = 10.0 * golden["f32_noise_max_p999_mean"][index]
        deviation = goldens.deviation(outputs[name][:, ::step, ::step] - golden[key], (noise[0], noise[1], noise[2]))
        measured = np.array([deviation.max_abs, deviation.p999, deviation.mean_abs])
        worst = max(worst, float((measured / noise).max()))
    ours = render(golden["pose"][None])[0].astype(int)
    difference = np.abs(ours - np.asarray(Image.open(recorded.with_suffix(".png"))))
    return {
        "error_over_tolerance": round(worst, 3),
        "max_levels": int(difference.max()),
        "values_different": int((difference > 0).sum()),
    }


def main(folder: Path) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "character.safetensors"
        conversion.convert_student_folder(folder, path, name=None, licence=None)
        character = files.read_character(path)
        _, render = characters.student_renderer(path, official_output=True)
    recorded = sorted(p for p in (folder / "official_frames").glob("*.npz") if not p.stem.endswith("_input"))
    report = {path.stem: compare_frame(character, render, path) for path in recorded}
    print(json.dumps(report))
    failed = [
        name
        for name, row in report.items()
        if row["error_over_tolerance"] > 1 or row["max_levels"] > 1 or row["values_different"] >= MAX_DIFFERENT_VALUES
    ]
    return 1 if failed or not report else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
