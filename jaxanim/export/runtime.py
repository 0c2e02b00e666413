"""Runs exported files with onnxruntime; JAX takes no part."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.core.errors import InputError
from jaxanim.weights import onnx_session
from jaxanim.weights.card import Card

OF_WEIGHTS = "weights"
"""Note on a card: what tells the weights of two graphs that belong together from others."""


class OnnxRenderer:
    """Renders poses by an exported network, like `animate.renderer.Renderer`."""

    def __init__(self, session: Any, constants: Mapping[str, np.ndarray], *, official_output: bool):
        from jaxanim.systems.tha4 import pictures

        self._session, self._constants = session, dict(constants)
        self._decode = pictures.decode_official if official_output else pictures.decode

    def __call__(self, poses: Float[np.ndarray, "n 45"]) -> UInt8[np.ndarray, "n h w 4"]:
        """Renders one RGBA picture (straight alpha, sRGB) per row of `poses`."""
        feeds = self._constants | {"pose": np.asarray(poses, np.float32)}
        return self._decode(self._session.run(["image"], feeds)[0])


def open_session(path: Path) -> tuple[Any, Card]:
    """Opens a file that `jaxanim export` wrote, and reads its card.

    Raises:
      InputError: it is another file.
    """
    session = onnx_session.make_session(path)
    fields = session.get_modelmeta().custom_metadata_map
    if fields.get("format") != "jaxanim":
        raise InputError(f"{path}: an ONNX file, but not one that jaxanim exported")
    card = Card(
        system=fields["system"],
        name=fields["name"],
        licence=fields["licence"],
        source=fields["source"],
        notes=json.loads(fields["notes"]),
    )
    return session, card


def open_renderer(path: Path, source: Path | None, *, official_output: bool) -> tuple[Card, OnnxRenderer]:
    """Makes a renderer of an exported character, or of a picture with the exported full system.

    Args:
      path: the once-per-frame graph.
      source: the picture, for the full system.
      official_output: colours as the released programs write them.

    Raises:
      InputError: a file cannot be used, or a picture is missing or too many.
    """
    session, card = open_session(path)
    needs_picture = "picture" in {value.name for value in session.get_inputs()}
    if needs_picture != (source is not None):
        wanted = "needs a --source picture" if needs_picture else "holds its character and takes no --source"
        raise InputError(f"{path}: {card.system} {wanted}")
    constants = {} if source is None else _encode(path, card, source)
    return card, OnnxRenderer(session, constants, official_output=official_output)


def _encode(path: Path, card: Card, source: Path) -> dict[str, np.ndarray]:
    from jaxanim.animate import characters
    from jaxanim.systems.tha4 import pictures

    once = path.with_name(f"{path.stem}.encode{path.suffix}")
    encoder, other = open_session(once)
    if other.notes.get(OF_WEIGHTS) != card.notes.get(OF_WEIGHTS):
        raise InputError(f"{once} and {path.name} were exported from different weights; export both again")
    picture = pictures.encode(characters.read_character_picture(source))
    names = [value.name for value in encoder.get_outputs()]
    return {"picture": picture, **dict(zip(names, encoder.run(names, {"picture": picture}), strict=True))}
