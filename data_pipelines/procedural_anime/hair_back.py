"""Hair behind the head: what falls down the back, tails, braids, buns."""

from collections.abc import Callable

import numpy as np

from data_pipelines.procedural_anime import shapes
from data_pipelines.procedural_anime.design import CharacterDesign
from data_pipelines.procedural_anime.hair import hair_line, hair_shadow
from data_pipelines.procedural_anime.motion import HEAD_CENTER, Layer
from data_pipelines.procedural_anime.palette import shade, tint
from data_pipelines.procedural_anime.shapes import Points, Shape

BACK = Layer("back_hair", -26.0)
TAILS = Layer("back_hair", -14.0)
OVER_SHOULDERS = Layer("back_hair", 4.0)
BUNS = Layer("head", -10.0)

# Pixels that the hair reaches below the chin; what is not here takes the design's own length.
_LENGTH = {"bob": 22.0, "twin_tails": 6.0, "short": -12.0, "side_tail": 2.0, "buns": -6.0, "spiky": -14.0}
_LENGTH |= {"ponytail": -22.0, "low_tails": -16.0, "braids": -16.0, "medium": 48.0}


def behind(design: CharacterDesign) -> list[Shape]:
    """Returns the hair behind the head and body."""
    half = design.face_half_width * design.hair_volume + 3.0
    length = _LENGTH.get(design.hair_style, design.hair_length)
    outline = np.concatenate([_crown(design, half), _hem(design, half, length)])
    parts = _tied_high(design, half)
    color = design.hair if design.hair_style == "spiky" else hair_shadow(design)
    parts.append(Shape(outline, BACK, color, hair_line(design)))
    parts += _strand_lines(design, outline, half, length)
    sides = {"twin_tails": (1, -1), "side_tail": (1,)}.get(design.hair_style, ())
    return parts + [shape for side in sides for shape in _tail(design, side, half)]


def _crown(design: CharacterDesign, half: float) -> Points:
    """Returns the upper outline from the viewer's left to the right."""
    x0, y0 = HEAD_CENTER
    if design.hair_style == "spiky":
        count = 19
        angle = np.linspace(np.deg2rad(205.0), np.deg2rad(-25.0), count)
        spikes = 17.0 + 4.0 * np.array(design.jitter[:count])
        reach = np.where(np.arange(count) % 2 == 1, np.clip(spikes, 10.0, 24.0), -4.0)
        x, y = x0 + (half + reach) * np.cos(angle), y0 - 8.0 - (design.face_height + 10.0 + reach) * np.sin(angle)
        return np.stack([x, y], axis=1)
    right = [(half, 22.0), (half * 0.97, -26.0), (half * 0.60, -design.face_height - 3.0)]
    points = [(x0 - x, y0 + y) for x, y in right] + [(x0, y0 - design.face_height - 12.0)]
    return shapes.spline([*points, *((x0 + x, y0 + y) for x, y in right[::-1])], closed=False)


def _hem(design: CharacterDesign, half: float, length: float) -> Points:
    """Returns the sides and the lower edge from the viewer's right to the left."""
    x0, y0 = HEAD_CENTER
    wide = half + 3.0 + 0.05 * max(length, 0.0)
    if design.hair_style == "hime":
        return np.array([(x0 + wide, y0 + 62 + length), (x0 - wide, y0 + 62 + length)])
    hem = _ragged_hem(design, wide, length)
    if design.hair_style in ("wavy", "medium"):
        y = np.linspace(y0 + 26.0, hem[0, 1], 24)[1:-1]
        grow = (y - y0 - 26.0) / (hem[0, 1] - y0 - 26.0)
        waves = 4.5 * np.sin(y / 7.5) * np.minimum(3.0 * grow, 1.0) if design.hair_style == "wavy" else 12.0 * grow**2
        x = half + (wide - half) * grow + waves
        hem[:, 0] = x0 + (hem[:, 0] - x0) * (1.0 + (12.0 / wide if design.hair_style == "medium" else 0.0))
        return np.concatenate([np.stack([x0 + x, y], 1), hem, np.stack([x0 - x, y], 1)[::-1]])
    return hem


