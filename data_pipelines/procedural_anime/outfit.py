"""The outfits: each takes a design and returns everything below the head, back to front."""

import dataclasses
from collections.abc import Callable

import numpy as np

from data_pipelines.procedural_anime import body, prints, shapes
from data_pipelines.procedural_anime.body import cloth, one_side, sharp, stroke, whole
from data_pipelines.procedural_anime.design import CharacterDesign, Outfit
from data_pipelines.procedural_anime.motion import BODY
from data_pipelines.procedural_anime.palette import Color, dusk, ink, shade, tint
from data_pipelines.procedural_anime.shapes import Shape

SIDES = (1, -1)


def clothed(design: CharacterDesign) -> list[Shape]:
    """Returns everything below the head."""
    parts = _OUTFITS[design.outfit](design)
    if design.scarf:
        parts += _scarf(design)
    return [_widened(shape, design.body_width) for shape in parts]


def _widened(shape: Shape, factor: float) -> Shape:
    if factor == 1.0:
        return shape
    points = shape.points * [factor, 1.0] + [body.MIDDLE * (1.0 - factor), 0.0]
    return dataclasses.replace(shape, points=points, clip=tuple(_widened(clip, factor) for clip in shape.clip))


def _hoodie(design: CharacterDesign) -> list[Shape]:
    parts = body.below_waist(design, design.dark) + body.arms(design, "long", design.cloth, cuff=design.trim)
    parts += body.torso(design.cloth, loose=True) + body.neck(design)
    for side in SIDES:
        hood = [(2, 240), (17, 210), (30, 201), (47, 206), (52, 217), (33, 240), (12, 256)]
        inner = [(4, 238), (17, 213), (30, 206), (36, 211), (24, 230)]
        parts.append(cloth(one_side(hood, side), design.cloth, 10))
        parts.append(Shape(shapes.spline(one_side(inner, side)), BODY, design.trim, opacity=0.95))
        parts.append(stroke(one_side([(11, 250), (12.5, 272), (12, 294)], side), design.trim, (1.8, 1.8, 2.2)))
        parts.append(Shape(shapes.ellipse((256 + side * 12, 297), 2.2, 3.4), BODY, design.dark))
    pocket = cloth([(220, 372), (236, 350), (276, 350), (292, 372), (296, 406), (216, 406)], tint(design.cloth, 0.2))
    hem = cloth([(194, 415), (256, 423), (318, 415), (321, 431), (256, 440), (191, 431)], design.trim)
    return [*parts, pocket, hem, *prints.chest(design, design.trim, (256.0, 318.0))]


def _sailor(design: CharacterDesign) -> list[Shape]:
    parts = body.below_waist(design, design.trim) + body.arms(design, "long", design.cloth, cuff=design.trim)
    parts += body.torso(design.cloth, tucked=True) + body.neck(design)
    stripe = tint(design.trim, 0.75)
    for side in SIDES:
        parts.append(cloth(one_side([(0, 254), (22, 206), (44, 207), (53, 226), (28, 247)], side), design.trim))
        parts.append(stroke(one_side([(12, 247), (30, 241), (46, 225), (42, 213)], side), stripe, (1.4,) * 4))
    for side in SIDES:
        parts.append(cloth(one_side([(1, 255), (6, 258), (10, 284), (4, 282)], side), design.dark, 5))
        parts.append(cloth(one_side([(0, 252), (20, 242), (23, 264)], side), design.dark))
    return [*parts, Shape(shapes.ellipse((256.0, 254.0), 4.0, 4.5), BODY, design.dark, ink(design.dark))]


def _dress(design: CharacterDesign) -> list[Shape]:
    puffed = design.jitter[15] > 0.0
    tights = shade(design.dark, 0.8) if design.bottom == "tights" else None
    parts = body.legs(design, tights=tights) + body.arms(design, "short" if puffed else "bare", design.cloth)
    parts += body.skirt(design.cloth)
    hem = [(184, 448), (220, 455), (256, 457), (292, 455), (328, 448)]
    parts.append(stroke(hem, design.trim, (5.0,) * 5))
    parts += body.torso(design.cloth, tucked=True) + body.neck(design)
    for side in SIDES:
        parts.append(
            cloth(one_side([(1, 236), (20, 210), (36, 208), (40, 222), (24, 240), (8, 247)], side), design.trim)
        )
    belt = cloth(whole([(47, 340), (48, 354), (0, 359)]) + [(256, 345)], design.dark)
    buttons = [
        Shape(shapes.ellipse((256.0, y), 2.4, 2.4), BODY, design.trim, ink(design.trim)) for y in (266.0, 288.0, 310.0)
    ]
    return [*parts, belt, *buttons]


def _shirt_front(design: CharacterDesign, color: Color, *, knot: float, end: float) -> list[Shape]:
    """Returns a collar and a tie."""
    tie = [(253, knot), (259, knot), (263, end - 14), (256, end), (249, end - 14)]
    parts = [
        sharp(tie, design.trim),
        sharp([(250, knot - 8), (262, knot - 8), (259, knot + 1), (253, knot + 1)], design.trim),
    ]
    return parts + [sharp(one_side([(14, 199), (25, 207), (20, 231), (0, 226)], side), color) for side in SIDES]


