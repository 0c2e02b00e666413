"""Things worn on the head: hats, ears, ribbons, glasses, earrings."""

from collections.abc import Callable, Sequence

import numpy as np

from data_pipelines.procedural_anime import hair, shapes
from data_pipelines.procedural_anime.design import CharacterDesign, Headwear
from data_pipelines.procedural_anime.motion import HEAD_CENTER, Layer
from data_pipelines.procedural_anime.palette import Color, dusk, ink, shade, tint
from data_pipelines.procedural_anime.shapes import Points, Shape

WORN = Layer("head", 14.0)
CROWN = Layer("head", 2.0)
VISOR = Layer("head", 26.0)
EARLOBES = Layer("head", -12.0)
SIDES = (1, -1)


def headwear(design: CharacterDesign) -> list[Shape]:
    """Returns what the character wears on its hair."""
    return _HEADWEAR[design.headwear](design)


def glasses(design: CharacterDesign) -> list[Shape]:
    """Returns the glasses, if it wears any."""
    if design.eyewear == "none":
        return []
    color, y = shade(design.dark, 0.9), HEAD_CENTER[1] + design.eye_drop + 1.0
    wide, tall = design.eye_half_width * 1.14, design.eye_half_height * 0.85
    parts = []
    for side in SIDES:
        center = np.array([HEAD_CENTER[0] + side * design.eye_spacing, y])
        rim = shapes.ellipse(center, wide, tall)
        if design.eyewear == "square_glasses":
            corners = [
                (-0.9, -0.75),
                (0.9, -0.75),
                (1.0, -0.6),
                (0.85, 0.7),
                (0.6, 0.85),
                (-0.6, 0.85),
                (-0.85, 0.7),
                (-1, -0.6),
            ]
            rim = shapes.spline(center + np.array(corners) * [wide, tall], 5)
        glint = shapes.spline(
            center + np.array([(-0.7, -0.1), (-0.3, -0.7), (-0.1, -0.7), (-0.55, 0.1)]) * [wide, tall], 4
        )
        parts.append(Shape(glint, WORN, (1.0, 1.0, 1.0), opacity=0.35))
        parts.append(Shape(rim, WORN, None, color, 1.6))
    gap = design.eye_spacing - wide
    bridge = np.array([(HEAD_CENTER[0] - gap, y - 2), (HEAD_CENTER[0], y - 4), (HEAD_CENTER[0] + gap, y - 2)])
    return [*parts, Shape(shapes.ribbon(bridge, (1.6, 1.6, 1.6)), WORN, color)]


def earrings(design: CharacterDesign) -> list[Shape]:
    """Returns the earrings, if it wears any."""
    if not design.earrings:
        return []
    lobes = [HEAD_CENTER + [side * (design.face_half_width + 3.0), 32.0] for side in SIDES]
    return [Shape(shapes.ellipse(lobe, 3.2, 4.4, 16), EARLOBES, design.trim, ink(design.trim)) for lobe in lobes]


def _none(design: CharacterDesign) -> list[Shape]:
    del design
    return []


def _half(design: CharacterDesign) -> float:
    return design.face_half_width * design.hair_volume


def _at(points: Sequence[tuple[float, float]], side: int = 1) -> list[tuple[float, float]]:
    """Places points given from the middle of the head."""
    return [(HEAD_CENTER[0] + side * x, HEAD_CENTER[1] + y) for x, y in points]


def _piece(points: Points, layer: Layer, color: Color) -> Shape:
    return Shape(points, layer, color, ink(color))


def _side_spot(design: CharacterDesign) -> Points:
    return HEAD_CENTER + [_half(design) * 0.62, -design.face_height + 6.0]


def _ribbon(design: CharacterDesign) -> list[Shape]:
    knot, parts = _side_spot(design), []
    for side in SIDES:
        tail = shapes.spline([knot, knot + [side * 8, 12], knot + [side * 13, 24], knot + [side * 4, 18]], 6)
        loop = shapes.spline([knot, knot + [side * 12, -15], knot + [side * 24, -11], knot + [side * 23, 9]], 6)
        fold = np.array([knot + [side * 3, 0], knot + [side * 10, -1], knot + [side * 15, -2]])
        parts += [_piece(tail, WORN, design.cloth), _piece(loop, WORN, design.cloth)]
        parts.append(Shape(shapes.ribbon(fold, (0.6, 1.2, 0.4)), WORN, ink(design.cloth)))
    return [*parts, _piece(shapes.ellipse(knot, 4.6, 5.2), WORN, design.cloth)]


