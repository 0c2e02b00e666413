"""Built-in motions: pose tracks that need no recording, each a pure function of time and a seed.

`idle` breathes, blinks and sways; `look` adds glances that the head follows; `talk` adds speech-like mouth shapes with
pauses, brows and nods; `dance` moves head and body to a beat.
"""

import math
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float

from jaxanim.core import checks
from jaxanim.signals import pose_vector, tracks

Motion = Literal["idle", "talk", "look", "dance"]
Curves = dict[str, Float[np.ndarray, " n"]]
Times = Float[np.ndarray, " n"]


def make_motion(motion: Motion, *, duration: float, fps: float, seed: int) -> tracks.PoseTrack:
    """Makes a track.

    Args:
      motion: which one.
      duration: seconds, positive.
      fps: frames per second; the same moment has the same pose at any rate.
      seed: another seed gives other glances, words and blinks.

    Raises:
      ValueError: an option is unknown or out of range.
      InputError: these are more frames than a track may have.
    """
    checks.check_option("motion", motion, tuple(_MOTIONS))
    if not (duration > 0 and fps > 0 and math.isfinite(duration) and math.isfinite(fps)):
        raise ValueError(f"duration and fps must be positive, got {duration} and {fps}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    tracks.check_frame_count(duration * fps)
    time = np.arange(max(1, math.ceil(duration * fps - 1e-6))) / fps
    curves: Curves = {}
    # Each layer draws from its own stream in the order of time: neither rate nor length changes what happens when.
    for number, layer in enumerate(_MOTIONS[motion]):
        for name, values in layer(time, np.random.default_rng([seed, number])).items():
            curves[name] = curves.get(name, np.zeros_like(time)) + values
    pose = np.zeros((len(time), pose_vector.POSE_SIZE))
    for name, values in curves.items():
        pose[:, list(pose_vector.indices_of(name))] = values[:, None]
    return tracks.PoseTrack(time, np.clip(pose, pose_vector.POSE_LOW, pose_vector.POSE_HIGH).astype(np.float32))


def _noise(time: Times, rng: np.random.Generator, period: float) -> Times:
    """Returns smooth noise of about unit size that changes over about `period` seconds."""
    phase, detune = rng.uniform(0, 2 * np.pi, 4), rng.uniform(0.8, 1.25, 4)
    rates = detune / (period * np.array([1.0, 1.7, 2.9, 4.3]))
    waves = np.sin(2 * np.pi * rates * time[:, None] + phase)
    return waves @ np.array([0.7, 0.4, 0.2, 0.1])


def _ease(x: Times) -> Times:
    """Returns 0 before 0, 1 after 1, and a smooth step between."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _events(rng: np.random.Generator, end: float, low: float, high: float) -> Iterator[float]:
    """Yields times of events whose distances are uniform in [low, high], until `end`."""
    at = rng.uniform(0.3, high)
    while at < end:
        yield at
        at += rng.uniform(low, high)


def _breathe(time: Times, rng: np.random.Generator) -> Curves:
    phase = rng.uniform(0, 1)
    return {"breathing": 0.5 - 0.5 * np.cos(2 * np.pi * (time / 3.4 + phase))}


def _blink(time: Times, rng: np.random.Generator) -> Curves:
    closed = np.zeros_like(time)
    for at in _events(rng, time[-1], 1.8, 4.6):
        double = rng.random() < 0.15
        for start in (at, at + 0.32)[: 2 if double else 1]:
            closed = np.maximum(closed, _ease((time - start) / 0.07) - _ease((time - start - 0.11) / 0.13))
    return {"eye_wink": closed}


def _sway(time: Times, rng: np.random.Generator) -> Curves:
    return {
        "head_x": 0.10 * _noise(time, rng, 4.1),
        "head_y": 0.14 * _noise(time, rng, 5.2),
        "neck_z": 0.16 * _noise(time, rng, 6.0),
        "body_y": 0.12 * _noise(time, rng, 7.1),
        "body_z": 0.14 * _noise(time, rng, 6.4),
    }


def _glance(time: Times, rng: np.random.Generator) -> Curves:
    """Moves the eyes from target to target; the head follows later and less far, the body least."""
    x, y = np.zeros_like(time), np.zeros_like(time)
    head_x, head_y = np.zeros_like(time), np.zeros_like(time)
    target = np.zeros(2)
    for at in _events(rng, time[-1], 0.9, 2.4):
        home = rng.random() < 0.35
        side = rng.choice([-1.0, 1.0]) * rng.uniform(0.4, 1.0)
        goal = np.zeros(2) if home else np.array([rng.uniform(-0.6, 0.6), side])
        step = goal - target
        eyes, head = _ease((time - at) / 0.09), _ease((time - at - 0.08) / 0.55)
        x, y = x + step[0] * eyes, y + step[1] * eyes
        head_x, head_y = head_x + step[0] * head, head_y + step[1] * head
        target = goal
    return {
        # Once the head has arrived, the eyes have to turn less.
        "iris_rotation_x": 0.75 * x - 0.35 * head_x,
        "iris_rotation_y": 0.85 * y - 0.40 * head_y,
        "head_x": 0.50 * head_x,
        "head_y": 0.70 * head_y,
        "neck_z": 0.22 * head_y,
        "body_y": 0.25 * head_y,
    }


_SYLLABLES = ("mouth_aaa", "mouth_iii", "mouth_uuu", "mouth_eee", "mouth_ooo")


def _speak(time: Times, rng: np.random.Generator) -> Curves:
    """Says phrases of 4 to 11 syllables: each opens to a vowel and closes towards the next, with breaths between."""
    moved = (*_SYLLABLES, "eyebrow_raised", "head_x", "mouth_raised_corner")
    curves: Curves = {name: np.zeros_like(time) for name in moved}
    at = rng.uniform(0.1, 0.4)
    while at < time[-1] + 0.1:  # a brow and a nod begin 0.1 s before their syllable
        length = int(rng.integers(4, 12))
        start, stressed = at, int(rng.integers(0, length))
        for syllable in range(length):
            duration = rng.uniform(0.13, 0.24)
            vowel = _SYLLABLES[rng.choice(5, p=[0.34, 0.17, 0.14, 0.17, 0.18])]
            strength = rng.uniform(0.45, 0.8) + (0.2 if syllable == stressed else 0.0)
            opening = _ease((time - at) / (0.55 * duration)) - _ease((time - at - 0.6 * duration) / (0.6 * duration))
            curves[vowel] += strength * opening
            if syllable == stressed:
                lift = _ease((time - at + 0.1) / 0.2) - _ease((time - at - 0.35) / 0.4)
                curves["eyebrow_raised"] += 0.55 * lift
                curves["head_x"] += 0.28 * lift
            at += duration
        phrase = _ease((time - start) / 0.4) - _ease((time - at - 0.3) / 0.5)
        curves["mouth_raised_corner"] += rng.uniform(0.2, 0.6) * phrase
        at += rng.uniform(0.35, 0.95)
    return curves


def _groove(time: Times, rng: np.random.Generator) -> Curves:
    """Sways and nods to a beat of 1.9 per second, and smiles."""
    beat = time * 1.9 + rng.uniform(0, 1)
    side = np.sin(np.pi * beat)
    bounce = np.sin(2 * np.pi * beat)
    flourish = 0.75 + 0.25 * _noise(time, rng, 3.0)
    return {
        "body_z": 0.75 * flourish * side,
        "neck_z": -0.55 * flourish * np.sin(np.pi * beat - 0.7),
        "body_y": 0.45 * np.sin(np.pi * beat + 0.9),
        "head_y": 0.45 * np.sin(np.pi * beat + 0.4),
        "head_x": 0.32 * bounce,
        "eyebrow_happy": 0.45 + 0.25 * bounce,
        "mouth_raised_corner": np.full_like(time, 0.8),
        "mouth_aaa": np.clip(0.30 + 0.35 * np.sin(np.pi * beat / 2), 0.0, 1.0),
        "eye_happy_wink": _ease(6.0 * (np.sin(np.pi * beat / 8 + rng.uniform(0, 6)) - 0.80)),
    }


Layer = Callable[[Times, np.random.Generator], Curves]
_MOTIONS: dict[str, tuple[Layer, ...]] = {
    "idle": (_breathe, _blink, _sway),
    "look": (_breathe, _blink, _sway, _glance),
    "talk": (_breathe, _blink, _sway, _glance, _speak),
    "dance": (_breathe, _blink, _groove),
}
