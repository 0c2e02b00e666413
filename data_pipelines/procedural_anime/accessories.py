"""Things worn on the head."""

import numpy as np

from data_pipelines.procedural_anime import hair, shapes
from data_pipelines.procedural_anime.design import CharacterDesign, shade
from data_pipelines.procedural_anime.motion import HEAD_CENTER, Layer
from data_pipelines.procedural_anime.shapes import Shape

WORN = Layer("head", 14.0)
CROWN = Layer("head", 2.0)


def accessory(design: CharacterDesign) -> list[Shape]:
    """Returns the shapes of the character's accessory, if it has one."""
    makers = {
        "none": lambda _: [],
        "ribbon": _ribbon,
        "cat_ears": _cat_ears,
        "glasses": _glasses,
        "ahoge": _ahoge,
        "hair_pins": _hair_pins,
    }
    return makers[design.accessory](design)


def _ribbon(design: CharacterDesign) -> list[Shape]:
    knot = HEAD_CENTER + [design.face_half_width * design.hair_volume * 0.62, -design.face_height + 6.0]
    line = shade(design.cloth, 0.4)
    loops = [shapes.spline([knot, knot + [side * 20, -12], knot + [side * 22, 10]], 8) for side in (1, -1)]
    return [Shape(loop, WORN, design.cloth, line) for loop in loops] + [
        Shape(shapes.ellipse(knot, 4.0, 4.5), WORN, design.cloth, line)
    ]


def _cat_ears(design: CharacterDesign) -> list[Shape]:
    top = HEAD_CENTER[1] - design.face_height
    parts = []
    for side in (1, -1):
        outer = [(HEAD_CENTER[0] + side * x, top + y) for x, y in ((16, -9), (33, -34), (50, 9))]
        inner = [(HEAD_CENTER[0] + side * x, top + y) for x, y in ((24, -8), (34, -25), (43, 5))]
        parts.append(Shape(shapes.spline(outer, 8), CROWN, design.hair, hair.hair_line(design)))
        parts.append(Shape(shapes.spline(inner, 8), CROWN, (1.0, 0.77, 0.77)))
    return parts


def _glasses(design: CharacterDesign) -> list[Shape]:
    color, y = shade(design.cloth, 0.6), HEAD_CENTER[1] + design.eye_drop + 1.0
    wide, tall = design.eye_half_width * 1.14, design.eye_half_height * 0.85
    rims = [
        Shape(shapes.ellipse((HEAD_CENTER[0] + side * design.eye_spacing, y), wide, tall), WORN, None, color, 1.5)
        for side in (1, -1)
    ]
    gap = design.eye_spacing - wide
    bridge = np.array([(HEAD_CENTER[0] - gap, y - 2), (HEAD_CENTER[0], y - 4), (HEAD_CENTER[0] + gap, y - 2)])
    return [*rims, Shape(shapes.ribbon(bridge, (1.5, 1.5, 1.5)), WORN, color)]


def _ahoge(design: CharacterDesign) -> list[Shape]:
    x, y = HEAD_CENTER[0], HEAD_CENTER[1] - design.face_height
    path = shapes.spline([(x - 3, y - 12), (x + 4, y - 28), (x + 16, y - 26)], 8, closed=False)
    return [Shape(shapes.ribbon(path, np.linspace(4.0, 0.8, len(path))), CROWN, hair.hair_line(design))]


def _hair_pins(design: CharacterDesign) -> list[Shape]:
    left, right = HEAD_CENTER[0] - design.face_half_width * 0.80, HEAD_CENTER[0] - design.face_half_width * 0.42
    parts = []
    for drop in (0.0, 7.5):
        y = HEAD_CENTER[1] - 24.0 + drop
        pin = np.array([(left, y), (right, y - 6), (right + 1, y - 2.5), (left + 1, y + 3.5)])
        parts.append(Shape(pin, WORN, design.trim, shade(design.trim, 0.5)))
    return parts
