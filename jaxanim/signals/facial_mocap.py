"""iFacialMocap recordings (ARKit blendshapes and head angles from a phone) to THA4 poses.

A recording is a text file with one packet of the app's UDP stream per line, version 1 (`eyeBlink_L-35|...`) or 2
(`eyeBlink_L&35|...|=head#x,y,z,px,py,pz|...`), optionally preceded by the time in seconds and a tab.
The mapping is that of the released THA4 puppeteer ('converter 25'), its constants included.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import scipy.optimize
from jaxtyping import Float

from jaxanim.core.errors import InputError
from jaxanim.signals import face_signal, pose_vector, tracks

DEFAULT_FPS = 60.0
Lookup = Callable[[str], float]  # a blendshape or angle by name, 0 where it is absent
_SIDES = {"_L": "Left", "_R": "Right"}
_V1_FIELD = re.compile(r"(?P<name>[A-Za-z_]+)-(?P<value>-?[0-9.]+)$")

# Rows: aaa, iii, uuu, ooo. Columns: open, lower lip down, funnel, pucker.
_MOUTH_PROTOTYPES = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.5, 0.3, 0.25, 0.75], [1.0, 0.5, 0.5, 0.4]])


@dataclasses.dataclass(frozen=True)
class MocapMapping:
    """The constants of the mapping; blendshapes are in [0, 1], angles in degrees.

    Attributes:
      keep_frown_bug: the released code tests its frown setting the wrong way round, so that a frown never reaches the
        mouth. False lowers the corners of a closed mouth, as was meant.
    """

    smile: tuple[float, float] = (0.4, 0.6)
    eye_surprised_max: float = 0.5
    eye_blink_max: float = 0.8
    eyebrow_down_max: float = 0.4
    cheek_squint: tuple[float, float] = (0.1, 0.7)
    eye_rotation_factor: float = 1.0 / 0.75
    jaw_open: tuple[float, float] = (0.1, 0.4)
    mouth_frown_max: float = 0.6
    mouth_funnel: tuple[float, float] = (0.25, 0.5)
    head_degrees: tuple[float, float, float] = (15.0, 10.0, 15.0)
    breaths_per_minute: float = 20.0
    keep_frown_bug: bool = False


def read_recording(path: Path, *, fps: float | None = None, mapping: MocapMapping | None = None) -> tracks.PoseTrack:
    """Reads a recording and converts it to poses.

    Args:
      path: text file, one packet per line.
      fps: packets per second where lines carry no time, 60 by default.
      mapping: constants other than the released ones.

    Raises:
      InputError: the file is missing, or a line is not a packet.
    """
    time, packets = _read_packets(path, fps)
    chosen = mapping or MocapMapping()
    try:
        return tracks.make_track(time, np.stack([convert(p, t, chosen) for p, t in zip(packets, time, strict=True)]))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def read_signal(path: Path, *, fps: float | None = None) -> face_signal.FaceSignal:
    """Reads a recording as blendshapes and head angles; `convert.to_pose` makes the poses of `read_recording` of it.

    The app's `headY`, `headX`, `headZ` are yaw, pitch and roll in our signs: the released mapping turns the character
    to the viewer's left for a negative `headY`, down for a positive `headX`, and tips it to the left for `headZ`.

    Args:
      path: text file, one packet per line.
      fps: packets per second where lines carry no time, 60 by default.

    Raises:
      InputError: the file is missing, or a line is not a packet.
    """
    time, packets = _read_packets(path, fps)
    expression = np.array([[packet.get(name, 0.0) for name in face_signal.EXPRESSIONS] for packet in packets])
    angles = np.array([[packet[name] for name in ("headY", "headX", "headZ")] for packet in packets])
    try:
        return face_signal.make_signal(expression, angles, time)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read_packets(path: Path, fps: float | None) -> tuple[Float[np.ndarray, " n"], list[dict[str, float]]]:
    """Returns the packets and their times."""
    try:
        if path.stat().st_size > tracks.MAX_FILE_BYTES:
            raise InputError(f"{path}: is larger than a recording may be ({tracks.MAX_FILE_BYTES >> 20} MiB)")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a text file ({error})") from error
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise InputError(f"{path}: frames per second must be positive, got {fps}")
    times, packets = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        stamp, tab, packet = line.strip().rpartition("\t")
        if not packet:
            continue
        try:
            packets.append(parse_packet(packet))
            if tab:
                times.append(_finite(stamp))
        except ValueError as error:
            raise InputError(f"{path}: line {number} is not an iFacialMocap packet ({error})") from error
    if times and len(times) != len(packets):
        raise InputError(f"{path}: some lines have a time and some have none")
    if not packets:
        raise InputError(f"{path}: is empty")
    return np.array(times) if times else np.arange(len(packets)) / (fps or DEFAULT_FPS), packets


def parse_packet(packet: str) -> dict[str, float]:
    """Reads one packet: blendshapes in [0, 1] by their ARKit names, `headX`, `headY`, `headZ` in degrees.

    Raises:
      ValueError: a field is malformed, or the packet has no head.
    """
    values: dict[str, float] = {}
    for field in filter(None, (part.strip() for part in packet.split("|"))):
        if field.startswith("=head#"):
            angles = field.removeprefix("=head#").split(",")
            if len(angles) != 6:
                raise ValueError(f"the head has {len(angles)} numbers instead of 6")
            values |= dict(zip(("headX", "headY", "headZ"), map(_finite, angles[:3]), strict=True))
        elif field.startswith(("rightEye#", "leftEye#")):
            continue  # the blendshapes eyeLook... say the same
        else:
            name, value = _blendshape(field)
            values[name] = value / 100.0
    if "headX" not in values:
        raise ValueError("no head angles")
    return values


def _blendshape(field: str) -> tuple[str, float]:
    if "&" in field:
        name, _, value = field.partition("&")
    else:
        match = _V1_FIELD.match(field)
        if match is None:
            raise ValueError(f"unknown field {field[:40]!r}")
        name, value = match["name"], match["value"]
    side = _SIDES.get(name[-2:])
    return (name[:-2] + side if side else name), _finite(value)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text.strip()} is not a finite number")
    return number


def _ramp(value: float, low: float, high: float) -> float:
    return 0.0 if high <= low else min(max((value - low) / (high - low), 0.0), 1.0)


def convert(values: Mapping[str, float], time: float, mapping: MocapMapping) -> Float[np.ndarray, "45"]:
    """Converts one packet to a pose; what goes beyond a range stops at its end, and is not counted.

    Args:
      values: from `parse_packet`; a blendshape that is absent is 0.
      time: seconds, for breathing.
      mapping: the constants.
    """

    def v(name: str) -> float:
        return values.get(name, 0.0)

    smile = (v("mouthSmileLeft") + v("mouthSmileRight")) / 2.0 + v("mouthShrugUpper")
    smiling = _ramp(smile, *mapping.smile)
    pose = _eyes_and_brows(v, smile, smiling, mapping) | _mouth(v, smile, mapping)
    turn_x, turn_y, turn_z = mapping.head_degrees
    pose["head_x"] = -v("headX") / turn_x
    pose["head_y"] = pose["body_y"] = -v("headY") / turn_y
    pose["neck_z"] = pose["body_z"] = v("headZ") / turn_z
    phase = time * mapping.breaths_per_minute / 60.0
    pose["breathing"] = (1.0 - math.cos(2.0 * math.pi * phase)) / 2.0
    limited, _ = pose_vector.clamp(pose_vector.make_pose(pose))
    return limited


def _eyes_and_brows(v: Lookup, smile: float, smiling: float, mapping: MocapMapping) -> dict[str, float]:
    pose: dict[str, float] = {}
    for side, arkit in (("left", "Left"), ("right", "Right")):
        blink = _ramp(v(f"eyeBlink{arkit}"), 0.0, mapping.eye_blink_max)
        pose |= {
            f"eyebrow_raised_{side}": v("browInnerUp") + v(f"browOuterUp{arkit}"),
            f"eyebrow_angry_{side}": (1.0 - smiling) * _ramp(v(f"browDown{arkit}"), 0.0, mapping.eyebrow_down_max),
            f"eyebrow_happy_{side}": min(max(smile, 0.0), 1.0) * smiling,
            f"eye_surprised_{side}": _ramp(v(f"eyeWide{arkit}"), 0.0, mapping.eye_surprised_max),
            f"eye_wink_{side}": (1.0 - smiling) * blink,
            f"eye_happy_wink_{side}": smiling * blink,
            f"eye_raised_lower_eyelid_{side}": _ramp(v(f"cheekSquint{arkit}"), *mapping.cheek_squint),
        }
    across = v("eyeLookInLeft") - v("eyeLookOutLeft") - v("eyeLookInRight") + v("eyeLookOutRight")
    up = v("eyeLookUpLeft") + v("eyeLookUpRight") - v("eyeLookDownLeft") - v("eyeLookDownRight")
    pose["iris_rotation_y"] = across / 2.0 * mapping.eye_rotation_factor
    pose["iris_rotation_x"] = up / 2.0 * mapping.eye_rotation_factor
    return pose


def _mouth(v: Lookup, smile: float, mapping: MocapMapping) -> dict[str, float]:
    opening = _ramp(v("jawOpen"), *mapping.jaw_open)
    pose = {"mouth_raised_corner": smile}
    if opening == 0.0:
        frown = v("mouthFrownLeft") + v("mouthFrownRight")
        if not mapping.keep_frown_bug:
            pose["mouth_lowered_corner"] = _ramp(frown, 0.0, mapping.mouth_frown_max)
        return pose
    lower_lip = min(max(v("mouthLowerDownLeft") + v("mouthLowerDownRight"), 0.0), 1.0)
    target = np.array([opening, lower_lip, v("mouthFunnel"), v("mouthPucker")])
    aaa, iii, uuu, ooo = _decompose_mouth(target)
    rounded = min(uuu + ooo, 1.0)
    towards_ooo = _ramp(v("mouthFunnel"), *mapping.mouth_funnel)
    pose |= {"mouth_aaa": aaa, "mouth_iii": iii}
    pose |= {"mouth_uuu": rounded * (1.0 - towards_ooo), "mouth_ooo": rounded * towards_ooo}
    return pose


def _decompose_mouth(target: Float[np.ndarray, "4"]) -> Float[np.ndarray, "4"]:
    """Returns how much of aaa, iii, uuu and ooo makes up a mouth, each in [0, 1], few rather than many."""

    def loss_and_gradient(weights: Float[np.ndarray, "4"]) -> tuple[float, Float[np.ndarray, "4"]]:
        rest = weights @ _MOUTH_PROTOTYPES - target
        distance = float(np.linalg.norm(rest))
        gradient = _MOUTH_PROTOTYPES @ rest / max(distance, 1e-12) + 0.01
        return distance + 0.01 * float(np.abs(weights).sum()), gradient

    return scipy.optimize.minimize(loss_and_gradient, np.zeros(4), jac=True, bounds=[(0.0, 1.0)] * 4).x