def _cat_ears(design: CharacterDesign) -> list[Shape]:
    top, parts = -design.face_height, []
    for side in SIDES:
        outer = _at([(16, top - 9), (33, top - 34), (50, top + 9)], side)
        inner = _at([(24, top - 8), (34, top - 25), (43, top + 5)], side)
        parts.append(Shape(shapes.spline(outer, 8), CROWN, design.hair, hair.hair_line(design)))
        parts.append(Shape(shapes.spline(inner, 8), CROWN, (1.0, 0.77, 0.77)))
    return parts


def _rabbit_ears(design: CharacterDesign) -> list[Shape]:
    top, fur, parts = -design.face_height, tint(design.hair, 0.55), []
    for side in SIDES:
        outer = _at(
            [(12, top - 6), (16, top - 34), (26, top - 52), (38, top - 40), (37, top - 10), (30, top + 4)], side
        )
        inner = _at([(19, top - 12), (22, top - 34), (27, top - 44), (32, top - 34), (31, top - 10)], side)
        parts += [_piece(shapes.spline(outer, 8), CROWN, fur), Shape(shapes.spline(inner, 8), CROWN, (1.0, 0.78, 0.80))]
    return parts


def _ahoge(design: CharacterDesign) -> list[Shape]:
    x, y = HEAD_CENTER[0] + 12.0 * design.part, HEAD_CENTER[1] - design.face_height
    path = shapes.spline([(x - 3, y - 8), (x - 5, y - 26), (x + 8, y - 36), (x + 22, y - 26)], 8, closed=False)
    widths = np.interp(np.linspace(0, 1, len(path)), [0, 0.4, 1], [5.0, 6.0, 0.6])
    return [Shape(shapes.ribbon(path, widths), CROWN, design.hair, hair.hair_line(design))]


def _hair_pins(design: CharacterDesign) -> list[Shape]:
    left, right = HEAD_CENTER[0] - design.face_half_width * 0.80, HEAD_CENTER[0] - design.face_half_width * 0.42
    high, parts = 24.0 if design.fringe in ("jagged", "blunt") else 46.0, []  # where there is hair
    for drop in (0.0, 7.5):
        y = HEAD_CENTER[1] - high + drop
        pin = np.array([(left, y), (right, y - 6), (right + 1, y - 2.5), (left + 1, y + 3.5)])
        parts.append(Shape(pin, WORN, design.trim, shade(design.trim, 0.5)))
    return parts


def _arc(design: CharacterDesign, low: float, top: float, start: float, *, grow: float = 1.0) -> Points:
    """Returns an arc over the hair from the viewer's left to the right, `start` degrees above the horizontal."""
    angle = np.linspace(np.deg2rad(180.0 - start), np.deg2rad(start), 33)
    x = HEAD_CENTER[0] + _half(design) * grow * np.cos(angle)
    return np.stack([x, HEAD_CENTER[1] + low + (top - low) * np.sin(angle)], axis=1)


def _headphones(design: CharacterDesign) -> list[Shape]:
    band = _arc(design, 10.0, -design.face_height - 19.0, 0.0, grow=1.04)
    parts = [_piece(shapes.ribbon(band, np.full(len(band), 7.0)), CROWN, design.dark)]
    for side in SIDES:
        center = HEAD_CENTER + [side * (_half(design) + 1.0), 12.0]
        parts.append(_piece(shapes.ellipse(center, 10.0, 19.0), CROWN, design.trim))
        parts.append(_piece(shapes.ellipse(center + [side * 3.0, 0.0], 6.5, 14.0), CROWN, design.dark))
    return parts


def _headband(design: CharacterDesign) -> list[Shape]:
    band = _arc(design, -14.0, -design.face_height + 4.0, 4.0)
    return [_piece(shapes.ribbon(band, np.full(len(band), 8.0)), WORN, design.trim)]


