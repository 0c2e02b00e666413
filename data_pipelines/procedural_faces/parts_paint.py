"""Paints what is not skin: eyes, teeth, tongue, ears, the inside of the mouth."""

import numpy as np

from data_pipelines.open_head.fields import ramp
from data_pipelines.procedural_faces import atlas
from data_pipelines.procedural_faces.person import Person

_IRIS_DEGREES, _PUPIL_DEGREES = 31.0, 12.5


def paint(texture: np.ndarray, person: Person, rng: np.random.Generator) -> None:
    """Fills the texture's patches below the skin."""
    _eye(texture, person, rng)
    for strip in (atlas.UPPER_TEETH, atlas.LOWER_TEETH):
        texture[strip.texels()] = _teeth(*strip.inside(), person)
    texture[atlas.LINING.texels()] = _lining(atlas.LINING.inside()[1], person)
    texture[atlas.TONGUE.texels()] = _tongue(*atlas.TONGUE.inside())
    for strip in (atlas.LEFT_EAR, atlas.RIGHT_EAR):
        texture[strip.texels()] = _ear(*strip.inside(), person)


def _with_shine(color: np.ndarray, shine: float = 0.0) -> np.ndarray:
    return np.concatenate([np.clip(color, 0.01, 1), np.full((*color.shape[:2], 1), shine)], axis=-1)


def _teeth(s: np.ndarray, t: np.ndarray, person: Person) -> np.ndarray:
    """Ten teeth between gums at the top, their front first; see `open_head.parts`."""
    along = 2 * np.clip(s, 0, 1) - 1
    gap = np.minimum(1, 2.2 * np.abs(np.sin(along * np.pi * 5)))
    white = np.array([0.93, 0.91, 0.86]) - person.age * np.array([0.05, 0.08, 0.16])
    color = white * ((0.72 + 0.28 * gap) * (1 - 0.35 * np.abs(along) ** 3))[..., None]
    gum = np.array([0.66, 0.36, 0.36])
    color = color + (gum - color) * ramp(t, 0.76, 0.80)[..., None]
    return _with_shine(color * (0.35 + 0.65 * ramp(t, 0.2, 0.5))[..., None])


def _lining(t: np.ndarray, person: Person) -> np.ndarray:
    """From the inside of the lips at both edges to the throat between them."""
    edge = np.clip(np.abs(2 * t - 1), 0, 1)[..., None]
    lips = np.array(person.lips) * 0.62
    color = np.array([0.10, 0.03, 0.03]) + (np.array([0.34, 0.14, 0.14]) - np.array([0.10, 0.03, 0.03])) * ramp(
        edge, 0, 0.7
    )
    return _with_shine(color + (lips - color) * ramp(edge, 0.72, 0.98))


def _tongue(s: np.ndarray, t: np.ndarray) -> np.ndarray:
    middle = np.exp(-(((s - 0.5) / 0.05) ** 2))[..., None]
    return _with_shine(
        np.array([0.64, 0.30, 0.31]) * (0.75 + 0.25 * ramp(1 - t, 0.2, 0.8)[..., None]) * (1 - 0.2 * middle)
    )


def _ear(s: np.ndarray, t: np.ndarray, person: Person) -> np.ndarray:
    """Redder at the rim, dark in the bowl."""
    reach = np.hypot(2 * s - 1, 2 * t - 1)[..., None]
    skin = np.array(person.skin)
    color = skin * np.array([0.98, 0.84, 0.82])
    color = color * (0.55 + 0.45 * ramp(reach, 0.1, 0.55)) * (1 - 0.16 * np.exp(-(((reach - 0.76) / 0.07) ** 2)))
    return _with_shine(color, 0.08)


def _eye(texture: np.ndarray, person: Person, rng: np.random.Generator) -> None:
    """White, iris with its dark ring and rays, pupil."""
    s, t = atlas.EYE.inside()
    x, y = 2 * s - 1, 2 * t - 1
    angle, turn = np.minimum(np.hypot(x, y), 1.2) * 90, np.arctan2(y, x)
    white = np.array([0.77, 0.74, 0.72]) * (1 - 0.20 * ramp(angle, 38, 85) - 0.16 * ramp(y, 0.05, 0.5))[..., None]
    veins = np.clip(np.sin(turn * 9 + rng.uniform(0, 6)) * np.sin(turn * 23 + rng.uniform(0, 6)), 0, 1)
    white = white * (1 - np.array([0.02, 0.10, 0.10]) * (veins * ramp(angle, 34, 60))[..., None])
    rays = 1 + 0.14 * np.sin(turn * 31 + rng.uniform(0, 6)) + 0.10 * np.sin(turn * 17 + rng.uniform(0, 6))
    glow = 1.35 - 0.50 * ramp(angle, 14, 24) - 0.50 * ramp(angle, 25.5, 31)
    iris = np.array(person.iris) * (rays * glow * (1 + 0.25 * ramp(-y, 0.0, 0.25)))[..., None]
    color = white + (iris - white) * ramp(angle, _IRIS_DEGREES + 1.2, _IRIS_DEGREES - 1.2)[..., None]
    color = color + (0.015 - color) * ramp(angle, _PUPIL_DEGREES + 1.0, _PUPIL_DEGREES - 1.0)[..., None]
    texture[(*atlas.EYE.texels(), slice(3))] = np.clip(color, 0.01, 1)
