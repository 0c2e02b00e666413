"""What somebody looks like: everything that stays the same in all of a person's pictures."""

import dataclasses
from typing import Literal

import numpy as np

from data_pipelines.procedural_faces import anatomy

Color = tuple[float, float, float]  # sRGB in [0, 1]
HairStyle = Literal["bald", "buzz", "short", "side", "curly", "bob", "long", "fringe", "tied"]
Garment = Literal["crew", "v_neck", "turtleneck", "collar", "open_shirt", "hoodie"]
Beard = Literal["none", "stubble", "moustache", "goatee", "full"]
Glasses = Literal["none", "round", "square", "half_rim"]

HAIR_STYLES: tuple[HairStyle, ...] = ("bald", "buzz", "short", "side", "curly", "bob", "long", "fringe", "tied")
GARMENTS: tuple[Garment, ...] = ("crew", "v_neck", "turtleneck", "collar", "open_shirt", "hoodie")
BEARDS: tuple[Beard, ...] = ("none", "stubble", "moustache", "goatee", "full")
GLASSES: tuple[Glasses, ...] = ("none", "round", "square", "half_rim")

# How often men and women wear what, in the orders above.
_HAIR_OF_MEN = (0.07, 0.14, 0.30, 0.22, 0.12, 0.04, 0.04, 0.03, 0.04)
_HAIR_OF_WOMEN = (0.00, 0.02, 0.07, 0.08, 0.12, 0.20, 0.24, 0.13, 0.14)
_BEARDS_OF_MEN = (0.42, 0.28, 0.08, 0.09, 0.13)
_GLASSES_WORN = (0.80, 0.07, 0.08, 0.05)

# From the palest to the darkest.
_SKINS = np.array(
    [
        [0.95, 0.80, 0.72],
        [0.92, 0.74, 0.63],
        [0.85, 0.65, 0.52],
        [0.74, 0.54, 0.40],
        [0.57, 0.39, 0.28],
        [0.41, 0.27, 0.20],
    ]
)
# Black, dark brown, brown, light brown, blond, pale blond, red, grey.
_HAIRS = np.array(
    [
        [0.07, 0.06, 0.06],
        [0.14, 0.10, 0.08],
        [0.26, 0.17, 0.11],
        [0.40, 0.27, 0.16],
        [0.62, 0.48, 0.30],
        [0.80, 0.69, 0.47],
        [0.44, 0.18, 0.09],
        [0.55, 0.55, 0.56],
    ]
)
_HAIR_OF_PALE, _HAIR_OF_DARK = (3, 3, 2.5, 1.5, 1, 0.8, 0.6, 0.6), (5, 4, 1.2, 0.2, 0.05, 0.05, 0.05, 0.5)
_IRISES = np.array(
    [
        [0.20, 0.11, 0.06],
        [0.33, 0.20, 0.09],
        [0.31, 0.37, 0.24],
        [0.28, 0.43, 0.57],
        [0.40, 0.46, 0.50],
        [0.14, 0.08, 0.05],
    ]
)
_IRIS_OF_PALE, _IRIS_OF_DARK = (0.2, 0.2, 0.17, 0.2, 0.15, 0.08), (0.4, 0.12, 0.02, 0.01, 0.01, 0.44)
# What men have more of than women, and the old than the young, in standard deviations between the mean and either.
_OF_MEN = {"robustness": 0.9, "jaw_width": 0.5, "brow_ridge": 0.8, "larynx": 1.2, "neck_width": 0.8, "eye_size": -0.5}
_OF_MEN |= {"upper_lip": -0.5, "lower_lip": -0.3, "chin_width": 0.5, "size": 0.4, "nose_width": 0.3}
_OF_THE_OLD = {"age": 2.5, "eye_bags": 1.2, "cheek_fullness": -0.6, "ear_size": 0.8, "under_chin": 0.8}
# The open head's neutral mouth looks glum on everybody.
_OF_EVERYBODY = {"mouth_corners": 1.1, "upper_lip": -0.2, "lower_lip": -0.3}
_THINNEST_LIP = -0.8  # the inside of the mouth shows through thinner ones
_PALE = 2.0  # skins up to here go with all colours of hair and eyes


@dataclasses.dataclass(frozen=True)
class Person:
    """One person.

    Attributes:
      seed: of what is drawn in detail: pores, moles, strands.
      identity: coefficients of the open head, in standard deviations.
      femininity: 0 to 1; decides lashes, brows and lips.
      skin: colour of the cheek.
      hair: colour of the hair and, darker, of brows and beard.
      iris: colour of the eyes.
      lips: colour of the lips.
      hair_style: what grows on the head.
      hair_length: 0 is the shortest of its style, 1 the longest.
      hair_side: where the parting is: -1 on the picture's left, 1 on its right.
      hair_wave: 0 is straight, 1 is wavy.
      beard: what grows on the chin.
      beard_length: 0 to 1.
      brow_thickness: relative to the mean.
      freckles: 0 to 1.
      age: 0 is smooth, 1 has wrinkles.
      garment: what covers the shoulders.
      cloth: its colour.
      trim: of stripes, collars and seams.
      pattern: 'plain', 'stripes' or 'checks'.
      shoulders: half their width, in units.
      glasses: frames, or none.
      frame: colour of the frames.
    """

    seed: int
    identity: tuple[float, ...]
    femininity: float
    skin: Color
    hair: Color
    iris: Color
    lips: Color
    hair_style: HairStyle
    hair_length: float
    hair_side: float
    hair_wave: float
    beard: Beard
    beard_length: float
    brow_thickness: float
    freckles: float
    age: float
    garment: Garment
    cloth: Color
    trim: Color
    pattern: Literal["plain", "stripes", "checks"]
    shoulders: float
    glasses: Glasses
    frame: Color


