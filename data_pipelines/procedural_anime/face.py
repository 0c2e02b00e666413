"""The head without hair: ears, face, blush, nose, mouth and brows."""

import numpy as np
from jaxtyping import Float

from data_pipelines.procedural_anime import hair, shapes
from data_pipelines.procedural_anime.design import CharacterDesign
from data_pipelines.procedural_anime.motion import HEAD_CENTER, Layer
from data_pipelines.procedural_anime.palette import Color, shade
from data_pipelines.procedural_anime.shapes import Shape
from jaxanim.signals import pose_vector

Pose = Float[np.ndarray, "45"]

SKIN = Layer("head", 0.0)
EARS = Layer("head", -14.0)
NOSE = Layer("head", 7.0)
MOUTH = Layer("head", 3.0)
BROWS = Layer("head", 9.0)


def number(pose: Pose, name: str, side: str = "") -> float:
    """Returns one pose number by name; `side` is '_left', '_right' or ''."""
    return float(pose[pose_vector.POSE_INDEX[name + side]])


def skin_line(design: CharacterDesign) -> Color:
    """Returns the colour of outlines on skin."""
    return shade(design.skin, 0.60, 0.40, 0.38)


def skin_shadow(design: CharacterDesign) -> Color:
    """Returns the colour of shaded skin."""
    return shade(design.skin, 0.93, 0.78, 0.77)


def _jaw_drop(pose: Pose) -> float:
    return 2.0 * max(number(pose, "mouth_aaa"), 0.8 * number(pose, "mouth_ooo"), 0.6 * number(pose, "mouth_delta"))


def outline(design: CharacterDesign, pose: Pose) -> Shape:
    """Returns the face; opening the mouth lowers the jaw."""
    x0, y0 = HEAD_CENTER
    wide, tall, drop = design.face_half_width, design.face_height, _jaw_drop(pose)
    right = [
        (x0 + wide, y0 - 6),
        (x0 + wide * 0.975, y0 + 17),
        (x0 + wide * 0.80, y0 + 38 + drop * 0.4),
        (x0 + wide * 0.45, y0 + 54 + drop * 0.8),
        (x0 + wide * design.chin * 0.7, y0 + tall + drop),
    ]
    left = [(2 * x0 - x, y) for x, y in reversed(right)]
    crown = [(x0 - wide * 0.8, y0 - 44), (x0, y0 - 58), (x0 + wide * 0.8, y0 - 44)]
    return Shape(shapes.spline([*right, *left, *crown]), SKIN, design.skin, skin_line(design), 1.2)


def skin(design: CharacterDesign, pose: Pose) -> list[Shape]:
    """Returns ears, face, the shadow of the fringe, blush and nose."""
    x0, y0 = HEAD_CENTER
    face = outline(design, pose)
    parts = []
    for side in (1, -1):
        ear = [(x0 + side * (design.face_half_width + x), y0 + y) for x, y in ((-4, 4), (6, 6), (5, 24), (-4, 30))]
        fold = [(x0 + side * (design.face_half_width + x), y0 + y) for x, y in ((-2, 10), (3, 11), (2, 20))]
        parts.append(Shape(shapes.spline(ear), EARS, design.skin, skin_line(design)))
        parts.append(Shape(shapes.spline(fold, 6), EARS, skin_shadow(design)))
    parts.append(face)
    fringe, _ = hair.fringe_outline(design)
    parts.append(Shape(fringe + [0.0, 6.0], Layer("head", 2.0), skin_shadow(design), opacity=0.85, clip=(face,)))
    for side in (1, -1):
        cheek = shapes.ellipse((x0 + side * design.eye_spacing * 1.25, y0 + 36), 9.5, 4.5)
        parts.append(Shape(cheek, SKIN, shade(design.skin, 1.0, 0.66, 0.64), opacity=0.5, blur=3.0, clip=(face,)))
    parts.append(_nose(design))
    if design.mole:
        spot = (x0 + design.eye_spacing * 1.3, y0 + design.eye_drop + design.eye_half_height * 0.75)
        parts.append(Shape(shapes.ellipse(spot, 1.3, 1.3, 12), SKIN, shade(design.skin, 0.45, 0.33, 0.33)))
    return parts


def _nose(design: CharacterDesign) -> Shape:
    x0, y0 = HEAD_CENTER
    path = shapes.spline([(x0 + 0.5, y0 + 26.5), (x0 + 2.2, y0 + 30), (x0 + 0.4, y0 + 31)], 6, closed=False)
    widths = np.linspace(0.5, 1.5, len(path))
    return Shape(shapes.ribbon(path, widths), NOSE, shade(design.skin, 0.72, 0.50, 0.48))


