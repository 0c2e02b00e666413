"""What makes one procedural character: colours, proportions, hair, clothes, what it wears. Lengths in pixels at 512."""

import dataclasses
from typing import Literal, get_args

import numpy as np

from data_pipelines.procedural_anime.palette import CLOTH_HUES, HAIR_COLORS, SKINS, Color, hsv, shade, tint

HairStyle = Literal[
    "short",
    "spiky",
    "bob",
    "medium",
    "long",
    "wavy",
    "hime",
    "twin_tails",
    "low_tails",
    "braids",
    "side_tail",
    "ponytail",
    "buns",
]
Fringe = Literal["jagged", "blunt", "parted", "swept", "locks", "open"]
Outfit = Literal[
    "hoodie", "sailor", "dress", "blazer", "shirt_tie", "kimono", "sweater", "tee", "overalls", "tracksuit"
]
Bottom = Literal["skirt", "shorts", "trousers", "tights"]
Headwear = Literal[
    "none",
    "ribbon",
    "cat_ears",
    "rabbit_ears",
    "ahoge",
    "hair_pins",
    "headphones",
    "cap",
    "beret",
    "headband",
    "flower",
    "witch_hat",
]
Eyewear = Literal["none", "round_glasses", "square_glasses"]
EyeShape = Literal["round", "tall", "sharp", "soft"]

HAIR_STYLES: tuple[HairStyle, ...] = get_args(HairStyle)
FRINGES: tuple[Fringe, ...] = get_args(Fringe)
OUTFITS: tuple[Outfit, ...] = get_args(Outfit)
BOTTOMS: tuple[Bottom, ...] = get_args(Bottom)
HEADWEAR: tuple[Headwear, ...] = get_args(Headwear)
EYEWEAR: tuple[Eyewear, ...] = get_args(Eyewear)
EYE_SHAPES: tuple[EyeShape, ...] = get_args(EyeShape)


@dataclasses.dataclass(frozen=True)
class CharacterDesign:
    """One character.

    Attributes:
      skin, hair, eyes, cloth, trim, dark: colours; `other_eye` is that of the eye on the viewer's left.
      earrings, mole, scarf: whether it has them.
      face_half_width to mouth_drop: proportions of the face.
      part: where the hair parts, -1 at the viewer's left temple, 1 at the right.
      body_width: factor on the width of all below the neck.
      jitter: 40 standard normal numbers that make strands irregular.
    """

    skin: Color
    hair: Color
    eyes: Color
    other_eye: Color
    cloth: Color
    trim: Color
    dark: Color
    hair_style: HairStyle
    fringe: Fringe
    outfit: Outfit
    bottom: Bottom
    headwear: Headwear
    eyewear: Eyewear
    eye_shape: EyeShape
    earrings: bool
    mole: bool
    scarf: bool
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
    part: float
    body_width: float
    jitter: tuple[float, ...]


