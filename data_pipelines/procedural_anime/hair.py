"""Hair in front of the face: the fringe in its styles, and the locks beside the face."""

import itertools

import numpy as np

from data_pipelines.procedural_anime import shapes
from data_pipelines.procedural_anime.design import CharacterDesign, HairStyle
from data_pipelines.procedural_anime.motion import HEAD_CENTER, Layer
from data_pipelines.procedural_anime.palette import Color, shade, tint
from data_pipelines.procedural_anime.shapes import Points, Shape

SIDE = Layer("head", 5.0)
FRINGE = Layer("head", 12.0)

# How far the locks beside the face reach, in pixels below the middle of the head.
_SIDE_LENGTH: dict[HairStyle, float] = {
    "short": 28.0,
    "spiky": 34.0,
    "bob": 64.0,
    "medium": 70.0,
    "long": 76.0,
    "wavy": 84.0,
    "hime": 62.0,
    "twin_tails": 56.0,
    "low_tails": 46.0,
    "braids": 40.0,
    "side_tail": 50.0,
    "ponytail": 42.0,
    "buns": 58.0,
}


def hair_line(design: CharacterDesign) -> Color:
    """Returns the colour of the outlines of hair."""
    return shade(design.hair, 0.42, 0.38, 0.44)


def hair_shadow(design: CharacterDesign) -> Color:
    """Returns the colour of hair in the shade."""
    return shade(design.hair, 0.74, 0.70, 0.80)


def fringe_outline(design: CharacterDesign) -> tuple[Points, Points]:
    """Returns the outline of the fringe, and the points of its lower edge (gaps and tips in turn)."""
    x0, y0 = HEAD_CENTER
    edge = _fringe_edge(design)
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


def _fringe_edge(design: CharacterDesign) -> Points:
    """Returns the lower edge of the fringe from the viewer's left to the right."""
    y0, long, jitter = HEAD_CENTER[1], design.bang_length, np.array(design.jitter)
    count = 2 * (design.bang_count + 2 * (design.fringe == "blunt")) + 1
    t = np.linspace(-1.0, 1.0, count)
    away = np.abs(t - design.part) / (1.0 + abs(design.part))  # from the parting, 0 to 1
    loose = 5.0 * jitter[20 + np.arange(count) % 20]
    if design.fringe == "jagged":
        tips, gaps = y0 - 5.0 + long * 20.0 + loose, np.full(count, y0 - 27.0 + long * 4.0)
    elif design.fringe == "blunt":
        tips, gaps = np.full(count, y0 - 4.0 + long * 6.0) + 0.2 * loose, np.full(count, y0 - 9.0 + long * 6.0)
    elif design.fringe == "parted":
        sweep = y0 - 46.0 + 58.0 * away**0.9
        tips, gaps = sweep + 6.0 + 0.4 * loose, sweep - 8.0
    elif design.fringe == "swept":
        along = (t * np.sign(design.part or 1.0) + 1.0) / 2.0  # 0 opposite the parting
        sweep = y0 - 40.0 + 44.0 * (1.0 - along) ** 1.1
        tips, gaps = sweep + 12.0 + 0.6 * loose, sweep - 6.0
    elif design.fringe == "locks":
        middle = 34.0 * np.exp(-((np.abs(t) / 0.22) ** 2)) + 22.0 * np.exp(-(((np.abs(t) - 0.7) / 0.25) ** 2))
        tips, gaps = y0 - 22.0 + middle + 0.6 * loose, np.full(count, y0 - 36.0)
    else:  # open: combed back, the forehead is bare
        arch = y0 - 46.0 + 30.0 * t**4
        tips, gaps = arch + 2.0, arch - 2.0
    y = np.where(np.arange(count) % 2 == 1, tips, gaps)
    y[[0, -1]] = y0 + 6.0
    x = HEAD_CENTER[0] + t * design.face_half_width * 1.03 + 1.8 * jitter[np.arange(count) % 40]
    return np.stack([x, y], axis=1)


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
    for index in () if design.fringe == "open" else range(1, len(edge) - 1, 2):
        tip, gap = edge[index], edge[index + 1]
        wedge = shapes.spline(
            [tip, (tip + gap) / 2 + [2.0, 1.0], gap, gap + [0.5, -20.0], (tip + gap) / 2 + [0.0, -13.0]], 6
        )
        parts.append(Shape(wedge, FRINGE, hair_shadow(design), opacity=0.6, clip=(fringe,)))
    parts.append(_gloss(design, fringe))
    return parts + _crown_lines(design, fringe)


