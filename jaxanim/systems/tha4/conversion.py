"""Converts released THA4 folders: a character's students and picture, or the full system's five networks."""

from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from jaxanim.core import files as core_files
from jaxanim.core.errors import WeightsError
from jaxanim.core.types import UInt8
from jaxanim.systems.tha4 import files, pictures
from jaxanim.weights.card import Card

SOURCE = "https://github.com/pkhungurn/talking-head-anime-4-demo"
OFFICIAL_LICENCE = "CC BY-NC 4.0 (THA4 models, (c) 2024 pixiv Inc. and P. Khungurn; non-commercial use only)"
UNKNOWN_LICENCE = "not stated by the source; the released THA4 characters are CC BY-NC 4.0 (non-commercial)"
MODEL_FILE = "character_model.yaml"
_KEYS = ("character_image_file_name", "face_morpher_file_name", "body_morpher_file_name")
_MAX_YAML_BYTES = 1 << 16


def convert_student_folder(folder: Path, output: Path, *, name: str | None, licence: str | None) -> Card:
    """Converts a character folder (`character_model.yaml`, two .pt files, one picture) to one file.

    Raises:
      WeightsError: the folder is not such a folder, or a file in it cannot be used.
      OutputError: the file cannot be written.
    """
    core_files.check_writable(output)
    picture_path, face, body = _read_model_file(folder)
    card = Card(
        system=files.STUDENT,
        name=name or folder.resolve().name,
        licence=licence or _licence_of(folder) or UNKNOWN_LICENCE,
        source=f"converted from a released character folder ({SOURCE})",
    )
    picture = _read_picture(picture_path)
    files.write_character(output, files.Character(card, files.convert_student(face, body), picture))
    return card


def convert_full_folder(folder: Path, output: Path, *, name: str | None, licence: str | None) -> Card:
    """Converts the folder of the five released networks to one file.

    Raises:
      WeightsError: a network is missing or cannot be used.
      OutputError: the file cannot be written.
    """
    core_files.check_writable(output)
    if not folder.is_dir():
        raise WeightsError(f"{folder}: no such folder")
    card = Card(
        system=files.FULL,
        name=name or "Talking Head Anime 4",
        licence=licence or _licence_of(folder) or OFFICIAL_LICENCE,
        source=f"converted from the released networks ({SOURCE})",
    )
    files.write_full(output, card, files.convert_full(folder))
    return card


def _read_model_file(folder: Path) -> tuple[Path, Path, Path]:
    path = folder / MODEL_FILE
    if not path.is_file():
        raise WeightsError(f"{folder}: is not a character folder (it holds no {MODEL_FILE})")
    try:
        if path.stat().st_size > _MAX_YAML_BYTES:
            raise WeightsError(f"{path}: too large")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, OSError, RecursionError) as error:
        raise WeightsError(f"{path}: not a readable YAML file") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(key), str) for key in _KEYS):
        raise WeightsError(f"{path}: must name {', '.join(_KEYS)}")
    picture, face, body = (folder / content[key] for key in _KEYS)
    for named in (picture, face, body):
        if not named.is_file():
            raise WeightsError(f"{path}: names {named.name}, which is not there")
    return picture, face, body


def _read_picture(path: Path) -> UInt8[np.ndarray, "512 512 4"]:
    try:
        with Image.open(path) as image:
            if image.mode != "RGBA" or image.size != (pictures.SIZE, pictures.SIZE):
                size = f"{image.size[0]}x{image.size[1]}"
                raise WeightsError(f"{path}: is {image.mode} {size}, RGBA 512x512 is needed")
            return np.asarray(image)
    except WeightsError:
        raise
    except Exception as error:  # Pillow raises nearly anything on damaged input
        raise WeightsError(f"{path}: not a readable picture ({error})") from error


def _licence_of(folder: Path) -> str | None:
    """Returns the name of a licence file in the folder and its first line of text."""
    for path in sorted(folder.glob("LICEN[SC]E*")):
        if not path.is_file():  # LICENSES/ is a folder of whole texts
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
        lines = (line.strip() for line in text.splitlines())
        first = next((line for line in lines if line), "")
        return f"{path.stem}: {first[:120]}"
    return None