def random_design(seed: int) -> CharacterDesign:
    """Draws a character; the same seed always gives the same one."""
    rng = np.random.default_rng(seed)

    def uniform(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def chance(probability: float) -> bool:
        return bool(rng.random() < probability)

    outfit = OUTFITS[rng.integers(len(OUTFITS))]
    eyes = hsv(uniform(0, 1), uniform(0.5, 0.9), uniform(0.5, 0.9))
    cloth, trim, dark = _clothes(rng)
    return CharacterDesign(
        skin=SKINS[rng.choice(len(SKINS), p=[0.28, 0.26, 0.18, 0.14, 0.08, 0.06])],
        hair=_hair_color(rng),
        eyes=eyes,
        other_eye=hsv(uniform(0, 1), uniform(0.5, 0.9), uniform(0.5, 0.9)) if chance(0.05) else eyes,
        cloth=cloth,
        trim=trim,
        dark=dark,
        hair_style=HAIR_STYLES[rng.integers(len(HAIR_STYLES))],
        fringe=FRINGES[rng.integers(len(FRINGES))],
        outfit=outfit,
        bottom=BOTTOMS[rng.integers(len(BOTTOMS))],
        headwear="none" if chance(0.3) else HEADWEAR[rng.integers(1, len(HEADWEAR))],
        eyewear=EYEWEAR[rng.choice(3, p=[0.8, 0.1, 0.1])],
        eye_shape=EYE_SHAPES[rng.integers(len(EYE_SHAPES))],
        earrings=chance(0.25),
        mole=chance(0.1),
        scarf=outfit != "kimono" and chance(0.08),
        face_half_width=uniform(50, 56),
        face_height=uniform(58, 64),
        chin=uniform(0.10, 0.20),
        eye_half_width=uniform(15.5, 18.5),
        eye_half_height=uniform(16.5, 21),
        eye_spacing=uniform(25, 28.5),
        eye_drop=uniform(15, 20),
        eye_tilt=uniform(-0.10, 0.12),
        brow_width=uniform(2.0, 3.4),
        mouth_half_width=uniform(9, 13.5),
        mouth_drop=uniform(41, 44),
        bang_count=int(rng.integers(4, 8)),
        bang_length=uniform(0.1, 0.5),
        hair_length=uniform(70, 190),
        hair_volume=uniform(1.12, 1.24),
        part=uniform(-0.5, 0.5),
        body_width=uniform(0.9, 1.06),
        jitter=tuple(float(x) for x in rng.normal(size=40)),
    )


def _hair_color(rng: np.random.Generator) -> Color:
    if rng.random() < 0.5:
        red, green, blue = HAIR_COLORS[rng.integers(len(HAIR_COLORS))]
        return shade((red, green, blue), float(rng.uniform(0.85, 1.12)))
    return hsv(float(rng.uniform(0, 1)), float(rng.uniform(0.2, 0.6)), float(rng.uniform(0.45, 1.0)))


def _clothes(rng: np.random.Generator) -> tuple[Color, Color, Color]:
    """Returns cloth, trim and dark colours that go together: one hue, and a second one beside or across from it."""
    hue = float(CLOTH_HUES[rng.integers(len(CLOTH_HUES))] + rng.normal() * 0.02) % 1.0
    second = (hue + float(rng.choice([0.0, 0.08, -0.08, 0.42, 0.5, 0.58]))) % 1.0
    kind = rng.integers(4)
    if kind == 0:  # nearly white, with a strong trim
        cloth, trim = tint(hsv(hue, 0.3, 0.95), 0.72), hsv(second, float(rng.uniform(0.45, 0.75)), 0.8)
    elif kind == 1:  # pastel
        cloth, trim = hsv(hue, float(rng.uniform(0.18, 0.32)), 0.95), tint(hsv(second, 0.4, 0.95), 0.45)
    elif kind == 2:  # strong
        cloth, trim = hsv(hue, float(rng.uniform(0.5, 0.7)), float(rng.uniform(0.6, 0.9))), hsv(second, 0.18, 0.97)
    else:  # dark
        cloth, trim = hsv(hue, float(rng.uniform(0.25, 0.5)), float(rng.uniform(0.28, 0.42))), hsv(second, 0.5, 0.85)
    dark = hsv(second, float(rng.uniform(0.1, 0.45)), float(rng.uniform(0.2, 0.45)))
    return cloth, trim, dark


# The character that ships with the package: drawn here, distilled from these drawings.
HOUSE_CHARACTER = CharacterDesign(
    skin=(1.0, 0.905, 0.845),
    hair=(0.27, 0.52, 0.62),
    eyes=(0.90, 0.50, 0.16),
    other_eye=(0.90, 0.50, 0.16),
    cloth=(0.97, 0.93, 0.86),
    trim=(0.93, 0.47, 0.40),
    dark=(0.23, 0.24, 0.33),
    hair_style="bob",
    fringe="jagged",
    outfit="hoodie",
    bottom="skirt",
    headwear="hair_pins",
    eyewear="none",
    eye_shape="round",
    earrings=False,
    mole=False,
    scarf=False,
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
    hair_length=109.2,
    hair_volume=1.18,
    part=0.0,
    body_width=1.0,
    jitter=(
        *(-2.388, 0.646, 1.597, 0.437, -0.723, -0.613, -2.646, 0.476, 1.503, 0.65),
        *(-2.977, -0.426, -0.103, -0.484, 1.033, -1.744, -0.718, 0.596, 0.991, 0.169),
        *(1.055, 0.52, -1.059, 1.294, -0.506, -1.631, 0.438, 1.814, 0.959, 0.997),
        *(0.191, -2.465, 0.68, 0.158, -2.641, -0.652, -0.88, 1.061, 0.123, 0.298),
    ),
)
