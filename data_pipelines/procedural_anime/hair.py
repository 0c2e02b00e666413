"""Hair: what lies behind the head, the fringe, and the locks beside the face."""

import itertools

import numpy as np

from data_pipelines.procedural_anime import shapes
from data_pipelines.procedural_anime.design import CharacterDesign, Color, shade, tint
from data_pipelines.procedural_anime.motion import HEAD_CENTER, Layer
from data_pipelines.procedural_anime.shapes import Points, Shape

BACK = Layer("back_hair", -12.0)
TAILS = Layer("back_hair", -8.0)
SIDE = Layer("head", 5.0)
FRINGE = Layer("head", 12.0)

_SIDE_LENGTH = {"long": 76.0, "bob": 64.0, "twin_tails": 56.0, "short": 28.0, "side_tail": 50.0}
_BACK_LENGTH = {"bob": 22.0, "twin_tails": 6.0, "short": -12.0, "side_tail": 2.0}


def hair_line(design: CharacterDesign) -> Color:
    """Returns the colour of the outlines of hair."""
    return shade(design.hair, 0.42, 0.38, 0.44)


def _shadow(design: CharacterDesign) -> Color:
    return shade(design.hair, 0.74, 0.70, 0.80)


def behind(design: CharacterDesign) -> list[Shape]:
    """Returns the hair behind the head and body."""
    x0, y0 = HEAD_CENTER
    half = design.face_half_width * design.hair_volume + 3.0
    length = design.hair_length if design.hair_style == "long" else _BACK_LENGTH[design.hair_style]
    crown = shapes.spline(
        [
            (x0 - half, y0 + 22),
            (x0 - half * 0.97, y0 - 26),
            (x0 - half * 0.62, y0 - design.face_height - 6),
            (x0, y0 - design.face_height - 17),
            (x0 + half * 0.62, y0 - design.face_height - 6),
            (x0 + half * 0.97, y0 - 26),
            (x0 + half, y0 + 22),
        ],
        closed=False,
    )
    outline = np.concatenate([crown, _ragged_hem(design, half, length)])
    parts = [Shape(outline, BACK, _shadow(design), hair_line(design))]
    parts += _strand_lines(design, outline, half, length)
    for side in _tail_sides(design):
        parts += _tail(design, side, half)
    return parts


def _ragged_hem(design: CharacterDesign, half: float, length: float) -> Points:
    """Returns the lower edge of the back hair from the viewer's right to the left: pointed locks."""
    x0, y0 = HEAD_CENTER
    wide = half + 3.0 + 0.05 * max(length, 0.0)
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


def _tail_sides(design: CharacterDesign) -> tuple[int, ...]:
    return {"twin_tails": (1, -1), "side_tail": (1,)}.get(design.hair_style, ())


def _tail(design: CharacterDesign, side: int, half: float) -> list[Shape]:
    """Returns one tied tail; `side` is +1 for the viewer's right."""
    x0, y0 = HEAD_CENTER[0] + side * (half + 1.0), HEAD_CENTER[1]
    length = 110.0 + 0.45 * design.hair_length

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x0 + side * x, y0 + y) for x, y in points]

    body = shapes.spline(
        at(
            (-8, -30),
            (14, -42),
            (36, -22),
            (45, 30),
            (38, length * 0.62),
            (20, length),
            (16, length * 0.6),
            (4, 24),
        )
    )
    light = shapes.spline(at((16, -24), (30, 8), (33, length * 0.45), (24, length * 0.66), (24, 20)))
    tie = shapes.spline(at((-8, -34), (4, -42), (8, -28), (-4, -20)))
    return [
        Shape(body, TAILS, design.hair, hair_line(design)),
        Shape(light, TAILS, tint(design.hair, 0.35), opacity=0.55, blur=1.2),
        Shape(tie, TAILS, design.trim, shade(design.trim, 0.45)),
    ]


def fringe_outline(design: CharacterDesign) -> tuple[Points, Points]:
    """Returns the outline of the fringe, and the points of its lower edge (tips and gaps in turn)."""
    x0, y0 = HEAD_CENTER
    count = 2 * design.bang_count + 1
    t = np.linspace(-1.0, 1.0, count)
    jitter = np.array(design.jitter)
    tips = y0 - 5.0 + design.bang_length * 20.0 + 5.0 * jitter[20 : 20 + count]
    gaps = np.full(count, y0 - 27.0 + design.bang_length * 4.0)
    y = np.where(np.arange(count) % 2 == 1, tips, gaps)
    y[[0, -1]] = y0 + 6.0
    edge = np.stack([x0 + t * design.face_half_width * 1.03 + 1.8 * jitter[:count], y], axis=1)
    half, top = design.face_half_width * design.hair_volume, design.face_height
    crown = shapes.spline(
        [
            (x0 + design.face_half_width * 1.03, y0 + 6),
            (x0 + half * 0.995, y0 - 14),
            (x0 + half * 0.88, y0 - 44),
            (x0 + half * 0.50, y0 - top - 8),
            (x0, y0 - top - 14),
            (x0 - half * 0.50, y0 - top - 8),
            (x0 - half * 0.88, y0 - 44),
            (x0 - half * 0.995, y0 - 14),
            (x0 - design.face_half_width * 1.03, y0 + 6),
        ],
        8,
        closed=False,
    )
    return np.concatenate([_bent_edge(edge), crown]), edge