def brow(design: CharacterDesign, pose: Pose, side: int) -> Shape:
    """Returns one eyebrow; `side` is +1 for the viewer's right, the character's left."""
    name = "_left" if side > 0 else "_right"

    def n(parameter: str) -> float:
        return number(pose, parameter, name)

    t = np.linspace(0.0, 1.0, 14)  # 0 at the nose, 1 at the temple
    # As the released character does: angry and serious drop the inner end a little and raise the outer one more,
    # serious straightens; troubled raises the inner end; happy raises the arch.
    arch, out = np.sin(t * np.pi * 0.9), np.clip(2.0 * t - 1.0, 0.0, 1.0)
    y = 0.7 - 4.2 * arch * (1.0 - 0.4 * n("eyebrow_serious"))
    y = y + n("eyebrow_angry") * (2.2 * (1.0 - t) - 4.8 * out + 1.2 * np.sin(2.0 * np.pi * t))
    y = y + n("eyebrow_serious") * (2.2 - 7.2 * t)
    y = y - n("eyebrow_troubled") * (6.5 * (1.0 - t) ** 1.5 - 1.0 * t)
    y = y + 6.0 * n("eyebrow_lowered") - 6.0 * n("eyebrow_raised")
    y = y - n("eyebrow_happy") * (4.0 * np.sin(t * np.pi) - 0.5)
    center_x = HEAD_CENTER[0] + side * design.eye_spacing * 1.03
    center_y = HEAD_CENTER[1] + design.eye_drop - design.eye_half_height * 0.62 - 11.0
    inward = 1.6 * n("eyebrow_angry") + 1.2 * n("eyebrow_serious")
    x = center_x + side * ((t - 0.5) * design.eye_half_width * 1.75 - inward)
    path = np.stack([x, center_y + y], axis=1)
    widths = design.brow_width * np.interp(t, [0.0, 0.25, 1.0], [0.75, 1.0, 0.25])
    return Shape(shapes.ribbon(path, widths), BROWS, shade(design.hair, 0.62))


# Per mouth shape: width factor, how far the upper and the lower lip move (px), how much teeth show. A smirk shows the
# teeth between lips that are hardly open, with both corners up.
_MOUTHS = {
    "mouth_aaa": (1.12, 4.0, 9.5, 0.5),
    "mouth_iii": (1.25, 1.8, 3.4, 1.0),
    "mouth_uuu": (0.62, 2.4, 3.8, 0.0),
    "mouth_eee": (1.12, 2.6, 5.6, 0.6),
    "mouth_ooo": (0.78, 4.2, 8.0, 0.2),
    "mouth_delta": (0.84, 8.2, 2.4, 0.0),
    "mouth_smirk": (1.18, 1.0, 2.0, 1.0),
}


def mouth(design: CharacterDesign, pose: Pose) -> list[Shape]:
    """Returns the mouth: a line when closed, else cavity, tongue, teeth and lips."""
    weights = np.array([number(pose, name) for name in _MOUTHS])
    weights = weights / max(weights.sum(), 1.0)  # several vowels at once share the opening
    width, upper, lower, teeth = weights @ (np.array(list(_MOUTHS.values())) - [1.0, 0.0, 0.0, 0.0]) + [1.0, 0, 0, 0]
    triangle = weights[list(_MOUTHS).index("mouth_delta")]
    t = np.linspace(-1.0, 1.0, 33)
    center_y = HEAD_CENTER[1] + design.mouth_drop
    rest = center_y + _lip_line(pose, t) + 3.0 * triangle  # its corners are low
    x = HEAD_CENTER[0] + t * design.mouth_half_width * width
    top = (1.0 - triangle) * (1.0 - np.abs(t) ** 2.2) ** 0.7 + triangle * (1.0 - np.abs(t) ** 1.3)
    bottom = (1.0 - triangle) * (1.0 - np.abs(t) ** 2.4) ** 0.62 + triangle * (1.0 - np.abs(t) ** 5) ** 0.8
    upper_lip = np.stack([x, rest - upper * top], axis=1)
    lower_lip = np.stack([x, rest + lower * bottom], axis=1)
    line = skin_line(design)
    if upper + lower < 0.6:
        widths = np.interp(np.abs(t), [0.0, 0.8, 1.0], [1.1, 1.6, 0.8])
        return [Shape(shapes.ribbon(upper_lip, widths), MOUTH, shade(line, 0.85))]
    cavity = Shape(np.concatenate([upper_lip, lower_lip[::-1]]), MOUTH, (0.60, 0.20, 0.23))
    tongue = shapes.ellipse(
        (HEAD_CENTER[0], center_y + lower * 0.98), design.mouth_half_width * width * 0.62, lower * 0.55 + 0.1
    )
    parts = [cavity, Shape(tongue, MOUTH, (0.95, 0.54, 0.53), clip=(cavity,))]
    if teeth > 0.05:
        edge = upper_lip + [0.0, 2.6 * min(1.0, 1.5 * teeth)]
        parts.append(Shape(np.concatenate([upper_lip - [0, 1], edge[::-1]]), MOUTH, (1.0, 1.0, 1.0), clip=(cavity,)))
    parts.append(Shape(cavity.points, MOUTH, None, shade(line, 0.8), 1.25))
    return parts


def _lip_line(pose: Pose, t: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Returns the height of the closed mouth along its width: corners up and down, and both up for a smirk."""
    left = number(pose, "mouth_raised_corner", "_left") - number(pose, "mouth_lowered_corner", "_left")
    right = number(pose, "mouth_raised_corner", "_right") - number(pose, "mouth_lowered_corner", "_right")
    corner = np.where(t > 0, left, right)
    curve = 3.4 * corner * np.abs(t) ** 1.7
    return 1.0 - 1.6 * np.abs(t) ** 1.6 - curve - 2.4 * number(pose, "mouth_smirk") * np.abs(t) ** 1.6
