"""Neck, body and clothes."""

import numpy as np

from data_pipelines.procedural_anime import shapes
from data_pipelines.procedural_anime.design import CharacterDesign, Color, shade, tint
from data_pipelines.procedural_anime.face import skin_line, skin_shadow
from data_pipelines.procedural_anime.motion import BODY
from data_pipelines.procedural_anime.shapes import Shape

_TORSO = [
    *[(278, 203), (300, 209), (317, 226), (311, 262), (301, 300), (300, 345), (312, 398), (316, 430), (256, 437)],
    *[(196, 430), (200, 398), (212, 345), (211, 300), (201, 262), (195, 226), (212, 209), (234, 203)],
]
_LOOSE_TORSO = [
    *[(278, 203), (300, 209), (317, 226), (312, 262), (306, 300), (308, 345), (317, 398), (320, 428), (256, 436)],
    *[(192, 428), (195, 398), (204, 345), (206, 300), (200, 262), (195, 226), (212, 209), (234, 203)],
]
_SLEEVE = [(300, 211), (321, 224), (334, 268), (346, 320), (353, 370), (346, 380), (330, 379), (320, 330), (305, 275)]
_SLEEVE_SHADE = [(308, 262), (318, 300), (334, 372), (330, 379), (320, 330)]
_CUFF = [(329, 366), (352, 361), (355, 379), (332, 384)]
_HAND = [(333, 380), (350, 378), (354, 394), (350, 410), (341, 413), (336, 404), (328, 400), (330, 390)]
_FINGERS = [[(341, 398), (342, 409)], [(346, 396), (347, 408)]]
_SKIRT = [(212, 352), (300, 352), (314, 400), (328, 450), (292, 457), (256, 459), (220, 457), (184, 450), (198, 400)]
_NECK = [(242, 178), (242, 200), (230, 210), (256, 231), (282, 210), (270, 200), (270, 178)]


def _ink(color: Color) -> Color:
    return shade(color, 0.45, 0.42, 0.46)


def _dusk(color: Color) -> Color:
    return shade(color, 0.80, 0.76, 0.84)


def body(design: CharacterDesign) -> list[Shape]:
    """Returns everything below the head, back to front."""
    bare_arms = design.outfit == "dress"
    sleeve = design.skin if bare_arms else design.cloth
    parts = _legs(design)
    for side in (1, -1):
        parts += _arm(design, side, sleeve, bare_arms)
    if design.outfit in ("hoodie", "sailor", "dress"):
        parts += _skirt(design)
    cut = {"hoodie": _LOOSE_TORSO, "jacket": _TORSO}
    tucked_in = [(x, min(y, 362)) for x, y in _TORSO]
    torso = Shape(shapes.spline(cut.get(design.outfit, tucked_in)), BODY, design.cloth, _ink(design.cloth))
    fold = [(276, 262), (312, 240), (302, 300), (301, 345), (314, 425), (290, 432), (284, 350)]
    parts += [torso, Shape(shapes.spline(fold), BODY, _dusk(design.cloth), opacity=0.7, clip=(torso,))]
    parts += _neck(design)
    parts += {"hoodie": _hoodie, "sailor": _sailor, "dress": _dress, "jacket": _jacket}[design.outfit](design)
    return parts


def _legs(design: CharacterDesign) -> list[Shape]:
    parts = []
    for side in (1, -1):
        leg = [(256 + side * x, y) for x, y in ((5, 425), (43, 425), (40, 475), (36, 520), (9, 520), (6, 475))]
        shadow = [(256 + side * x, y) for x, y in ((4, 436), (46, 434), (43, 466), (6, 470))]
        shape = Shape(shapes.spline(leg), BODY, design.skin, skin_line(design))
        parts += [shape, Shape(shapes.spline(shadow), BODY, skin_shadow(design), opacity=0.8, clip=(shape,))]
    return parts


def _arm(design: CharacterDesign, side: int, color: Color, bare: bool) -> list[Shape]:
    def at(points: list[tuple[int, int]]) -> list[list[float]]:
        return [[256 + side * (x - 256), y] for x, y in points]

    arm = Shape(shapes.spline(at(_SLEEVE)), BODY, color, skin_line(design) if bare else _ink(color))
    fingers = [shapes.ribbon(np.array(at(path)), (0.6, 0.9)) for path in _FINGERS]
    parts = [
        Shape(shapes.spline(at(_HAND)), BODY, design.skin, skin_line(design)),
        *(Shape(finger, BODY, skin_line(design)) for finger in fingers),
        arm,
        Shape(shapes.spline(at(_SLEEVE_SHADE)), BODY, _dusk(color), opacity=0.7, clip=(arm,)),
    ]
    if not bare:
        parts.append(Shape(shapes.spline(at(_CUFF), 6), BODY, design.trim, _ink(design.trim)))
    return parts


