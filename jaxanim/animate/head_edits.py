"""Changes of what a head does, by name: for `--edit`, and for keyframes.

Names are yaw, pitch and roll (degrees, `face_signal`), gaze_x and gaze_y (degrees of both eyes, to the picture's right
and down), jaw (jawOpen), blink (both eyes), every expression of `face_signal.EXPRESSIONS`, those with sides also
without (mouthSmile), and shape1, shape2, ... (standard deviations of who it is). Rows are those of `head_drive`.
"""

import dataclasses
import difflib
import math
import re
from typing import Literal

import numpy as np
from jaxtyping import Float

from jaxanim.animate import head_drive
from jaxanim.core.errors import InputError
from jaxanim.signals import face_signal, gaze

Kind = Literal["angle", "gaze", "expression", "shape"]
_ANGLES = ("yaw", "pitch", "roll")
_GAZE = ("gaze_x", "gaze_y")
_SHORT = {"jaw": "jawOpen", "blink": "eyeBlink"}
_SHAPES = 60  # of the open head
_FRONTAL = "frontal"


@dataclasses.dataclass(frozen=True)
class Edit:
    """One change.

    Attributes:
      name: of what changes.
      value: by how much, or to what.
      sets: whether it is set; else it is added.
    """

    name: str
    value: float
    sets: bool


def parse(text: str) -> tuple[Edit, ...]:
    """Reads 'yaw=-20,jaw:=0.3,frontal': `=` adds, `:=` sets, 'frontal' sets the three angles to 0.

    Raises:
      InputError: it is of another form, names something unknown, or changes nothing.
    """
    edits: list[Edit] = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        if item == _FRONTAL:
            edits.extend(Edit(name, 0.0, sets=True) for name in _ANGLES)
            continue
        match = re.fullmatch(r"(\w+)\s*(:?=)\s*(\S+)", item)
        try:
            value = float(match[3]) if match else math.nan
        except ValueError:
            value = math.nan
        if match is None or not math.isfinite(value):
            raise InputError(f"edit {item!r} is not of the form name=number (adds), name:=number (sets) or {_FRONTAL}")
        places(match[1])
        edits.append(Edit(match[1], value, sets=match[2] == ":="))
    if not edits:
        raise InputError(f"edit {text!r} changes nothing; an example is yaw=-20,jaw=0.3")
    return tuple(edits)


def apply(rows: Float[np.ndarray, "n d"], edits: tuple[Edit, ...]) -> Float[np.ndarray, "n d"]:
    """Returns rows after edits, one after the other, the same in all frames."""
    for edit in edits:
        rows = change(rows, edit.name, np.full(len(rows), edit.value), sets=edit.sets)
    return rows


def change(
    rows: Float[np.ndarray, "n d"], name: str, values: Float[np.ndarray, " n"], *, sets: bool
) -> Float[np.ndarray, "n d"]:
    """Returns rows in which one thing is changed.

    Args:
      rows: of `head_drive`, not yet limited.
      name: of what changes.
      values: one for each row.
      sets: whether values are set; else they are added.

    Raises:
      InputError: there is no such name, or rows hold fewer shapes.
    """
    kind, columns = places(name)
    if columns.max() >= rows.shape[1]:
        raise InputError(f"{name}: this head has {rows.shape[1] - head_drive.ROW} shapes")
    result = np.array(rows, np.float64)
    if kind == "gaze":
        expression = result[:, head_drive.EXPRESSION]
        degrees = gaze.degrees_of(expression)
        axis = _GAZE.index(name)
        degrees[..., axis] = values[:, None] if sets else degrees[..., axis] + values[:, None]
        result[:, head_drive.EXPRESSION] = gaze.with_gaze(expression, degrees)
        return result
    result[:, columns] = values[:, None] if sets else result[:, columns] + values[:, None]
    return result


def places(name: str) -> tuple[Kind, np.ndarray]:
    """Returns what a name is of, and the columns of a row that it changes.

    Raises:
      InputError: there is no such name; the message gives the nearest.
    """
    if name in _ANGLES:
        return "angle", np.array([head_drive.DEGREES.start + _ANGLES.index(name)])
    if name in _GAZE:
        return "gaze", np.array([index for key, index in face_signal.INDEX.items() if key.startswith("eyeLook")])
    if match := re.fullmatch(r"shape([1-9]\d?)", name):
        if int(match[1]) > _SHAPES:
            raise InputError(f"{name}: shapes go from shape1 to shape{_SHAPES}")
        return "shape", np.array([head_drive.ROW + int(match[1]) - 1])
    stem = _SHORT.get(name, name)
    both = [face_signal.INDEX[key] for key in (stem, f"{stem}Left", f"{stem}Right") if key in face_signal.INDEX]
    if both:
        return "expression", np.array(both)
    known = (*_ANGLES, *_GAZE, *_SHORT, "shape1", *face_signal.EXPRESSIONS)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else f"known are {', '.join(known)}"
    raise InputError(f"unknown movement {name!r}; {hint}")
