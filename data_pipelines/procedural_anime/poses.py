"""Random poses to train on: expressions as people draw them, alone and mixed, and every direction of head and body."""

import numpy as np
from jaxtyping import Float

from jaxanim.signals import pose_vector

_BROWS = ("troubled", "angry", "lowered", "raised", "happy", "serious")
_LIDS = ("eye_wink", "eye_happy_wink", "eye_surprised", "eye_relaxed", "eye_unimpressed")
_VOWELS = ("mouth_aaa", "mouth_iii", "mouth_uuu", "mouth_eee", "mouth_ooo", "mouth_delta")


def random_pose(rng: np.random.Generator) -> Float[np.ndarray, "45"]:
    """Draws one pose within the ranges of `pose_vector`."""
    values: dict[str, float] = {}
    values |= _both_sides(rng, "eyebrow_" + str(rng.choice(_BROWS)), chance=0.65)
    values |= _both_sides(rng, str(rng.choice(_LIDS)), chance=0.65)
    values |= _both_sides(rng, "eye_raised_lower_eyelid", chance=0.2)
    values |= _both_sides(rng, "iris_small", chance=0.15)
    values |= _both_sides(rng, str(rng.choice(["mouth_lowered_corner", "mouth_raised_corner"])), chance=0.4)
    values |= _vowels(rng)
    if rng.random() < 0.12:
        values["mouth_smirk"] = rng.random()
    for name in ("iris_rotation_x", "iris_rotation_y"):
        values[name] = _signed(rng, rest=0.35)
    for name in ("head_x", "head_y", "neck_z", "body_y", "body_z"):
        values[name] = _signed(rng, rest=0.15)
    values["breathing"] = rng.random()
    return pose_vector.make_pose(values)


def _strength(rng: np.random.Generator) -> float:
    """Returns 1 a quarter of the time (extremes are what users set), else anything in [0, 1]."""
    return 1.0 if rng.random() < 0.25 else rng.random()


def _signed(rng: np.random.Generator, *, rest: float) -> float:
    if rng.random() < rest:
        return 0.0
    return float(_strength(rng) * rng.choice([-1.0, 1.0]))


def _both_sides(rng: np.random.Generator, name: str, *, chance: float) -> dict[str, float]:
    if rng.random() >= chance:
        return {}
    left, right = _strength(rng), _strength(rng)
    if rng.random() < 0.7:
        right = left
    elif rng.random() < 0.5:
        left, right = (left, 0.0) if rng.random() < 0.5 else (0.0, right)
    return {f"{name}_left": left, f"{name}_right": right}


def _vowels(rng: np.random.Generator) -> dict[str, float]:
    draw = rng.random()
    if draw < 0.25:
        return {}
    if draw < 0.75:
        return {str(rng.choice(_VOWELS)): _strength(rng)}
    first, second = rng.choice(_VOWELS, 2, replace=False)
    mix = rng.random()
    return {str(first): mix * _strength(rng), str(second): (1.0 - mix) * _strength(rng)}