def _blazer(design: CharacterDesign) -> list[Shape]:
    shirt = tint(design.trim, 0.88)
    parts = body.below_waist(design, design.dark) + body.arms(design, "long", design.cloth)
    parts += body.torso(design.cloth) + body.neck(design)
    parts.append(sharp([(234, 207), (278, 207), (256, 322)], shirt))
    parts += _shirt_front(design, shirt, knot=236.0, end=306.0)
    lapel_color = tint(design.cloth, 0.12)
    for side in SIDES:
        parts.append(
            sharp(one_side([(22, 203), (36, 208), (42, 236), (32, 240), (36, 250), (0, 324)], side), lapel_color)
        )
        parts.append(sharp(one_side([(22, 372), (44, 368), (45, 380), (22, 384)], side), lapel_color))
    parts.append(stroke([(256, 322), (257, 380), (254, 436)], ink(design.cloth), (1.2, 1.2, 1.2)))
    parts += [Shape(shapes.ellipse((250.0, y), 3.0, 3.0), BODY, design.trim, ink(design.trim)) for y in (336.0, 362.0)]
    badge = [(286, 268), (298, 268), (298, 280), (292, 285), (286, 280)]
    return [*parts, sharp(badge, design.trim)]


def _shirt_tie(design: CharacterDesign) -> list[Shape]:
    shirt = tint(design.cloth, 0.7)
    vest = design.jitter[15] > 0.0
    parts = body.below_waist(design, design.dark) + body.arms(design, "long", shirt, cuff=tint(shirt, 0.5))
    parts += body.torso(shirt, tucked=True) + body.neck(design)
    parts.append(stroke([(256, 232), (256, 300), (256, 360)], ink(shirt), (0.8, 0.8, 0.8)))
    if vest:
        half = [(30, 208), (48, 212), (53, 240), (46, 300), (46, 345), (54, 380), (0, 384), (0, 286)]
        parts.append(sharp(one_side(half, 1) + one_side(half, -1)[::-1], design.cloth))
        parts.append(stroke(whole([(30, 210), (0, 287)]), design.trim, (2.4,) * 3))
        parts.append(stroke(whole([(53, 374), (0, 379)]), design.trim, (3.0,) * 3))
    return parts + _shirt_front(design, tint(shirt, 0.6), knot=236.0, end=300.0)


def _kimono(design: CharacterDesign) -> list[Shape]:
    skirt = cloth(whole([(46, 352), (60, 400), (64, 450), (60, 524)]), design.cloth, 8)
    overlap = stroke([(250, 360), (262, 430), (270, 522)], ink(design.cloth), (1.0, 1.4, 1.4))
    shadow = Shape(
        np.array([(264, 360), (284, 524), (330, 524), (310, 360)], float),
        BODY,
        dusk(design.cloth),
        opacity=0.6,
        clip=(skirt,),
    )
    parts = [skirt, shadow, overlap, *prints.scattered(design, design.trim, skirt)]
    parts += body.arms(design, "wide", design.cloth, cuff=design.trim) + body.torso(design.cloth, tucked=True)
    parts += body.neck(design)
    under = tint(design.trim, 0.8)
    for side in (-1, 1):  # the character's left side lies over its right
        outer = [(14, 198), (30, 204), (4, 262), (-24, 318), (-36, 310), (-6, 256)]
        inner = [(13, 198), (19, 199), (-5, 254), (-10, 250)]
        parts.append(sharp(one_side(outer, side), design.trim))
        parts.append(sharp(one_side(inner, side), under))
    obi = cloth(whole([(46, 308), (45, 335), (46, 364), (0, 368)]) + [(256, 311)], design.dark)
    cord = stroke([(209, 337), (256, 341), (303, 337)], design.trim, (5.0, 5.0, 5.0))
    knot = Shape(shapes.ellipse((256.0, 341.0), 6.0, 5.0), BODY, design.trim, ink(design.trim))
    return [*parts, obi, cord, knot]


def _sweater(design: CharacterDesign) -> list[Shape]:
    parts = body.below_waist(design, design.dark) + body.arms(design, "long", design.cloth, cuff=dusk(design.cloth))
    torso = body.torso(design.cloth, loose=True)
    parts += body.neck(design) + torso
    if design.jitter[15] > 0.0:
        for y in (262.0, 290.0, 318.0):
            band = np.array([(180, y), (332, y), (332, y + 13), (180, y + 13)])
            parts.append(Shape(band, BODY, design.trim, opacity=0.9, clip=(torso[0],)))
    else:
        for x in (232.0, 256.0, 280.0):  # cables
            knots = [(x + 4 * (-1) ** n, 250.0 + 12 * n) for n in range(14)]
            parts.append(
                Shape(
                    shapes.ribbon(shapes.spline(knots, 4, closed=False), np.full(53, 1.6)),
                    BODY,
                    dusk(design.cloth),
                    clip=(torso[0],),
                )
            )
    hem = cloth(whole([(62, 412), (65, 429), (0, 438)]) + [(256, 420)], dusk(design.cloth))
    parts.append(hem)
    collar = cloth(whole([(15, 188), (22, 198), (26, 212), (0, 220)]) + [(256, 193)], tint(design.cloth, 0.15))
    ribs = [stroke([(256 + x, 197), (256 + 1.2 * x, 214)], dusk(design.cloth), (0.8, 0.8)) for x in (-14, -7, 0, 7, 14)]
    return [*parts, collar, *ribs]