def _ragged_hem(design: CharacterDesign, wide: float, length: float) -> Points:
    """Returns a lower edge of pointed locks from the viewer's right to the left."""
    x0, y0 = HEAD_CENTER
    locks = 8
    steps = np.arange(2 * locks + 1)
    x = np.linspace(wide, -wide, len(steps))
    jitter = np.resize(np.array(design.jitter), len(steps))
    y = np.where(steps % 2 == 0, y0 + 62 + length, y0 + 50 + 0.9 * length) + 3.5 * jitter
    y -= 9.0 * (x / wide) ** 2
    return np.stack([x0 + x, y], axis=1)


def _strand_lines(design: CharacterDesign, outline: Points, half: float, length: float) -> list[Shape]:
    clip = (Shape(outline, BACK, design.hair),)
    lines = []
    for index, position in enumerate((-0.84, -0.62, 0.6, 0.86)):
        bend = 4.0 * design.jitter[index]
        x = HEAD_CENTER[0] + position * half
        path = shapes.spline(
            [(x, HEAD_CENTER[1] + 20), (x + bend, HEAD_CENTER[1] + 45), (x + 1.5 * bend, HEAD_CENTER[1] + 66 + length)],
            closed=False,
        )
        stroke = shapes.ribbon(path, np.interp(np.linspace(0, 1, len(path)), [0, 0.5, 1], [0.4, 2.2, 0.4]))
        lines.append(Shape(stroke, BACK, shade(design.hair, 0.58, 0.54, 0.66), clip=clip))
    return lines


def _tied_high(design: CharacterDesign, half: float) -> list[Shape]:
    """Returns what is tied at the crown."""
    if design.hair_style == "ponytail":
        return _ponytail(design, half)
    if design.hair_style == "buns":
        return _bun(design, 1) + _bun(design, -1)
    return []


def over_shoulders(design: CharacterDesign) -> list[Shape]:
    """Returns what is tied low and falls over the clothes."""
    make = {"low_tails": _low_tail, "braids": _braid}.get(design.hair_style)
    return [] if make is None else [*make(design, 1), *make(design, -1)]


def _placed(x0: float, y0: float, side: int) -> Callable[..., list[tuple[float, float]]]:
    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x0 + side * x, y0 + y) for x, y in points]

    return at


def _tail(design: CharacterDesign, side: int, half: float) -> list[Shape]:
    """Returns one tail tied at the side of the head; `side` is +1 for the viewer's right."""
    length = 110.0 + 0.45 * design.hair_length
    bend = 6.0 * design.jitter[12]
    at = _placed(HEAD_CENTER[0] + side * (half + 1.0), HEAD_CENTER[1], side)
    body = shapes.spline(
        at(
            *((-8, -30), (14, -44), (37, -24), (46, 30), (40 + bend, length * 0.62), (20 + 2 * bend, length)),
            *((26 + bend, length * 0.7), (14, length * 0.8), (10, length * 0.5), (4, 24)),
        )
    )
    light = shapes.spline(at((16, -24), (30, 8), (33, length * 0.45), (24, length * 0.6), (24, 20)))
    tie = shapes.spline(at((-8, -34), (4, -42), (8, -28), (-4, -20)))
    lines = [
        _strand(design, at((6 + 9 * n, -24), (15 + 9 * n, 24), (16 + 7 * n, length * 0.6)), TAILS) for n in (0, 1, 2)
    ]
    return [
        Shape(body, TAILS, design.hair, hair_line(design)),
        Shape(light, TAILS, tint(design.hair, 0.35), opacity=0.55, blur=1.2),
        *lines,
        Shape(tie, TAILS, design.trim, shade(design.trim, 0.45)),
    ]


def _strand(design: CharacterDesign, control: list[tuple[float, float]], layer: Layer) -> Shape:
    path = shapes.spline(control, closed=False)
    widths = np.interp(np.linspace(0, 1, len(path)), [0, 0.4, 1], [0.3, 1.5, 0.2])
    return Shape(shapes.ribbon(path, widths), layer, hair_shadow(design))


