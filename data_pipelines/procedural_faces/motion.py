"""How people move in a clip: speech, blinks, glances, feelings and the head, all smooth and drawn from a seed."""

import dataclasses

import numpy as np
import scipy.interpolate
import scipy.ndimage
import scipy.spatial.transform

from data_pipelines.procedural_faces import anatomy
from data_pipelines.procedural_faces.expressions import EMOTIONS, VISEMES, VOWELS, coefficients
from data_pipelines.procedural_faces.pieces import NECK, ROOT

FPS = 25.0
MAX_YAW_DEGREES = 50.0
_PITCH_DEGREES, _ROLL_DEGREES = 18.0, 11.0
_GAZE_DEGREES = (30.0, 25.0)  # of eyeLook... at 1, sideways and up or down
_RESTING = {"mouthSmile": 0.10}


@dataclasses.dataclass(frozen=True)
class Motion:
    """What drives a clip.

    Attributes:
      expression: ARKit's coefficients, (n, 52).
      rotations: of the five joints relative to their parents, axis times angle, (n, 5, 3).
      emotion: which of `EMOTIONS` the clip shows.
    """

    expression: np.ndarray
    rotations: np.ndarray
    emotion: str


def random_motion(seed: int, frames: int) -> Motion:
    """Draws how somebody moves for some frames; the same for the same seed and length."""
    rng = np.random.default_rng([seed, 0x30710])
    time = np.arange(frames) / FPS
    emotion = str(rng.choice(list(EMOTIONS)))
    degrees = _head_degrees(rng, time)
    expression = coefficients(_RESTING) + _feeling(rng, time, emotion) + _speech(rng, time) + _brows(rng, time)
    _add_glances(expression, rng, time, degrees)
    _add_blinks(expression, rng, time)
    rotations = np.zeros((frames, len(anatomy.anatomy().parents), 3))
    rotations[:, NECK] = axis_angle(degrees)
    rotations[:, ROOT] = axis_angle(_path(rng, time, 1.6) * np.array([2.5, 1.5, 1.2]))
    return Motion(np.clip(expression, 0, 1), rotations, emotion)


def axis_angle(degrees: np.ndarray) -> np.ndarray:
    """Turns yaw (to the picture's right), pitch (down) and roll (to its left), (n, 3), into axis times angle."""
    turns = scipy.spatial.transform.Rotation.from_euler("YXZ", degrees, degrees=True)
    return np.asarray(turns.as_rotvec())


def _path(rng: np.random.Generator, time: np.ndarray, seconds: float, channels: int = 3) -> np.ndarray:
    """Returns smooth random paths, about standard normal, that change direction every so many seconds."""
    count = int(time[-1] / seconds) + 4
    knots = (np.arange(count) - 1 + rng.uniform(-0.3, 0.3, count)) * seconds
    curve = scipy.interpolate.PchipInterpolator(knots, rng.normal(size=(count, channels)), axis=0)
    return np.asarray(curve(time))


