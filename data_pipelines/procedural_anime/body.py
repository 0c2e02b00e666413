"""What clothes are drawn on: neck, torso, arms, hands and legs, with sleeves and what is worn below the waist."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from data_pipelines.procedural_anime import shapes
from data_pipelines.procedural_anime.design import CharacterDesign
from data_pipelines.procedural_anime.face import skin_line, skin_shadow
from data_pipelines.procedural_anime.motion import BODY
from data_pipelines.procedural_anime.palette import Color, dusk, ink, shade
from data_pipelines.procedural_anime.shapes import Shape

Sleeve = Literal["bare", "short", "long", "wide"]
Half = Sequence[tuple[float, float]]

MIDDLE = 256.0
# Right halves, from the neck down: distance from the middle, and height.
_TORSO: Half = [(22, 203), (44, 209), (61, 226), (55, 262), (45, 300), (44, 345), (56, 398), (60, 430), (0, 437)]
_LOOSE_TORSO: Half = [(22, 203), (44, 209), (61, 226), (56, 262), (50, 300), (52, 345), (61, 398), (64, 428), (0, 436)]
_SLEEVE: Half = [(44, 211), (65, 224), (78, 268), (90, 320), (97, 370), (90, 380), (74, 379), (64, 330), (49, 275)]
_SHORT_SLEEVE: Half = [(42, 210), (64, 222), (77, 250), (84, 284), (74, 290), (58, 288), (50, 262)]
_WIDE_SLEEVE: Half = [
    (44, 211),
    (66, 223),
    (84, 268),
    (112, 340),
    (122, 396),
    (98, 402),
    (72, 392),
    (62, 330),
    (49, 275),
]
_SLEEVE_SHADE: Half = [(52, 262), (62, 300), (78, 372), (74, 379), (64, 330)]
_CUFF: Half = [(73, 366), (96, 361), (99, 379), (76, 384)]
_HAND: Half = [(77, 380), (94, 378), (98, 394), (94, 410), (85, 413), (80, 404), (72, 400), (74, 390)]
_FINGERS: Sequence[Half] = [[(85, 398), (86, 409)], [(90, 396), (91, 408)]]
_SKIRT = [(212, 352), (300, 352), (314, 400), (328, 450), (292, 457), (256, 459), (220, 457), (184, 450), (198, 400)]
_NECK: Half = [(14, 178), (14, 200), (26, 210), (0, 231)]


def one_side(half: Half, side: int) -> list[tuple[float, float]]:
    """Returns the points of a half on the viewer's right (+1) or left (-1)."""
    return [(MIDDLE + side * x, y) for x, y in half]


def whole(half: Half) -> list[tuple[float, float]]:
    """Joins a half, given downwards, with its mirror image."""
    return one_side(half, 1) + one_side([point for point in half if point[0] != 0], -1)[::-1]


def cloth(points: Sequence[Sequence[float]], color: Color, steps: int = 6, *, width: float = 1.1) -> Shape:
    """Returns a piece of cloth with its outline."""
    return Shape(shapes.spline(points, steps), BODY, color, ink(color), width)


def sharp(points: Sequence[Sequence[float]], color: Color) -> Shape:
    """Returns a piece of cloth with straight edges."""
    return Shape(np.array(points, float), BODY, color, ink(color))


def stroke(points: Sequence[Sequence[float]], color: Color, widths: Sequence[float]) -> Shape:
    """Returns a line of a colour."""
    return Shape(shapes.ribbon(np.array(points, float), widths), BODY, color)


def torso(color: Color, *, loose: bool = False, tucked: bool = False) -> list[Shape]:
    """Returns the torso with its shade; a tucked one ends at the waist."""
    half = _LOOSE_TORSO if loose else _TORSO
    if tucked:
        half = [*_TORSO[:6], (47, 362), (0, 366)]
    shape = cloth(whole(half), color, 10)
    fold = [(276, 262), (312, 240), (302, 300), (301, 345), (314, 425), (290, 432), (284, 350)]
    return [shape, Shape(shapes.spline(fold), BODY, dusk(color), opacity=0.7, clip=(shape,))]


def arms(design: CharacterDesign, sleeve: Sleeve, color: Color, *, cuff: Color | None = None) -> list[Shape]:
    """Returns both arms with their hands."""
    return [shape for side in (1, -1) for shape in _arm(design, side, sleeve, color, cuff)]


