"""The 45 pose numbers of Talking Head Anime 4, in checkpoint order, with names and ranges.

`left` and `right` are the character's own: `eye_wink_left` closes the eye on the viewer's right. Signs (measured on the
released character): head_x +1 looks up; head_y, neck_z, body_y and body_z +1 move to the viewer's left;
iris_rotation_x +1 looks up and iris_rotation_y +1 to the viewer's left. All zeros is the neutral pose with the mouth
closed.
"""

import dataclasses
import difflib
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from jaxanim.core.errors import InputError


@dataclasses.dataclass(frozen=True)
class PoseParameter:
    """One number of the pose: its name, the group it belongs to, and the range it was trained in."""

    name: str
    group: str
    low: float
    high: float = 1.0


def _sided(group: str, *names: str) -> tuple[PoseParameter, ...]:
    return tuple(PoseParameter(f"{name}_{side}", group, 0.0) for name in names for side in ("left", "right"))


def _single(group: str, low: float, *names: str) -> tuple[PoseParameter, ...]:
    return tuple(PoseParameter(name, group, low) for name in names)


POSE_PARAMETERS: tuple[PoseParameter, ...] = (
    *_sided(
        "eyebrow",
        *("eyebrow_troubled", "eyebrow_angry", "eyebrow_lowered"),
        *("eyebrow_raised", "eyebrow_happy", "eyebrow_serious"),
    ),
    *_sided("eye", "eye_wink", "eye_happy_wink", "eye_surprised", "eye_relaxed", "eye_unimpressed"),
    *_sided("eye", "eye_raised_lower_eyelid"),
    *_sided("iris", "iris_small"),
    *_single("mouth", 0.0, "mouth_aaa", "mouth_iii", "mouth_uuu", "mouth_eee", "mouth_ooo", "mouth_delta"),
    *_sided("mouth", "mouth_lowered_corner", "mouth_raised_corner"),
    *_single("mouth", 0.0, "mouth_smirk"),
    *_single("iris", -1.0, "iris_rotation_x", "iris_rotation_y"),
    *_single("head", -1.0, "head_x", "head_y", "neck_z"),
    *_single("body", -1.0, "body_y", "body_z"),
    *_single("body", 0.0, "breathing"),
)

POSE_SIZE = len(POSE_PARAMETERS)
POSE_NAMES: tuple[str, ...] = tuple(parameter.name for parameter in POSE_PARAMETERS)
POSE_INDEX: Mapping[str, int] = {name: index for index, name in enumerate(POSE_NAMES)}
POSE_LOW: Float[np.ndarray, "45"] = np.array([parameter.low for parameter in POSE_PARAMETERS], np.float32)
POSE_HIGH: Float[np.ndarray, "45"] = np.array([parameter.high for parameter in POSE_PARAMETERS], np.float32)

# What the networks take: eyebrows, the rest of the face, and the six numbers that turn head and body.
EYEBROW = slice(0, 12)
FACE = slice(12, 39)
EYEBROW_AND_FACE = slice(0, 39)
BODY = slice(39, 45)


def indices_of(name: str) -> tuple[int, ...]:
    """Returns where a parameter stands in the pose; a name without its side ('eye_wink') means both sides.

    Raises:
      InputError: there is no such parameter; the message names the nearest.
    """
    if name in POSE_INDEX:
        return (POSE_INDEX[name],)
    both = tuple(POSE_INDEX[f"{name}_{side}"] for side in ("left", "right") if f"{name}_{side}" in POSE_INDEX)
    if both:
        return both
    near = difflib.get_close_matches(name, POSE_NAMES, n=3, cutoff=0.4)
    hint = f"; did you mean {', '.join(near)}?" if near else f"; known are {', '.join(POSE_NAMES)}"
    raise InputError(f"unknown pose parameter {name!r}{hint}")


def make_pose(values: Mapping[str, float]) -> Float[np.ndarray, "45"]:
    """Makes a pose from named values; what is not named is 0. Values are not clamped."""
    pose = np.zeros(POSE_SIZE, np.float32)
    for name, value in values.items():
        pose[list(indices_of(name))] = value
    return pose


def clamp(poses: Float[np.ndarray, "*n 45"]) -> tuple[Float[np.ndarray, "*n 45"], int]:
    """Limits poses to their ranges and counts the numbers that were outside.

    Raises:
      InputError: a number is NaN or infinite.
    """
    finite = np.isfinite(poses)
    if not finite.all():
        worst = POSE_NAMES[int(np.argwhere(~finite)[0][-1])]
        raise InputError(f"{int((~finite).sum())} pose numbers are NaN or infinite (the first is {worst})")
    clamped = np.clip(poses, POSE_LOW, POSE_HIGH)
    return clamped.astype(np.float32), int((clamped != poses).sum())
