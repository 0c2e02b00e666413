"""Makes folders laid out like the released THA4 downloads, with random networks."""

from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from tests.systems.tha4 import released
from tests.weights import torch_writer


def draw_picture() -> np.ndarray:
    """Returns an RGBA picture that meets the requirements: a figure with its head where it must be."""
    y, x = np.mgrid[:512, :512]
    head = ((x - 256) / 60.0) ** 2 + ((y - 130) / 66.0) ** 2 < 1.0
    body = (abs(x - 256) < 70) & (y > 190)
    picture = np.zeros((512, 512, 4), np.uint8)
    picture[..., 0], picture[..., 1], picture[..., 2] = 200, (x // 2), (y // 2)
    picture[..., 3] = np.where(head | body, 255, 0)
    return picture


def make_character(folder: Path, *, licence: str | None = None) -> Path:
    """Writes a character folder: character_model.yaml, two networks, a picture and, if given, a licence file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("face_morpher", "body_morpher"):
        torch_writer.write(folder / f"{name}.pt", released.state_dict(f"student_{name}"))
    Image.fromarray(draw_picture()).save(folder / "character.png")
    names = {
        "character_image_file_name": "character.png",
        "face_morpher_file_name": "face_morpher.pt",
        "body_morpher_file_name": "body_morpher.pt",
    }
    (folder / "character_model.yaml").write_text(yaml.safe_dump(names))
    if licence is not None:
        (folder / "LICENSE.txt").write_text(licence)
    return folder


def make_full_system(folder: Path) -> Path:
    """Writes the five networks of the full system (650 MB)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("eyebrow_decomposer", "eyebrow_morphing_combiner", "face_morpher", "body_morpher", "upscaler"):
        torch_writer.write(folder / f"{name}.pt", released.state_dict(name))
    return folder
