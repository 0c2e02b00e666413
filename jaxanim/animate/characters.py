"""Renderers of THA4 characters from files: the bundled one, a converted one, or any picture with the full system."""

import importlib.resources
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from jaxanim.animate import images
from jaxanim.animate.renderer import Renderer
from jaxanim.core.errors import InputError
from jaxanim.ops import sine
from jaxanim.signals import pose_vector
from jaxanim.systems.tha4 import FullSystem, Student, files, pictures
from jaxanim.weights.card import Card

HEAD_BOX = np.s_[64:192, 192:320]  # where the head must be, for the full system
_MIN_HEAD_COVER = 0.5
_MIN_EMPTY = 0.05


def bundled_character() -> Path:
    """Returns the character that ships with the package."""
    return Path(str(importlib.resources.files("jaxanim") / "assets" / "characters" / "sora.safetensors"))


def student_system() -> Student:
    """Returns the student with the sine that is fastest on this machine's default device."""
    return Student(sine=sine.fast_sin if jax.default_backend() == "cpu" else jnp.sin)


def student_renderer(path: Path, *, frames_per_call: int = 1, official_output: bool = False) -> tuple[Card, Renderer]:
    """Makes a renderer of a distilled character.

    Args:
      path: a file made by `jaxanim convert tha4-student`, or `bundled_character()`.
      frames_per_call: see `Renderer`.
      official_output: colours as the released programs write them (see `pictures.decode_official`).

    Raises:
      WeightsError: the file is damaged or something else.
    """
    character = files.read_character(path)
    renderer = Renderer(
        student_system(),
        character.variables,
        pictures.encode(character.picture),
        drive_size=pose_vector.POSE_SIZE,
        decode=pictures.decode_official if official_output else pictures.decode,
        frames_per_call=frames_per_call,
    )
    return character.card, renderer


def full_renderer(
    weights: Path, source: Path, *, frames_per_call: int = 1, official_output: bool = False
) -> tuple[Card, Renderer]:
    """Makes a renderer of any character picture with the full system.

    Args:
      weights: a file made by `jaxanim convert tha4`.
      source: the picture, see `read_character_picture`.
      frames_per_call: see `Renderer`.
      official_output: colours as the released programs write them (see `pictures.decode_official`).

    Raises:
      WeightsError: the weights are damaged or something else.
      InputError: the picture does not meet the requirements.
    """
    picture = read_character_picture(source)
    card, variables = files.read_full(weights)
    renderer = Renderer(
        FullSystem(),
        variables,
        pictures.encode(picture),
        drive_size=pose_vector.POSE_SIZE,
        decode=pictures.decode_official if official_output else pictures.decode,
        frames_per_call=frames_per_call,
    )
    return card, renderer


def read_character_picture(path: Path) -> UInt8[np.ndarray, "512 512 4"]:
    """Reads a picture for the full system and checks what the released networks were trained on.

    Raises:
      InputError: it is not a 512x512 RGBA picture of a character on a transparent background whose head is where it
        must be; the message says which.
    """
    picture = images.read_rgba(path)
    height, width = picture.shape[:2]
    if (height, width) != (pictures.SIZE, pictures.SIZE):
        raise InputError(f"{path}: is {width}x{height}, 512x512 is needed")
    seen = picture[..., 3] > 127
    if (~seen).mean() < _MIN_EMPTY:
        raise InputError(f"{path}: has no transparent background; the character must be cut out")
    if seen[HEAD_BOX].mean() < _MIN_HEAD_COVER:
        raise InputError(
            f"{path}: the head must fill the box x 192-320, y 64-192 (upright, facing the viewer); only "
            f"{100 * seen[HEAD_BOX].mean():.0f} % of it is covered"
        )
    return picture