def _side_lock(design: CharacterDesign, side: int) -> list[Shape]:
    x0, y0 = HEAD_CENTER
    wide, half = design.face_half_width, design.face_half_width * design.hair_volume
    length = _SIDE_LENGTH[design.hair_style] + 5.0 * design.jitter[30 + (side > 0)]

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x0 + side * x, y0 + y) for x, y in points]

    start = [(wide * 0.88, -42.0), (half * 0.98, -14.0), (half + 1.5, 22.0)]
    if design.hair_style == "hime":  # cut straight
        corner = np.array(at((half + 1.0, length), (wide - 8.0, length - 1.0)))
        curve = shapes.spline(at(*start, (half + 1.0, length)), closed=False)
        lock = np.concatenate([curve, corner, at((wide - 5.0, 16.0))])
    else:
        end = [(half - 1.0, length * 0.74), (wide + 1.0, length + 3.0), (wide - 5.5, length * 0.66), (wide - 3.5, 16.0)]
        if design.hair_style == "wavy":
            end[0:1] = [(half + 5.0, length * 0.5), (half - 3.0, length * 0.8)]
        lock = shapes.spline(at(*start, *end))
    inner = shapes.spline(at((wide - 1, 2), (wide + 3.5, 26), (wide + 1, length * 0.86), (wide - 4, length * 0.56)))
    shape = Shape(lock, SIDE, design.hair, hair_line(design))
    return [shape, Shape(inner, SIDE, hair_shadow(design), opacity=0.75, clip=(shape,))]


def _gloss(design: CharacterDesign, fringe: Shape) -> Shape:
    """Returns the bright band around the crown, toothed or smooth."""
    t = np.linspace(-0.86, 0.86, 33)
    x = HEAD_CENTER[0] + t * design.face_half_width * 1.03
    tooth = 2.4 if design.jitter[6] < 0.0 else 0.6
    zigzag = np.where(np.arange(len(t)) % 2 == 0, -tooth, tooth)
    high = 46.0 if design.fringe in ("parted", "open", "swept") else 39.0
    upper = HEAD_CENTER[1] - high - 12.0 * (1.0 - t * t) + zigzag
    thickness = 7.5 * (1.0 - t**4) + 1.0
    lower = upper + thickness - 0.6 * zigzag
    band = np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]])
    return Shape(band, FRINGE, tint(design.hair, 0.62), opacity=0.6, clip=(fringe,), blur=0.5)


def _crown_lines(design: CharacterDesign, fringe: Shape) -> list[Shape]:
    """Returns fine lines from the parting to the fringe."""
    x0, top = HEAD_CENTER[0], HEAD_CENTER[1] - design.face_height - 12.0
    root = x0 + design.part * design.face_half_width * 0.8
    lines = []
    for index, position in enumerate((-0.55, -0.2, 0.25, 0.6)):
        x = x0 + position * design.face_half_width
        start = (root + 0.35 * (x - x0), top + 3.0)
        end = (x + 2.0 * design.jitter[index + 5], HEAD_CENTER[1] - 30.0)
        path = shapes.spline([start, ((start[0] + x) / 2 + 3 * np.sign(position), top + 18.0), end], closed=False)
        stroke = shapes.ribbon(path, np.interp(np.linspace(0, 1, len(path)), [0, 0.4, 1], [0.2, 1.1, 0.2]))
        lines.append(Shape(stroke, FRINGE, hair_shadow(design), clip=(fringe,)))
    return lines
