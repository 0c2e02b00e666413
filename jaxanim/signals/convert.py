"""The one place where signals become each other; `face_signal.FaceSignal` is what all pass through.

Functions of coefficients and angles take any leading axes; those of signals take frames. Angles of heads are in
`head_angles`, of eyes in `gaze`; this puts them together with the expression. Nothing is lost without being said:

- action units know neither sides, nor mouth shapes such as the funnel, nor the head;
- THA4's pose knows no cheeks, no single corner of the mouth, and heads beyond 15 degrees (10 of yaw);
- FLAME's expressions have no meaning by name, see `to_flame`.
"""

import dataclasses
from typing import Literal

import numpy as np
from jaxtyping import Float

from jaxanim.core.errors import InputError
from jaxanim.signals import action_units, face_signal, facial_mocap, gaze, head_angles, openface
from jaxanim.signals.face_signal import EXPRESSIONS, FaceSignal

JOINTS = ("root", "neck", "jaw", "left_eye", "right_eye")
"""Of the open head and of FLAME."""

_ROOT, _NECK, _JAW, _EYES = 0, 1, 2, slice(3, 5)
# The open head's jaw at 1: it opens by 22 degrees and turns sideways by 6.5.
_JAW_OPEN_DEGREES, _JAW_SIDEWAYS_DEGREES = 22.0, 6.5


@dataclasses.dataclass(frozen=True)
class JointSignal:
    """Coefficients and joints of a face model.

    Attributes:
      expression: coefficients; their number is the model's.
      rotations: of `JOINTS` relative to their parents, axis times angle in radians.
    """

    expression: Float[np.ndarray, "*b e"]
    rotations: Float[np.ndarray, "*b 5 3"]


def to_action_units(expression: Float[np.ndarray, "*b 52"]) -> Float[np.ndarray, "*b 17"]:
    """Returns OpenFace's 17 intensities, 0 to 5; the two sides of the face count half each."""
    return action_units.from_blendshapes(expression, EXPRESSIONS)


def from_action_units(intensities: Float[np.ndarray, "*b 17"]) -> Float[np.ndarray, "*b 52"]:
    """Returns coefficients with these action units, the same on both sides; what no action unit moves is 0.

    Going back gives the same intensities, but for AU25 where it is less than AU26 and AU10 part the lips by: it is
    what they part them by. The other direction loses whatever action units do not know.
    """
    return action_units.to_blendshapes(intensities, EXPRESSIONS)


def to_pose(signal: FaceSignal, mapping: facial_mocap.MocapMapping | None = None) -> Float[np.ndarray, "n 45"]:
    """Returns THA4's poses by the released mapping of ARKit's blendshapes, within their ranges.

    Args:
      signal: what the face does; its times make it breathe.
      mapping: constants other than the released ones.
    """
    chosen = mapping or facial_mocap.MocapMapping()
    rows = []
    for expression, (yaw, pitch, roll), time in zip(signal.expression, signal.head_degrees, signal.time, strict=True):
        values = dict(zip(EXPRESSIONS, map(float, expression), strict=True))
        values |= {"headX": float(pitch), "headY": float(yaw), "headZ": float(roll)}
        rows.append(facial_mocap.convert(values, float(time), chosen))
    return np.stack(rows)


def to_open_head(
    expression: Float[np.ndarray, "*b 52"],
    head_degrees: Float[np.ndarray, "*b 3"],
    *,
    head: Literal["root", "neck"] = "neck",
    eyes: Literal["expression", "joints"] = "expression",
) -> JointSignal:
    """Returns what the open head is posed by.

    Args:
      expression: coefficients.
      head_degrees: yaw, pitch and roll.
      head: which joint turns.
      eyes: whether `eyeLook...` turn the eyes, lids included, or the joints, which move eyeballs only.
    """
    rotations = np.zeros((*expression.shape[:-1], len(JOINTS), 3))
    rotations[..., _NECK if head == "neck" else _ROOT, :] = head_angles.to_axis_angle(head_degrees)
    if eyes == "expression":
        return JointSignal(expression, rotations)
    rotations[..., _EYES, :] = gaze.to_rotations(gaze.degrees_of(expression))
    return JointSignal(gaze.without_gaze(expression), rotations)