def _tee(design: CharacterDesign) -> list[Shape]:
    parts = body.below_waist(design, design.dark) + body.arms(design, "short", design.cloth)
    torso = body.torso(design.cloth)
    parts += torso
    if design.jitter[15] > 0.6:
        band = np.array([(180.0, 274.0), (332.0, 274.0), (332.0, 300.0), (180.0, 300.0)])
        parts.append(Shape(band, BODY, design.trim, clip=(torso[0],)))
    else:
        parts += prints.chest(design, design.trim, (256.0, 290.0))
    hem = stroke([(198, 425), (256, 431), (314, 425)], ink(design.cloth), (0.8, 0.8, 0.8))
    ring = stroke(whole([(26, 209), (16, 226), (0, 233)]), design.trim, (4.0,) * 5)
    return [*parts, hem, *body.neck(design), ring]


def _overalls(design: CharacterDesign) -> list[Shape]:
    denim = design.dark
    parts = body.below_waist(
        dataclasses.replace(design, bottom="trousers" if design.bottom != "shorts" else "shorts"), denim
    )
    parts += body.arms(design, "long" if design.jitter[15] > 0.0 else "short", design.cloth)
    parts += body.torso(design.cloth, tucked=True) + body.neck(design)
    parts.append(stroke(whole([(26, 209), (16, 226), (0, 233)]), tint(design.cloth, 0.5), (4.0,) * 5))
    for side in SIDES:
        parts.append(sharp(one_side([(26, 206), (36, 208), (32, 276), (24, 276)], side), denim))
    parts.append(sharp(whole([(33, 272), (36, 310), (46, 345), (50, 392), (0, 396)]), denim))
    parts.append(sharp(whole([(18, 296), (18, 322), (0, 330)]), tint(denim, 0.12)))
    buttons = [
        Shape(shapes.ellipse((256.0 + side * 28, 279.0), 3.4, 3.4), BODY, design.trim, ink(design.trim))
        for side in SIDES
    ]
    return [*parts, *buttons]


def _tracksuit(design: CharacterDesign) -> list[Shape]:
    parts = body.below_waist(
        dataclasses.replace(design, bottom="trousers" if design.bottom == "tights" else design.bottom), design.dark
    )
    parts += body.arms(design, "long", design.cloth, cuff=design.trim)
    for side in SIDES:
        parts.append(stroke(one_side([(62, 224), (78, 280), (90, 340), (94, 364)], side), design.trim, (4.5,) * 4))
    parts += body.torso(design.cloth) + body.neck(design)
    yoke = whole([(22, 204), (44, 209), (61, 226), (58, 246), (0, 268)])
    parts.append(cloth(yoke, design.trim, 8))
    for side in SIDES:
        parts.append(cloth(one_side([(0, 236), (10, 200), (22, 194), (28, 206), (14, 232)], side), design.cloth))
    hem = cloth(whole([(58, 416), (61, 431), (0, 438)]) + [(256, 423)], design.trim)
    zipper = stroke([(256, 236), (256, 330), (256, 436)], tint(design.dark, 0.5), (1.8, 1.8, 1.8))
    pull = Shape(shapes.ellipse((256.0, 262.0), 2.2, 4.0), BODY, tint(design.dark, 0.6), ink(design.dark))
    return [*parts, hem, zipper, pull]


def _scarf(design: CharacterDesign) -> list[Shape]:
    color = design.trim
    end = [(266, 216), (284, 218), (290, 262), (292, 300), (272, 302), (268, 260)]
    fringe = [stroke([(276 + x, 298), (276 + x, 308)], ink(color), (1.0, 0.8)) for x in (-2, 4, 10)]
    loop = cloth(whole([(20, 190), (42, 198), (44, 214), (24, 226), (0, 229)]) + [(256, 202)], color, 8)
    folds = [stroke([(226, 206 + y), (256, 216 + y), (286, 206 + y)], dusk(color), (0.5, 1.6, 0.5)) for y in (0, 6)]
    return [cloth(end, color, 8), *fringe, loop, *folds]


_OUTFITS: dict[Outfit, Callable[[CharacterDesign], list[Shape]]] = {
    "hoodie": _hoodie,
    "sailor": _sailor,
    "dress": _dress,
    "blazer": _blazer,
    "shirt_tie": _shirt_tie,
    "kimono": _kimono,
    "sweater": _sweater,
    "tee": _tee,
    "overalls": _overalls,
    "tracksuit": _tracksuit,
}