def random_person(seed: int) -> Person:
    """Draws a person; the same one for the same seed."""
    rng = np.random.default_rng([seed, 0xFACE])
    femininity = float(np.clip(rng.normal(0.85 if rng.random() < 0.5 else 0.15, 0.12), 0, 1))
    man = femininity < 0.5
    tone = float(rng.random() ** 1.2 * (len(_SKINS) - 1))
    skin = _between(_SKINS, tone) * (1 + rng.normal(0, 0.02, 3))
    age = float(rng.beta(1.3, 2.2))
    hair = _HAIRS[_choose(rng, _HAIR_OF_PALE if tone < _PALE else _HAIR_OF_DARK)] * (1 + rng.normal(0, 0.06, 3))
    if age > 0.6:
        hair = hair + (0.55 - hair) * min(1.0, 2 * (age - 0.6)) * rng.random()
    iris = _IRISES[_choose(rng, _IRIS_OF_PALE if tone < _PALE else _IRIS_OF_DARK)] * (1 + rng.normal(0, 0.08, 3))
    beard = BEARDS[_choose(rng, _BEARDS_OF_MEN)] if man else "none"
    cloth, trim = _cloth_colors(rng)
    return Person(
        seed=seed,
        identity=_identity(rng, femininity, age),
        femininity=femininity,
        skin=_color(skin),
        hair=_color(hair),
        iris=_color(iris),
        lips=_color(_lips(rng, skin, painted=not man and rng.random() < 0.45)),
        hair_style=HAIR_STYLES[_choose(rng, _HAIR_OF_MEN if man else _HAIR_OF_WOMEN)],
        hair_length=float(rng.random()),
        hair_side=float(rng.choice([-1, 1])),
        hair_wave=float(rng.random() ** 2),
        beard=beard,
        beard_length=float(rng.random()),
        brow_thickness=float(rng.uniform(0.75, 1.3) * (1.25 if man else 0.9)),
        freckles=float(max(0, rng.normal(-0.5, 0.7))) if tone < _PALE else 0.0,
        age=age,
        garment=GARMENTS[int(rng.integers(len(GARMENTS)))],
        cloth=_color(cloth),
        trim=_color(trim),
        pattern=str(rng.choice(["plain", "stripes", "checks"], p=[0.7, 0.18, 0.12])),  # type: ignore[arg-type]
        shoulders=float(1.90 + 0.26 * (0.5 - femininity) + rng.normal(0, 0.06)),
        glasses=GLASSES[_choose(rng, _GLASSES_WORN)],
        frame=_color(np.array([0.06, 0.05, 0.05]) if rng.random() < 0.6 else rng.uniform(0.1, 0.6, 3)),
    )


def _identity(rng: np.random.Generator, femininity: float, age: float) -> tuple[float, ...]:
    """Draws coefficients within what looks like people; some of them go with sex and age."""
    names = anatomy.identity_names()
    drawn = rng.normal(0, 0.85, len(names))
    male, old = 1 - 2 * femininity, age - 0.4
    for name, amount in _OF_MEN.items():
        drawn[names.index(name)] += amount * male
    for name, amount in _OF_THE_OLD.items():
        drawn[names.index(name)] += amount * old
    for name, amount in _OF_EVERYBODY.items():
        drawn[names.index(name)] += amount
    for lip in ("upper_lip", "lower_lip"):
        drawn[names.index(lip)] = max(drawn[names.index(lip)], _THINNEST_LIP)
    return tuple(float(value) for value in np.clip(drawn, -2.2, 2.2))


def _lips(rng: np.random.Generator, skin: np.ndarray, *, painted: bool) -> np.ndarray:
    if painted:
        return np.array([0.62, 0.17, 0.21]) * rng.uniform(0.8, 1.2) * (1 + rng.normal(0, 0.1, 3)) + 0.08 * skin
    return skin * np.array([0.84, 0.58, 0.56]) * rng.uniform(0.9, 1.1)


def _cloth_colors(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mostly muted colours, and one that goes with them."""
    grey = rng.uniform(0.06, 0.85)
    cloth = grey + rng.uniform(-0.5, 0.5, 3) * rng.choice([0.15, 0.5], p=[0.6, 0.4])
    trim = np.clip(cloth, 0.05, 0.9) * rng.uniform(0.35, 0.7) if grey > 0.4 else np.clip(cloth, 0, 1) + 0.35
    return cloth, trim


def _between(colors: np.ndarray, place: float) -> np.ndarray:
    lower = min(int(place), len(colors) - 2)
    return np.asarray(colors[lower] + (place - lower) * (colors[lower + 1] - colors[lower]))


def _choose(rng: np.random.Generator, chances: tuple[float, ...]) -> int:
    return int(rng.choice(len(chances), p=np.array(chances) / sum(chances)))


def _color(values: np.ndarray) -> Color:
    red, green, blue = (float(value) for value in np.clip(values, 0.015, 0.97))
    return red, green, blue