def _ponytail(design: CharacterDesign, half: float) -> list[Shape]:
    side = 1 if design.jitter[13] > 0 else -1
    length = 60.0 + 0.55 * design.hair_length
    at = _placed(HEAD_CENTER[0], HEAD_CENTER[1] - design.face_height, side)
    body = shapes.spline(
        at(
            *((14, -8), (30, -38), (64, -30), (half + 30, 20), (half + 34, 80), (half + 14, length + 70)),
            *((half + 12, length + 30), (half + 2, length + 46), (half + 2, 80), (half * 0.8, 10)),
        )
    )
    tie = shapes.spline(at((16, -22), (30, -24), (38, -8), (22, -2)))
    lines = [
        _strand(design, at((36, -22), (half + 4 + 9 * n, 16), (half + 6 + 9 * n, 70 + 0.5 * length)), TAILS)
        for n in (0, 1)
    ]
    shape = Shape(body, TAILS, design.hair, hair_line(design))
    return [shape, *lines, Shape(tie, Layer("head", -4.0), design.trim, shade(design.trim, 0.45))]


def _bun(design: CharacterDesign, side: int) -> list[Shape]:
    center = HEAD_CENTER + [side * 41.0, -design.face_height - 9.0]
    ball = Shape(shapes.ellipse(center, 21.0, 20.0), BUNS, design.hair, hair_line(design))
    swirl = [(center[0] - side * 12, center[1] + 8), (center[0] + side * 4, center[1] - 11)]
    swirl += [(center[0] + side * 12, center[1] + 2), (center[0] + side * 1, center[1] + 8)]
    light = shapes.ellipse(center + [side * 3.0, -9.0], 9.0, 4.0)
    band = shapes.spline([center + [side * x, y] for x, y in ((-17, 7), (-2, 15), (10, 19), (-4, 21), (-20, 13))], 6)
    return [
        ball,
        _strand(design, swirl, BUNS),
        Shape(light, BUNS, tint(design.hair, 0.5), opacity=0.6, blur=1.2, clip=(ball,)),
        Shape(band, BUNS, design.trim, shade(design.trim, 0.45)),
    ]


def _low_tail(design: CharacterDesign, side: int) -> list[Shape]:
    length = 60.0 + 0.5 * design.hair_length
    at = _placed(HEAD_CENTER[0] + side * (design.face_half_width - 3.0), HEAD_CENTER[1] + 58.0, side)
    body = shapes.spline(
        at(
            (-5, -14),
            (7, -16),
            (13, 14),
            (13, length * 0.6),
            (2, length),
            (0, length * 0.8),
            (-7, length * 0.9),
            (-9, 20),
        )
    )
    tie = shapes.spline(at((-6, -6), (8, -7), (9, 3), (-7, 4)))
    lines = [_strand(design, at((n, 6), (1.6 * n + 1, 40), (n, length * 0.75)), OVER_SHOULDERS) for n in (-3, 3)]
    return [
        Shape(body, OVER_SHOULDERS, design.hair, hair_line(design)),
        *lines,
        Shape(tie, OVER_SHOULDERS, design.trim, shade(design.trim, 0.45)),
    ]


def _braid(design: CharacterDesign, side: int) -> list[Shape]:
    """Returns a chain of knots that grow smaller, with a brush below the tie."""
    at = _placed(HEAD_CENTER[0] + side * (design.face_half_width - 6.0), HEAD_CENTER[1] + 52.0, side)
    knots = 5 + round((design.hair_length - 70.0) / 35.0)
    parts = []
    for knot in range(knots):
        size, y = 1.0 - 0.5 * knot / knots, 15.0 * knot
        outline = at((-10 * size, y), (0, y - 8), (10 * size, y), (7 * size, y + 10), (0, y + 15), (-7 * size, y + 10))
        parts.append(Shape(shapes.spline(outline, 6), OVER_SHOULDERS, design.hair, hair_line(design)))
        parts.append(_strand(design, at((-6 * size, y - 1), (1, y + 4), (4 * size, y + 11)), OVER_SHOULDERS))
    end = 15.0 * knots
    brush = shapes.spline(at((-4, end), (4, end), (7, end + 12), (0, end + 24), (-7, end + 12)), 6)
    tie = shapes.spline(at((-5, end - 2), (5, end - 2), (5, end + 4), (-5, end + 4)), 6)
    # From the tip up, as each knot lies over the one below.
    return [
        Shape(brush, OVER_SHOULDERS, design.hair, hair_line(design)),
        *[shape for knot in range(knots - 1, -1, -1) for shape in parts[2 * knot : 2 * knot + 2]],
        Shape(tie, OVER_SHOULDERS, design.trim, shade(design.trim, 0.45)),
    ]