def _head_degrees(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """Returns yaw, pitch and roll: some people keep still, some turn far."""
    reach = rng.choice([6.0, 16.0, 32.0], p=[0.3, 0.4, 0.3])
    around = rng.normal(0, 0.5) * reach
    yaw = around + _path(rng, time, 1.1)[:, 0] * reach
    tilt = _path(rng, time, 0.9)
    nod = _path(rng, time, 0.35)[:, 0] * 1.2
    pitch = rng.normal(0, 3) + tilt[:, 0] * 5.0 + nod
    roll = tilt[:, 1] * 3.5 + 0.08 * yaw
    limits = np.array([MAX_YAW_DEGREES, _PITCH_DEGREES, _ROLL_DEGREES])
    return np.asarray(limits * np.tanh(np.stack([yaw, pitch, roll], axis=-1) / limits))


def _feeling(rng: np.random.Generator, time: np.ndarray, emotion: str) -> np.ndarray:
    """Rises and falls."""
    strength = rng.uniform(0.4, 1.0)
    wave = 0.6 + 0.4 * np.tanh(1.5 * _path(rng, time, 1.5, 1))
    return np.asarray(strength * wave * coefficients(EMOTIONS[emotion]))


def _speech(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """Syllables in phrases with pauses between them; sounds run into each other."""
    fine, per_frame = 4, FPS
    result = np.zeros((len(time) * fine, len(anatomy.anatomy().expression_names)))
    at, stop = rng.uniform(-1.5, 1.0), time[-1]
    silent = rng.random() < 0.25
    loudness = rng.uniform(0.6, 1.15)
    while at < stop and not silent:
        for _ in range(int(rng.integers(4, 14))):
            consonant, vowel = rng.choice(list(VISEMES)[len(VOWELS) :]), rng.choice(VOWELS)
            for sound, seconds in ((consonant, rng.uniform(0.05, 0.09)), (vowel, rng.uniform(0.08, 0.16))):
                first, last = (max(0, int((at + offset) * per_frame * fine)) for offset in (0.0, seconds))
                result[first:last] = loudness * rng.uniform(0.7, 1.1) * coefficients(VISEMES[str(sound)])
                at += seconds
        at += rng.uniform(0.25, 1.2)
    smooth = scipy.ndimage.gaussian_filter1d(result, 0.045 * per_frame * fine, axis=0, mode="nearest")
    return np.asarray(smooth[::fine])


def _brows(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """Raises and lowers brows a little."""
    path = _path(rng, time, 0.7)
    raised = np.maximum(path[:, :1] - 0.4, 0) * coefficients({"browInnerUp": 0.3, "browOuterUp": 0.25})
    return np.asarray(raised + np.maximum(path[:, 1:2] - 0.8, 0) * coefficients({"browDown": 0.3}))


def _add_glances(expression: np.ndarray, rng: np.random.Generator, time: np.ndarray, degrees: np.ndarray) -> None:
    """Moves the eyes in jumps, mostly back to the camera while the head turns."""
    gaze = np.zeros((len(time), 2))
    at = 0.0
    while at <= time[-1]:
        following = time >= at
        gaze[following] = rng.normal(0, [7.0, 4.0]) if rng.random() < 0.5 else rng.normal(0, 1.0, 2)
        at += rng.uniform(0.3, 1.8)
    gaze = scipy.ndimage.gaussian_filter1d(gaze, 0.5, axis=0, mode="nearest") - 0.75 * degrees[:, :2]
    across, down = (np.clip(gaze[:, k] / _GAZE_DEGREES[k], -1, 1) for k in range(2))
    for name, value in (
        ("eyeLookOutLeft", across),
        ("eyeLookInRight", across),
        ("eyeLookInLeft", -across),
        ("eyeLookOutRight", -across),
        ("eyeLookDown", down),
        ("eyeLookUp", -down),
    ):
        expression += np.maximum(value, 0)[:, None] * coefficients({name: 1.0})


def _add_blinks(expression: np.ndarray, rng: np.random.Generator, time: np.ndarray) -> None:
    """Closes the lids every few seconds; what else opens or closes them gives way."""
    closed = np.zeros(len(time))
    at = rng.uniform(-0.5, 3.0)
    while at < time[-1] + 0.2:
        since = time - at
        closed = np.maximum(closed, np.clip(np.where(since < 0, 1 + since / 0.09, 1 - (since - 0.04) / 0.18), 0, 1))
        at += rng.uniform(0.3, 0.5) if rng.random() < 0.12 else rng.uniform(1.8, 5.5)
    for name in ("eyeWide", "eyeSquint", "eyeLookDown", "eyeLookUp"):
        expression *= 1 - closed[:, None] * (coefficients({name: 1.0}) > 0)
    expression += closed[:, None] * coefficients({"eyeBlink": 1.0})