def _arm(design: CharacterDesign, side: int, sleeve: Sleeve, color: Color, cuff: Color | None) -> list[Shape]:
    bare = sleeve in ("bare", "short")
    arm_color, line = (design.skin, skin_line(design)) if bare else (color, ink(color))
    arm = Shape(shapes.spline(one_side(_WIDE_SLEEVE if sleeve == "wide" else _SLEEVE, side)), BODY, arm_color, line)
    fingers = [shapes.ribbon(np.array(one_side(path, side)), (0.6, 0.9)) for path in _FINGERS]
    parts = [
        Shape(shapes.spline(one_side(_HAND, side)), BODY, design.skin, skin_line(design)),
        *(Shape(finger, BODY, skin_line(design)) for finger in fingers),
        arm,
        Shape(shapes.spline(one_side(_SLEEVE_SHADE, side)), BODY, dusk(arm_color), opacity=0.7, clip=(arm,)),
    ]
    if sleeve == "short":
        short = cloth(one_side(_SHORT_SLEEVE, side), color, 8)
        hem = stroke(one_side([(54, 281), (66, 285), (82, 279)], side), ink(color), (0.6, 0.9, 0.6))
        parts += [short, hem]
    if cuff is not None and not bare:
        half = [(71, 392), (98, 400), (122, 395), (120, 384), (98, 390), (73, 382)] if sleeve == "wide" else _CUFF
        parts.append(cloth(one_side(half, side), cuff))
    return parts


def legs(design: CharacterDesign, *, tights: Color | None = None) -> list[Shape]:
    """Returns the legs, in tights of a colour or bare."""
    color, dark = (design.skin, skin_shadow(design)) if tights is None else (tights, dusk(tights))
    line = skin_line(design) if tights is None else ink(tights)
    parts = []
    for side in (1, -1):
        leg = one_side([(5, 425), (43, 425), (40, 475), (36, 520), (9, 520), (6, 475)], side)
        shadow = one_side([(4, 436), (46, 434), (43, 466), (6, 470)], side)
        shape = Shape(shapes.spline(leg), BODY, color, line)
        parts += [shape, Shape(shapes.spline(shadow), BODY, dark, opacity=0.8, clip=(shape,))]
    return parts


def trousers(color: Color, *, short: bool = False) -> list[Shape]:
    """Returns trousers or shorts, from the waist."""
    end = 462.0 if short else 524.0
    parts = []
    for side in (1, -1):
        knee = 52 if short else 43
        half = [(-2, 352), (41, 352), (51, 376), (57, 408), (56, 440), (knee, end), (4, end + 2), (1, 438)]
        leg = cloth(one_side(half, side), color, 8)
        crease = stroke(one_side([(30, 400), (31, 440), (28, end - 6)], side), ink(color), (0.3, 0.9, 0.3))
        shadow = [(288, 366), (316, 366), (316, end), (290, end), (298, 420)]  # the light comes from the left
        parts += [leg, Shape(shapes.spline(shadow, 6), BODY, dusk(color), opacity=0.8, clip=(leg,)), crease]
    belt = sharp(whole([(44, 352), (47, 363), (0, 367)]) + [(256, 356)], dusk(color))
    return [*parts, belt]


def skirt(color: Color) -> list[Shape]:
    """Returns a pleated skirt."""
    shape = Shape(shapes.spline(_SKIRT, 8), BODY, color, ink(color))
    parts = [shape]
    for x in (-36, -18, 0, 18, 36):
        pleat = np.array([(MIDDLE + x, 356), (MIDDLE + x * 1.3, 405), (MIDDLE + x * 1.62, 457)])
        parts.append(Shape(shapes.ribbon(pleat, (0.8, 1.4, 1.6)), BODY, ink(color), clip=(shape,)))
        band = np.array([pleat[0], pleat[1], pleat[2], pleat[2] + [7.0, 0.0], pleat[1] + [4.0, 0.0]])
        parts.append(Shape(band, BODY, dusk(color), opacity=0.8, clip=(shape,)))
    return parts


def below_waist(design: CharacterDesign, color: Color) -> list[Shape]:
    """Returns legs and what the design wears on them, behind the torso."""
    if design.bottom == "trousers":
        return trousers(color)
    if design.bottom == "shorts":
        return legs(design) + trousers(color, short=True)
    tights = shade(design.dark, 0.8) if design.bottom == "tights" else None
    return legs(design, tights=tights) + skirt(color)


def neck(design: CharacterDesign) -> list[Shape]:
    """Returns the neck with the shadow of the chin, and the collarbones."""
    shape = Shape(shapes.spline(whole(_NECK)), BODY, design.skin, skin_line(design), 1.0)
    shadow = shapes.spline([(240, 182), (272, 182), (272, 200), (256, 208), (240, 199)])
    bones = [
        stroke(one_side([(7, 217), (14, 214), (20, 213)], side), skin_shadow(design), (0.5, 1.0, 0.4))
        for side in (1, -1)
    ]
    return [shape, Shape(shadow, BODY, skin_shadow(design), opacity=0.9, clip=(shape,)), *bones]