def _bent_edge(edge: Points) -> Points:
    """Joins tips and gaps by curves that sag a little, as locks do."""
    pieces = []
    fraction = np.linspace(0.0, 1.0, 7, endpoint=False)[:, None]
    for index, (a, b) in enumerate(itertools.pairwise(edge)):
        middle = (a + b) / 2.0 + np.array([2.4 if index % 2 == 0 else -2.4, 4.0])
        pieces.append((1 - fraction) ** 2 * a + 2 * fraction * (1 - fraction) * middle + fraction**2 * b)
    return np.concatenate([*pieces, edge[-1:]])


def front(design: CharacterDesign) -> list[Shape]:
    """Returns the locks beside the face and the fringe, with their shading."""
    parts = []
    for side in (1, -1):
        parts += _side_lock(design, side)
    outline, edge = fringe_outline(design)
    fringe = Shape(outline, FRINGE, design.hair, hair_line(design))
    parts.append(fringe)
    for index in range(1, len(edge) - 1, 2):
        tip, gap = edge[index], edge[index + 1]
        wedge = shapes.spline(
            [tip, (tip + gap) / 2 + [2.0, 1.0], gap, gap + [0.5, -20.0], (tip + gap) / 2 + [0.0, -13.0]], 6
        )
        parts.append(Shape(wedge, FRINGE, _shadow(design), opacity=0.6, clip=(fringe,)))
    parts.append(_gloss(design, fringe))
    parts += _crown_lines(design, fringe)
    return parts


def _side_lock(design: CharacterDesign, side: int) -> list[Shape]:
    x0, y0 = HEAD_CENTER
    wide, half = design.face_half_width, design.face_half_width * design.hair_volume
    length = _SIDE_LENGTH[design.hair_style] + 5.0 * design.jitter[30 + (side > 0)]

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x0 + side * x, y0 + y) for x, y in points]

    lock = shapes.spline(
        at(
            (wide * 0.88, -42),
            (half * 0.98, -14),
            (half + 1.5, 22),
            (half - 1.0, length * 0.74),
            (wide + 1.0, length + 3.0),
            (wide - 5.5, length * 0.66),
            (wide - 3.5, 16),
        )
    )
    inner = shapes.spline(at((wide - 1, 2), (wide + 3.5, 26), (wide + 1, length * 0.86), (wide - 4, length * 0.56)))
    shape = Shape(lock, SIDE, design.hair, hair_line(design))
    return [shape, Shape(inner, SIDE, _shadow(design), opacity=0.75, clip=(shape,))]


def _gloss(design: CharacterDesign, fringe: Shape) -> Shape:
    """Returns the bright band around the crown."""
    t = np.linspace(-0.86, 0.86, 33)
    x = HEAD_CENTER[0] + t * design.face_half_width * 1.03
    zigzag = np.where(np.arange(len(t)) % 2 == 0, -2.4, 2.4)
    upper = HEAD_CENTER[1] - 39.0 - 12.0 * (1.0 - t * t) + zigzag
    thickness = 7.5 * (1.0 - t**4) + 1.0
    lower = upper + thickness - 0.6 * zigzag
    band = np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]])
    return Shape(band, FRINGE, tint(design.hair, 0.62), opacity=0.6, clip=(fringe,), blur=0.5)


def _crown_lines(design: CharacterDesign, fringe: Shape) -> list[Shape]:
    """Returns fine lines from the parting to the fringe."""
    top = HEAD_CENTER[1] - design.face_height - 12.0
    lines = []
    for index, position in enumerate((-0.55, -0.2, 0.25, 0.6)):
        x = HEAD_CENTER[0] + position * design.face_half_width
        start = (HEAD_CENTER[0] + 0.35 * (x - HEAD_CENTER[0]), top + 3.0)
        end = (x + 2.0 * design.jitter[index + 5], HEAD_CENTER[1] - 30.0)
        path = shapes.spline([start, ((start[0] + x) / 2 + 3 * np.sign(position), top + 18.0), end], closed=False)
        stroke = shapes.ribbon(path, np.interp(np.linspace(0, 1, len(path)), [0, 0.4, 1], [0.2, 1.1, 0.2]))
        lines.append(Shape(stroke, FRINGE, _shadow(design), clip=(fringe,)))
    return lines