def _flower(design: CharacterDesign) -> list[Shape]:
    center, parts = _side_spot(design) + [3.0, 8.0], []
    for angle in 2.0 * np.pi / 5.0 * np.arange(5):
        petal = center + 9.0 * np.array([np.cos(angle), np.sin(angle)])
        parts.append(_piece(shapes.ellipse(petal, 7.0, 7.0, 20), WORN, tint(design.trim, 0.25)))
    return [*parts, _piece(shapes.ellipse(center, 5.0, 5.0, 16), WORN, (1.0, 0.86, 0.42))]


def _cap(design: CharacterDesign) -> list[Shape]:
    half, top = _half(design) + 4.0, -design.face_height - 24.0
    right = [(half, -28.0), (half * 0.9, -58.0), (half * 0.45, top + 3)]
    dome = shapes.spline(_at(right) + _at([(0, top)]) + _at(right[::-1], -1) + _at([(0, -40.0)]), 8)
    visor = shapes.spline(
        _at([(half * 0.86, -36), (half * 0.7, -20), (0, -14), (-half * 0.7, -20), (-half * 0.86, -36), (0, -42)]), 8
    )
    shape = _piece(dome, WORN, design.cloth)
    seams = [shapes.spline(_at([(0, top), (x * 0.8, -66), (x, -38)]), 6, closed=False) for x in (-26.0, 26.0)]
    lines = [
        Shape(shapes.ribbon(seam, np.full(len(seam), 1.0)), WORN, ink(design.cloth), clip=(shape,)) for seam in seams
    ]
    button = _piece(shapes.ellipse(HEAD_CENTER + [0, top + 1], 4.5, 3.0, 16), WORN, design.trim)
    badge = _piece(shapes.ellipse(HEAD_CENTER + [0, -56.0], 8.0, 8.0, 24), WORN, design.trim)
    return [button, shape, *lines, badge, _piece(visor, VISOR, dusk(design.cloth))]


def _beret(design: CharacterDesign) -> list[Shape]:
    half, top, side = _half(design), -design.face_height + 7.0, 1 if design.jitter[14] > 0 else -1
    points = [(half * 0.92, top + 12), (half * 1.22, top - 6), (half * 0.9, top - 30), (half * 0.1, top - 32)]
    points += [(-half * 0.66, top - 16), (-half * 0.86, top + 8), (0, top - 4)]
    hat = _piece(shapes.spline(_at(points, side), 8), WORN, design.cloth)
    stem = _piece(
        shapes.spline(_at([(half * 0.2 - 2, top - 30), (half * 0.2, top - 40), (half * 0.2 + 4, top - 30)], side), 5),
        CROWN,
        design.cloth,
    )
    light = shapes.spline(_at([(half * 0.5, top - 22), (half * 0.95, top - 16), (half * 0.6, top - 10)], side), 6)
    return [stem, hat, Shape(light, WORN, tint(design.cloth, 0.3), opacity=0.6, blur=1.5, clip=(hat,))]


def _witch_hat(design: CharacterDesign) -> list[Shape]:
    top = -design.face_height
    brim = _piece(shapes.ellipse(HEAD_CENTER + [0, top + 12.0], 96.0, 18.0, 48), WORN, design.dark)
    cone = [
        (-54, top + 10),
        (-34, top - 24),
        (-4, top - 54),
        (26, top - 52),
        (16, top - 42),
        (30, top - 20),
        (54, top + 10),
        (0, top + 18),
    ]
    hat = _piece(shapes.spline(_at(cone), 6), WORN, design.dark)
    band = shapes.spline(
        _at([(-54, top + 9), (-48, top - 4), (0, top + 4), (48, top - 4), (54, top + 9), (0, top + 18)]), 6
    )
    return [brim, hat, _piece(band, WORN, design.trim)]


_HEADWEAR: dict[Headwear, Callable[[CharacterDesign], list[Shape]]] = {
    "none": _none,
    "ribbon": _ribbon,
    "cat_ears": _cat_ears,
    "rabbit_ears": _rabbit_ears,
    "ahoge": _ahoge,
    "hair_pins": _hair_pins,
    "headphones": _headphones,
    "cap": _cap,
    "beret": _beret,
    "headband": _headband,
    "flower": _flower,
    "witch_hat": _witch_hat,
}