def from_open_head(
    expression: Float[np.ndarray, "*b 52"], rotations: Float[np.ndarray, "*b 5 3"]
) -> tuple[Float[np.ndarray, "*b 52"], Float[np.ndarray, "*b 3"]]:
    """Returns coefficients and head angles of what an open head is posed by.

    Root and neck turn the head one after the other; turns of jaw and eyes are added to what the blendshapes do. What
    blendshapes cannot say is left out: a jaw that closes further than shut, or turns about the line of sight.
    """
    turned = head_angles.to_matrix(head_angles.from_axis_angle(rotations[..., :2, :]))
    head_degrees = head_angles.from_matrix(turned[..., _ROOT, :, :] @ turned[..., _NECK, :, :])
    angles = gaze.degrees_of(expression) + gaze.from_rotations(rotations[..., _EYES, :])
    result = gaze.with_gaze(expression, angles)
    sideways, opened, _ = np.moveaxis(head_angles.from_axis_angle(rotations[..., _JAW, :]), -1, 0)
    for name, degrees, largest in (
        ("jawOpen", opened, _JAW_OPEN_DEGREES),
        ("jawLeft", sideways, _JAW_SIDEWAYS_DEGREES),
        ("jawRight", -sideways, _JAW_SIDEWAYS_DEGREES),
    ):
        place = face_signal.INDEX[name]
        result[..., place] = np.clip(result[..., place] + np.maximum(degrees, 0.0) / largest, 0.0, 1.0)
    return result, head_degrees


def to_flame(
    expression: Float[np.ndarray, "*b 52"],
    head_degrees: Float[np.ndarray, "*b 3"],
    *,
    expression_map: Float[np.ndarray, "52 e"] | None = None,
    head: Literal["root", "neck"] = "root",
) -> JointSignal:
    """Returns FLAME's joints, and its expression where it is known.

    Jaw, eyes and head turn by joints. FLAME's expression coefficients are principal components without names: which of
    them smile is known from a table only, and without one there are none; the result has 0 of them, and smiles, brows,
    lids, lips and the jaw's `jawForward` are lost.

    Args:
      expression: coefficients.
      head_degrees: yaw, pitch and roll.
      expression_map: what each blendshape adds to each of FLAME's coefficients. The rows of `jawOpen`, `jawLeft`,
        `jawRight` and `eyeLook...` come on top of the joints: they are 0 in a table that is made for joints.
      head: which joint turns.
    """
    rotations = np.zeros((*expression.shape[:-1], len(JOINTS), 3))
    rotations[..., _NECK if head == "neck" else _ROOT, :] = head_angles.to_axis_angle(head_degrees)
    opened, left, right = (expression[..., face_signal.INDEX[name]] for name in ("jawOpen", "jawLeft", "jawRight"))
    jaw = np.stack([(left - right) * _JAW_SIDEWAYS_DEGREES, opened * _JAW_OPEN_DEGREES, np.zeros_like(opened)], axis=-1)
    rotations[..., _JAW, :] = head_angles.to_axis_angle(jaw)
    rotations[..., _EYES, :] = gaze.to_rotations(gaze.degrees_of(expression))
    table = np.zeros((len(EXPRESSIONS), 0)) if expression_map is None else expression_map
    return JointSignal(np.asarray(expression @ table), rotations)


def from_openface(track: openface.ActionUnitTrack, *, eyes: Literal["gaze", "straight"] = "gaze") -> FaceSignal:
    """Returns what OpenFace's action units, head pose and gaze say.

    Args:
      track: with the columns of the head's pose.
      eyes: by its gaze, or straight ahead, for files without it.

    Raises:
      InputError: the file has no columns of the pose, or of the gaze.
    """
    if track.head_radians is None:
        raise InputError("has no columns pose_Rx, pose_Ry, pose_Rz; OpenFace writes them with -pose")
    if eyes == "gaze" and track.gaze_radians is None:
        raise InputError("has no columns gaze_angle_x, gaze_angle_y; OpenFace writes them with -gaze")
    head_degrees = head_angles.from_openface(track.head_radians)
    expression = from_action_units(np.asarray(track.intensities, np.float64))
    if eyes == "gaze" and track.gaze_radians is not None:
        expression = gaze.with_gaze(expression, gaze.from_openface(track.gaze_radians, head_degrees))
    signal = face_signal.make_signal(expression, head_degrees, track.time, lost=track.lost)
    return dataclasses.replace(signal, clamped=track.clamped)
