"""What `jaxanim info` says of a file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jaxanim.core.errors import WeightsError
from jaxanim.signals import pose_vector
from jaxanim.weights import name_table, weights_file

_INPUTS = {
    "tha4-student": "45 pose numbers per frame; the character's picture is inside",
    "tha4": "a 512x512 RGBA picture of a character, and 45 pose numbers per frame",
    "atw": "a photo of a face, and classes or action units per frame (see design)",
    "gdpw": "a photo of a face and its mesh, and a mesh per frame (see design)",
    "deca": "224x224 RGB crops of faces, in Python",
    "face_regressor": "crops of faces, by `jaxanim fit`",
    "face_refiner": "upright crops of faces, by `jaxanim fit`",
    "h3r": "256x256 RGB crops of faces, in Python",
    "pipnet": "256x256 RGB crops of faces, in Python",
}


def describe_weights(path: Path) -> Iterator[str]:
    """Describes one of our weights files.

    Raises:
      WeightsError: it is none.
    """
    card = weights_file.read_card(path)
    _, arrays = weights_file.read(path, system=card.system)
    yield f"{path}: {card.name}"
    yield f"  system        {card.system}"
    yield f"  licence       {card.licence}"
    yield f"  source        {card.source}"
    params = arrays.get("params", arrays.get("network"))
    if not isinstance(params, dict):
        raise WeightsError(f"{path}: holds no parameters")
    for group, leaves in sorted(params.items()):
        count = sum(int(np.prod(leaf.shape)) for leaf in name_table.flatten(leaves).values())
        yield f"  parameters    {count:>12,} {group}"
    yield f"  inputs        {_INPUTS.get(card.system, 'unknown')}"
    if card.system.startswith("tha4"):
        yield from _parameter_lines()
    for name, value in card.notes.items():
        yield f"  {name:<13} {value}"


def describe_onnx(path: Path) -> Iterator[str]:
    """Describes a network exported by `jaxanim export`.

    Raises:
      UserError: onnxruntime is not installed, or the file is not one of ours.
    """
    from jaxanim.export import runtime

    session, card = runtime.open_session(path)
    yield f"{path}: {card.name}"
    yield f"  system        {card.system}, exported to ONNX"
    yield f"  licence       {card.licence}"
    yield f"  source        {card.source}"
    for value in session.get_inputs():
        yield f"  input         {value.name} {value.type} {value.shape}"
    for value in session.get_outputs():
        yield f"  output        {value.name} {value.type} {value.shape}"
    for name, value in card.notes.items():
        yield f"  {name:<13} {value}"
    yield from _parameter_lines()


def _parameter_lines() -> Iterator[str]:
    for group in dict.fromkeys(parameter.group for parameter in pose_vector.POSE_PARAMETERS):
        names = [p.name for p in pose_vector.POSE_PARAMETERS if p.group == group]
        for first in range(0, len(names), 4):
            head = f"pose {group}" if first == 0 else ""
            yield f"  {head:<14}{', '.join(names[first : first + 4])}"
