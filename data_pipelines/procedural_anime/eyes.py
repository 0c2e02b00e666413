"""The eyes: white, iris, highlights, lashes and lids."""

import numpy as np
from jaxtyping import Float

from data_pipelines.procedural_anime import shapes
from data_pipelines.procedural_anime.design import CharacterDesign, EyeShape
from data_pipelines.procedural_anime.face import number, skin_line
from data_pipelines.procedural_anime.motion import HEAD_CENTER, Layer
from data_pipelines.procedural_anime.palette import Color, shade, tint
from data_pipelines.procedural_anime.shapes import Points, Shape

Pose = Float[np.ndarray, "45"]

EYE = Layer("head", 1.5)
LASHES = Layer("head", 2.5)


# Per shape: height of the upper lid, where it peaks (towards the temple), extra tilt, depth of the lower lid.
_CUTS: dict[EyeShape, tuple[float, float, float, float]] = {
    "round": (1.0, 0.0, 0.0, 1.0),
    "tall": (1.12, -0.08, -0.02, 1.08),
    "sharp": (0.86, 0.18, 0.16, 0.86),
    "soft": (0.98, -0.16, -0.16, 1.0),
}


def eye(design: CharacterDesign, pose: Pose, side: int) -> list[Shape]:
    """Returns one eye; `side` is +1 for the viewer's right, the character's left."""
    name = "_left" if side > 0 else "_right"
    upper, lower, closed = _lids(design, pose, side)
    parts = []
    if closed < 0.97:
        opening = Shape(np.concatenate([upper, lower[::-1]]), EYE, (0.985, 0.985, 0.995))
        shadow = np.concatenate([upper + [0, -2], (upper + [0, 4.6])[::-1]])
        parts += [opening, Shape(shadow, EYE, (0.80, 0.80, 0.88), clip=(opening,))]
        parts += _iris(design, pose, side, number(pose, "iris_small", name), opening)
    parts += _lashes(design, upper, lower, side, closed)
    return parts


def _lids(design: CharacterDesign, pose: Pose, side: int) -> tuple[Points, Points, float]:
    """Returns the upper and the lower lid's edge from the viewer's left to the right, and how far they are closed."""
    name = "_left" if side > 0 else "_right"

    def n(parameter: str) -> float:
        return number(pose, parameter, name)

    t = np.linspace(-1.0, 1.0, 31)
    tall, skew, tilted, flat_below = _CUTS[design.eye_shape]
    outward = side * t  # +1 at the temple
    arch = (1.0 - np.abs(outward - skew * (1.0 - outward**2)) ** 2.4) ** 0.8
    low_arch = 1.0 - np.abs(t) ** 2.8
    high = design.eye_half_height * 0.62 * tall * (1.0 + 0.28 * n("eye_surprised"))
    low = design.eye_half_height * 0.50 * flat_below * (1.0 + 0.18 * n("eye_surprised"))
    upper, lower = -high * arch, low * low_arch * (1.0 - 0.4 * n("eye_raised_lower_eyelid"))
    flat = np.maximum(upper, -high * 0.45)
    upper = upper + n("eye_unimpressed") * (flat - upper)
    # A relaxed lid sinks to a flat line; the winks close along curves.
    targets = np.array([n("eye_relaxed"), n("eye_wink"), n("eye_happy_wink")])
    curves = np.stack([low * (0.35 + 0.1 * low_arch), low * (0.15 + 0.55 * arch), low * (0.5 - 0.6 * arch)])
    closed = min(1.0, float(targets.sum()))
    if closed > 0.0:
        line = targets @ curves / targets.sum()
        upper, lower = upper + closed * (line - upper), lower + closed * (line - lower)
    center = HEAD_CENTER + [side * design.eye_spacing, design.eye_drop]
    x = center[0] + t * design.eye_half_width * (1.0 - 0.05 * closed)
    tilt = -(design.eye_tilt + tilted) * outward * design.eye_half_width * 0.5
    return np.stack([x, center[1] + upper + tilt], 1), np.stack([x, center[1] + lower + tilt], 1), closed


def _iris(design: CharacterDesign, pose: Pose, side: int, small: float, opening: Shape) -> list[Shape]:
    center = HEAD_CENTER + [side * (design.eye_spacing - 0.6), design.eye_drop + 0.6]
    # Rotation +1 looks up (x) and to the viewer's left (y).
    look_x, look_y = number(pose, "iris_rotation_y"), number(pose, "iris_rotation_x")
    center = center - [look_x * design.eye_half_width * 0.34, look_y * design.eye_half_height * 0.20]
    scale = max(1.0 - 0.9 * small, 0.02)
    wide, tall = design.eye_half_width * 0.56 * scale, design.eye_half_height * 0.60 * scale

    def disc(x: float, y: float, shift: tuple[float, float], color: Color, opacity: float = 1.0) -> Shape:
        points = shapes.ellipse(center + np.array(shift) * [wide, tall], wide * x, tall * y)
        return Shape(points, EYE, color, opacity=opacity, clip=(opening,))

    base = design.eyes if side > 0 else design.other_eye
    return [
        disc(1.0, 1.0, (0, 0), shade(base, 0.30)),
        disc(0.88, 0.90, (0, 0), shade(base, 0.72)),
        disc(0.80, 0.66, (0, 0.24), base),
        disc(0.62, 0.40, (0, 0.50), tint(base, 0.45), 0.9),
        disc(0.40, 0.44, (0, 0), shade(base, 0.15)),
        disc(0.90, 0.34, (0, -0.66), shade(base, 0.22), 0.75),
        disc(0.28, 0.25, (-0.36, -0.42), (1.0, 1.0, 1.0)),
        disc(0.14, 0.13, (0.40, 0.40), (1.0, 1.0, 1.0), 0.9),
    ]


def _lashes(design: CharacterDesign, upper: Points, lower: Points, side: int, closed: float) -> list[Shape]:
    lash = shade(design.hair, 0.20, 0.16, 0.20)
    outward = side * np.linspace(-1.0, 1.0, len(upper))  # +1 at the temple
    widths = np.interp(outward, [-1.0, -0.6, 0.3, 0.9, 1.0], [0.8, 2.3, 3.4, 4.0, 1.6]) * (1.0 - 0.2 * closed)
    corner = upper[-1] if side > 0 else upper[0]
    flick = corner + np.array([(-side * 4.0, -1.6), (side * 4.4, -4.4), (side * 1.2, 1.2)])
    parts = [Shape(shapes.ribbon(upper, widths), LASHES, lash), Shape(flick, LASHES, lash)]
    if closed < 0.9:
        fine = np.interp(outward[4:-4], [-1.0, 0.2, 1.0], [0.3, 0.9, 1.5])
        parts.append(Shape(shapes.ribbon(lower[4:-4], fine), EYE, shade(lash, 1.4)))
    crease = upper[4:-3] + [0.0, -5.2 + 1.5 * closed]
    parts.append(Shape(shapes.ribbon(crease, np.full(len(crease), 0.9)), EYE, skin_line(design)))
    return parts