def _skirt(design: CharacterDesign) -> list[Shape]:
    color = design.dark if design.outfit == "hoodie" else design.trim
    skirt = Shape(shapes.spline(_SKIRT, 8), BODY, color, _ink(color))
    parts = [skirt]
    for x in (-36, -18, 0, 18, 36):
        pleat = np.array([(256 + x, 356), (256 + x * 1.3, 405), (256 + x * 1.62, 457)])
        parts.append(Shape(shapes.ribbon(pleat, (0.8, 1.4, 1.6)), BODY, _ink(color), clip=(skirt,)))
        band = np.array([pleat[0], pleat[1], pleat[2], pleat[2] + [7.0, 0.0], pleat[1] + [4.0, 0.0]])
        parts.append(Shape(band, BODY, _dusk(color), opacity=0.8, clip=(skirt,)))
    return parts


def _neck(design: CharacterDesign) -> list[Shape]:
    neck = Shape(shapes.spline(_NECK), BODY, design.skin, skin_line(design), 1.0)
    shadow = shapes.spline([(240, 182), (272, 182), (272, 200), (256, 208), (240, 199)])
    collarbone = [np.array([(256 + s * 7, 217), (256 + s * 14, 214), (256 + s * 20, 213)]) for s in (1, -1)]
    lines = [Shape(shapes.ribbon(line, (0.5, 1.0, 0.4)), BODY, skin_shadow(design)) for line in collarbone]
    return [neck, Shape(shadow, BODY, skin_shadow(design), opacity=0.9, clip=(neck,)), *lines]


def _hoodie(design: CharacterDesign) -> list[Shape]:
    parts = []
    for side in (1, -1):
        hood = [
            (256 + side * x, y) for x, y in ((2, 240), (17, 210), (30, 201), (47, 206), (52, 217), (33, 240), (12, 256))
        ]
        inner = [(256 + side * x, y) for x, y in ((4, 238), (17, 213), (30, 206), (36, 211), (24, 230))]
        parts.append(Shape(shapes.spline(hood), BODY, design.cloth, _ink(design.cloth)))
        parts.append(Shape(shapes.spline(inner), BODY, design.trim, opacity=0.95))
        string = np.array([(256 + side * 11, 250), (256 + side * 12.5, 272), (256 + side * 12, 294)])
        parts.append(Shape(shapes.ribbon(string, (1.8, 1.8, 2.2)), BODY, design.trim))
        parts.append(Shape(shapes.ellipse((256 + side * 12, 297), 2.2, 3.4), BODY, design.dark))
    pocket = Shape(
        shapes.spline([(220, 372), (236, 350), (276, 350), (292, 372), (296, 406), (216, 406)], 6),
        BODY,
        tint(design.cloth, 0.2),
        _ink(design.cloth),
    )
    hem = Shape(
        shapes.spline([(194, 415), (256, 423), (318, 415), (321, 431), (256, 440), (191, 431)], 6),
        BODY,
        design.trim,
        _ink(design.trim),
    )
    star = _star((256, 318), 13.0)
    return [*parts, pocket, hem, Shape(star, BODY, design.trim)]


def _star(center: tuple[float, float], radius: float) -> shapes.Points:
    angle = np.pi / 5.0 * np.arange(10) - np.pi / 2.0
    reach = np.where(np.arange(10) % 2 == 0, radius, 0.48 * radius)
    return np.stack([center[0] + reach * np.cos(angle), center[1] + reach * np.sin(angle)], axis=1)


def _sailor(design: CharacterDesign) -> list[Shape]:
    parts = []
    for side in (1, -1):
        collar = [(256 + side * x, y) for x, y in ((0, 254), (22, 206), (44, 207), (53, 226), (28, 247))]
        parts.append(Shape(shapes.spline(collar, 6), BODY, design.trim, _ink(design.trim)))
    for side in (1, -1):
        bow = [(256 + side * x, y) for x, y in ((0, 252), (20, 242), (23, 264))]
        tail = [(256 + side * x, y) for x, y in ((1, 255), (6, 258), (10, 284), (4, 282))]
        parts.append(Shape(shapes.spline(tail, 5), BODY, design.dark, _ink(design.dark)))
        parts.append(Shape(shapes.spline(bow, 6), BODY, design.dark, _ink(design.dark)))
    return parts


def _dress(design: CharacterDesign) -> list[Shape]:
    yoke = [(222, 212), (256, 238), (290, 212), (296, 222), (256, 252), (216, 222)]
    belt = [(209, 340), (256, 345), (303, 340), (304, 354), (256, 359), (208, 354)]
    return [
        Shape(shapes.spline(yoke, 6), BODY, design.trim, _ink(design.trim)),
        Shape(shapes.spline(belt, 6), BODY, design.dark, _ink(design.dark)),
    ]


def _jacket(design: CharacterDesign) -> list[Shape]:
    shirt = Shape(
        shapes.spline([(238, 212), (274, 212), (280, 300), (276, 428), (236, 428), (232, 300)], 6),
        BODY,
        tint(design.dark, 0.75),
        _ink(design.dark),
    )
    tie = [(253, 236), (259, 236), (262, 300), (256, 316), (250, 300)]
    parts = [shirt, Shape(shapes.spline(tie, 5), BODY, design.trim, _ink(design.trim))]
    for side in (1, -1):
        lapel = [(256 + side * x, y) for x, y in ((12, 205), (33, 207), (38, 246), (21, 290), (16, 240))]
        parts.append(Shape(shapes.spline(lapel, 6), BODY, tint(design.cloth, 0.15), _ink(design.cloth)))
    return parts
