"""What makes one procedural character: colours, proportions, hair, clothes, accessory. Lengths in pixels at 512."""

import dataclasses
from typing import Literal

import numpy as np

Color = tuple[float, float, float]  # sRGB in [0, 1]
HairStyle = Literal["long", "bob", "twin_tails", "short", "side_tail"]
Outfit = Literal["hoodie", "sailor", "dress", "jacket"]
Accessory = Literal["none", "ribbon", "cat_ears", "glasses", "ahoge", "hair_pins"]

HAIR_STYLES: tuple[HairStyle, ...] = ("long", "bob", "twin_tails", "short", "side_tail")
OUTFITS: tuple[Outfit, ...] = ("hoodie", "sailor", "dress", "jacket")
ACCESSORIES: tuple[Accessory, ...] = ("none", "ribbon", "cat_ears", "glasses", "ahoge", "hair_pins")


@dataclasses.dataclass(frozen=True)
class CharacterDesign:
    """One character. `jitter` holds 40 standard normal numbers that make strands irregular."""

    skin: Color
    hair: Color
    eyes: Color
    cloth: Color
    trim: Color
    dark: Color
    hair_style: HairStyle
    outfit: Outfit
    accessory: Accessory
    face_half_width: float
    face_height: float
    chin: float
    eye_half_width: float
    eye_half_height: float
    eye_spacing: float
    eye_drop: float
    eye_tilt: float
    brow_width: float
    mouth_half_width: float
    mouth_drop: float
    bang_count: int
    bang_length: float
    hair_length: float
    hair_volume: float
    jitter: tuple[float, ...]


def hsv(hue: float, saturation: float, value: float) -> Color:
    """Converts hue, saturation and value in [0, 1] to sRGB."""
    k = (np.array([5.0, 3.0, 1.0]) + hue * 6.0) % 6.0
    rgb = value - value * saturation * np.clip(np.minimum(k, 4.0 - k), 0.0, 1.0)
    return float(rgb[0]), float(rgb[1]), float(rgb[2])


def shade(color: Color, *factors: float) -> Color:
    """Multiplies a colour by one factor, or by one per channel, and clips it."""
    red, green, blue = factors if len(factors) == 3 else factors * 3
    return min(color[0] * red, 1.0), min(color[1] * green, 1.0), min(color[2] * blue, 1.0)


def tint(color: Color, amount: float) -> Color:
    """Mixes a colour with white."""
    red, green, blue = (channel * (1.0 - amount) + amount for channel in color)
    return red, green, blue


def random_design(seed: int) -> CharacterDesign:
    """Draws a character; the same seed always gives the same one."""
    rng = np.random.default_rng(seed)
    skins: tuple[Color, ...] = ((1.0, 0.9, 0.83), (1.0, 0.87, 0.78), (0.93, 0.76, 0.64), (0.72, 0.52, 0.40))

    def uniform(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    return CharacterDesign(
        skin=skins[rng.choice(4, p=[0.4, 0.35, 0.15, 0.1])],
        hair=hsv(uniform(0, 1), uniform(0.15, 0.7), uniform(0.35, 1.0)),
        eyes=hsv(uniform(0, 1), uniform(0.45, 0.9), uniform(0.45, 0.85)),
        cloth=hsv(uniform(0, 1), uniform(0.15, 0.65), uniform(0.35, 0.95)),
        trim=hsv(uniform(0, 1), uniform(0.05, 0.6), uniform(0.35, 1.0)),
        dark=hsv(uniform(0, 1), uniform(0.0, 0.5), uniform(0.15, 0.45)),
        hair_style=HAIR_STYLES[rng.integers(len(HAIR_STYLES))],
        outfit=OUTFITS[rng.integers(len(OUTFITS))],
        accessory=ACCESSORIES[rng.choice(6, p=[0.25, 0.15, 0.15, 0.15, 0.15, 0.15])],
        face_half_width=uniform(50, 56),
        face_height=uniform(58, 64),
        chin=uniform(0.10, 0.20),
        eye_half_width=uniform(15.5, 18.5),
        eye_half_height=uniform(16.5, 21),
        eye_spacing=uniform(25, 28.5),
        eye_drop=uniform(15, 20),
        eye_tilt=uniform(-0.10, 0.12),
        brow_width=uniform(2.0, 3.4),
        mouth_half_width=uniform(10.5, 14),
        mouth_drop=uniform(41, 44),
        bang_count=int(rng.integers(4, 8)),
        bang_length=uniform(0.2, 0.46),
        hair_length=uniform(60, 190),
        hair_volume=uniform(1.12, 1.24),
        jitter=tuple(float(x) for x in rng.normal(size=40)),
    )


# The character that ships with the package: drawn here, distilled from these drawings.
HOUSE_CHARACTER = dataclasses.replace(
    random_design(20),
    skin=(1.0, 0.905, 0.845),
    hair=(0.27, 0.52, 0.62),
    eyes=(0.90, 0.50, 0.16),
    cloth=(0.97, 0.93, 0.86),
    trim=(0.93, 0.47, 0.40),
    dark=(0.23, 0.24, 0.33),
    hair_style="bob",
    outfit="hoodie",
    accessory="hair_pins",
    face_half_width=53.0,
    face_height=61.0,
    chin=0.13,
    eye_half_width=17.6,
    eye_half_height=20.0,
    eye_spacing=27.0,
    eye_drop=17.5,
    eye_tilt=0.05,
    brow_width=2.8,
    mouth_half_width=12.0,
    mouth_drop=42.5,
    bang_count=5,
    bang_length=0.36,
    hair_volume=1.18,
)
