"""The common signal that all others become: ARKit's 52 blendshapes and the head's angles over time.

Left and right are the person's own. Head angles are degrees in the frame of the picture, as seen from the camera:

- yaw: positive turns the face to the picture's right, the person's left;
- pitch: positive is down;
- roll: positive tips the top of the head to the picture's left, the person's right.

The head's rotation is Ry(yaw) Rx(pitch) Rz(roll) in the axes of `jaxanim.geometry`: x to the picture's right, y up, z
towards the camera.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from jaxanim.core.errors import InputError

EXPRESSIONS: tuple[str, ...] = (
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff"),
    *("cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight"),
    *("eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight"),
    *("eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen"),
    *("jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight"),
    *("mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight"),
    *("mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft"),
    *("mouthUpperUpRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
)
"""In the open head's order, the alphabet's."""

INDEX: Mapping[str, int] = {name: index for index, name in enumerate(EXPRESSIONS)}


@dataclasses.dataclass(frozen=True)
class FaceSignal:
    """What a face does over time.

    Attributes:
      expression: coefficients in [0, 1], in the order of `EXPRESSIONS`.
      head_degrees: yaw, pitch and roll, see above.
      time: seconds, increasing.
      clamped: how many coefficients had to be brought into their range.
      lost: how many frames of the source were left out because no face was found.
    """

    expression: Float[np.ndarray, "n 52"]
    head_degrees: Float[np.ndarray, "n 3"]
    time: Float[np.ndarray, " n"]
    clamped: int = 0
    lost: int = 0


def make_signal(
    expression: Float[np.ndarray, "n 52"],
    head_degrees: Float[np.ndarray, "n 3"],
    time: Float[np.ndarray, " n"],
    *,
    lost: int = 0,
) -> FaceSignal:
    """Checks what a signal is made of and brings its coefficients into [0, 1].

    Raises:
      InputError: there are no frames, times do not increase, or a number is NaN or infinite.
    """
    if len(time) == 0:
        raise InputError("there are no frames with a face")
    if not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise InputError("times must be finite and increase from frame to frame")
    for name, values in (("expression coefficients", expression), ("head angles", head_degrees)):
        if not np.isfinite(values).all():
            raise InputError(f"{int((~np.isfinite(values)).sum())} {name} are NaN or infinite")
    limited = np.clip(expression, 0.0, 1.0)
    return FaceSignal(limited, head_degrees, time, int((limited != expression).sum()), lost)


def row_of(values: Mapping[str, float]) -> Float[np.ndarray, "52"]:
    """Returns coefficients by name; what is not named is 0.

    Raises:
      ValueError: there is no such blendshape.
    """
    row = np.zeros(len(EXPRESSIONS))
    for name, value in values.items():
        if name not in INDEX:
            raise ValueError(f"unknown blendshape {name!r}; known are {', '.join(EXPRESSIONS)}")
        row[INDEX[name]] = value
    return row
