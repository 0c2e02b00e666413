"""Expressions by the names of ARKit's 52 blendshapes, as offsets of the neutral head; left is the person's left.

Lids, jaw and eyeballs turn, and a blendshape of 1 has them where the turn ends; `jawOpen` and the other jaw shapes do
what the jaw's joint does, for sources that have blendshapes only. Use one or the other.
"""

import dataclasses

import numpy as np

from data_pipelines.open_head import lids, rig, surface
from data_pipelines.open_head.fields import Points, folded, ramp, vector
from data_pipelines.open_head.fields import bump as one

Offsets = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """What expressions act on.

    Attributes:
      points: the neutral head, all parts.
      closed: the head with closed lids.
      lid: 1 above the line between the lids, -1 below.
      jaw: how much each vertex follows the jaw.
      is_skin: 1 for the skin with its linings, 0 for eyeballs, teeth, tongue and ears.
      lips: upper and lower vertices of the slit between the lips.
      lining: rows of the mouth's inside, from the upper to the lower lip.
      eyeballs: 'Left', 'Right' -> vertices.
      tongue: vertices.
    """

    points: Points
    closed: np.ndarray
    lid: np.ndarray
    jaw: np.ndarray
    is_skin: np.ndarray
    lips: tuple[np.ndarray, np.ndarray]
    lining: np.ndarray
    eyeballs: dict[str, np.ndarray]
    tongue: np.ndarray


def offsets(head: Anatomy) -> Offsets:
    """Returns all expressions, ARKit's name -> (n, 3), in alphabetical order."""
    p = head.points
    both = {**_brows(p), **_cheeks_and_nose(p), **_mouth_sides(p)}
    middle = _mouth_middle(p)
    shapes = {name: middle[name] for name in middle}
    for name, value in both.items():
        shapes.update(_split(p, name, value))
    shapes = {name: _on_skin(head, value) for name, value in shapes.items()}
    inner = shapes.pop("browInnerUpLeft") + shapes.pop("browInnerUpRight")
    puff = shapes.pop("cheekPuffLeft") + shapes.pop("cheekPuffRight")
    shapes.update(browInnerUp=inner, cheekPuff=puff)
    _add(shapes, _lids(head))
    _add(shapes, _gaze(head))
    _add(shapes, _jaw(head))
    shapes["tongueOut"] = _tongue(head)
    return {name: shapes[name] for name in sorted(shapes)}


def _add(shapes: Offsets, more: Offsets) -> None:
    for name, value in more.items():
        shapes[name] = shapes.get(name, 0) + value


def _split(p: Points, name: str, value: np.ndarray) -> Offsets:
    left = ramp(p.x, -0.08, 0.08)[:, None]
    return {f"{name}Left": left * value, f"{name}Right": (1 - left) * value}


def _on_skin(head: Anatomy, value: np.ndarray) -> np.ndarray:
    """Keeps lids on their eyeballs and teeth in place; the mouth's inside follows the lips less and less."""
    for side in (1, -1):
        from_eye = np.linalg.norm(head.points.place - surface.EYE_CENTRE * np.array([side, 1, 1]), axis=1)
        value = value * ramp(from_eye, 1.17 * surface.EYE_RADIUS, 1.75 * surface.EYE_RADIUS)[:, None]
    value = value * head.is_skin[:, None]
    half = len(head.lining) // 2
    for j, row in enumerate(head.lining):
        depth, lip = (j, 0) if j < half else (len(head.lining) - 1 - j, 1)
        value[row] = (0.85, 0.4, 0.1, 0.0)[depth] * value[head.lips[lip]]
    return value


def _brows(p: Points) -> Offsets:
    frown = folded(p, (0.12, 0.14, 0.84), (0.08, 0.07, 0.2))
    towards = -0.035 * p.side * ramp(np.abs(p.x), 0, 0.08)
    return {
        "browInnerUp": vector(p.x, 0, 0.085 * folded(p, (0.14, 0.22, 0.84), (0.13, 0.11, 0.25))),
        "browOuterUp": vector(p.x, 0, 0.085 * folded(p, (0.45, 0.22, 0.68), (0.13, 0.11, 0.25))),
        "browDown": vector(
            p.x,
            towards * folded(p, (0.14, 0.18, 0.82), (0.1, 0.08, 0.2)),
            -0.070 * folded(p, (0.22, 0.20, 0.8), (0.17, 0.09, 0.25)),
            0.012 * frown,
        ),
    }


def _cheeks_and_nose(p: Points) -> Offsets:
    squint = folded(p, (0.40, -0.22, 0.66), (0.15, 0.10, 0.25))
    wing = folded(p, (0.12, -0.40, 0.93), (0.07, 0.09, 0.15))
    lip = folded(p, (0.15, -0.62, 0.9), (0.08, 0.05, 0.15)) * p.upper
    puff = folded(p, (0.40, -0.60, 0.58), (0.14, 0.14, 0.25))
    return {
        "cheekSquint": vector(p.x, 0, 0.05 * squint, 0.03 * squint),
        "noseSneer": vector(p.x, 0.01 * p.side * wing, 0.05 * wing + 0.025 * lip, 0),
        "cheekPuff": vector(p.x, 0.065 * p.side * puff, 0, 0.045 * puff),
    }


def _mouth_sides(p: Points) -> Offsets:
    corner = folded(p, (0.27, -0.73, 0.80), (0.11, 0.10, 0.2))
    cheek = folded(p, (0.36, -0.58, 0.72), (0.13, 0.14, 0.22))
    upper = folded(p, (0.05, -0.69, 0.92), (0.14, 0.07, 0.2)) * p.upper
    lower = folded(p, (0.05, -0.80, 0.90), (0.14, 0.07, 0.2)) * p.lower
    press = folded(p, (0.13, -0.74, 0.93), (0.13, 0.05, 0.2))
    return {
        "mouthSmile": vector(
            p.x,
            p.side * (0.075 * corner + 0.020 * cheek),
            0.085 * corner + 0.03 * cheek,
            -0.05 * corner + 0.025 * cheek,
        ),
        "mouthFrown": vector(p.x, 0.015 * p.side * corner, -0.075 * corner - 0.015 * cheek, -0.01 * corner),
        "mouthStretch": vector(p.x, 0.075 * p.side * corner, -0.025 * corner, -0.045 * corner),
        "mouthDimple": vector(p.x, 0.040 * p.side * corner, 0, -0.055 * corner),
        "mouthUpperUp": vector(p.x, 0, 0.070 * upper, 0.010 * upper),
        "mouthLowerDown": vector(p.x, 0, -0.070 * lower, -0.005 * lower),
        "mouthPress": vector(
            p.x,
            0,
            -0.020 * folded(p, (0.13, -0.68, 0.92), (0.12, 0.03, 0.2)) * p.upper
            + 0.025 * folded(p, (0.13, -0.80, 0.9), (0.12, 0.035, 0.2)) * p.lower,
            -0.025 * press,
        ),
    }


def _mouth_middle(p: Points) -> Offsets:
    near = one(p, (0, -0.74, 0.9), (0.26, 0.13, 0.3))
    ahead = one(p, (0, -0.74, 0.9), (0.22, 0.09, 0.3))
    upper = one(p, (0, -0.69, 0.94), (0.2, 0.045, 0.2)) * p.upper
    lower = one(p, (0, -0.79, 0.92), (0.2, 0.05, 0.2)) * p.lower
    chin = one(p, (0, -0.86, 0.88), (0.2, 0.09, 0.25)) * p.lower
    to_left, to_right = (one(p, (x, -0.74, 0.9), (0.28, 0.12, 0.3)) for x in (0.07, -0.07))
    left, right = (one(p, (x, -0.73, 0.8), (0.11, 0.1, 0.2)) for x in (0.27, -0.27))
    return {
        "mouthPucker": vector(p.x, -0.48 * p.x * near, 0, 0.075 * ahead),
        "mouthFunnel": vector(p.x, -0.30 * p.x * near, 0.045 * ahead * (p.upper - 1.2 * p.lower), 0.080 * ahead),
        "mouthRollUpper": vector(p.x, 0, -0.030 * upper, -0.055 * upper),
        "mouthRollLower": vector(p.x, 0, 0.035 * lower, -0.055 * lower),
        "mouthShrugUpper": vector(p.x, 0, 0.040 * upper, 0.010 * upper),
        "mouthShrugLower": vector(p.x, 0, 0.050 * chin, 0.030 * chin),
        "mouthLeft": vector(p.x, 0.080 * to_left, 0.025 * left, -0.02 * left),
        "mouthRight": vector(p.x, -0.080 * to_right, 0.025 * right, -0.02 * right),
    }


def _lids(head: Anatomy) -> Offsets:
    """Lids turn about their eyeballs; squinting also lifts the skin below."""
    p, result = head.points, {}
    below = folded(p, (0.34, -0.17, 0.7), (0.14, 0.05, 0.2)) * head.is_skin
    for name, opening in (("eyeBlink", lids.CLOSED), ("eyeWide", lids.WIDE), ("eyeSquint", lids.SQUINT)):
        moved = (lids.turned(head.closed, head.lid, opening) - p.place) * head.is_skin[:, None]
        if name == "eyeSquint":
            moved = moved + _on_skin(head, vector(p.x, 0, 0.03 * below, 0.01 * below))
        result.update(_split(p, name, moved))
    return result


def _gaze(head: Anatomy) -> Offsets:
    """Eyeballs turn up to 30 degrees sideways and 25 up or down; lids follow the latter."""
    result: Offsets = {}
    upper, lower = lids.NEUTRAL
    for side, sign in (("Left", 1), ("Right", -1)):
        ball = head.eyeballs[side]
        centre = surface.EYE_CENTRE * np.array([sign, 1, 1])
        for way, axis, angle, opening in (
            ("Up", 0, -25, (upper + 9, lower - 3)),
            ("Down", 0, 25, (upper - 17, lower + 3)),
            ("Out", 1, 30 * sign, lids.NEUTRAL),
            ("In", 1, -30 * sign, lids.NEUTRAL),
        ):
            moved = lids.turned(head.closed, head.lid, opening) - head.points.place
            moved = moved * (head.is_skin * ramp(sign * head.points.x, -0.08, 0.08))[:, None]
            place = head.points.place[ball] - centre
            moved[ball] = place @ rig.rotation(axis, angle).T - place
            result[f"eyeLook{way}{side}"] = moved
    return result


def _jaw(head: Anatomy) -> Offsets:
    """The jaw turns; sideways it does so about one of its two joints. `mouthClose` undoes `jawOpen` at the lips."""
    place = head.points.place
    opened = rig.turn_jaw(place, head.jaw, rig.rotation(0, 22), rig.JAW_PIVOT)
    opened += head.jaw[:, None] * np.array([0, 0, 0.03])
    result = {"jawOpen": opened, "jawForward": head.jaw[:, None] * np.array([0, 0.01, 0.08])}
    for name, side in (("Left", 1), ("Right", -1)):
        pivot = rig.JAW_PIVOT + np.array([side * 0.55, 0, 0])
        result[f"jaw{name}"] = rig.turn_jaw(place, head.jaw, rig.rotation(1, 6.5 * side), pivot)
        result[f"jaw{name}"] += head.jaw[:, None] * np.array([0, -0.025, 0])
    upper, lower = head.lips
    gap = opened[upper] - opened[lower]
    p, close = head.points, np.zeros_like(place)
    order = np.argsort(place[upper, 0])
    across = np.stack([np.interp(p.x, place[upper, 0][order], gap[order, axis]) for axis in range(3)], axis=-1)
    reach = one(p, (0, -0.735, 0.88), (0.24, 0.09, 0.4)) * ramp(np.abs(p.x), 0.36, 0.24)
    at_line = np.interp(p.x, place[upper, 0][order], reach[upper][order])
    share = np.minimum(reach / np.maximum(at_line, 1e-6), 1)[:, None]
    close = share * across * (0.72 * p.lower - 0.28 * p.upper)[:, None]
    result["mouthClose"] = _on_skin(head, close)
    return result


def _tongue(head: Anatomy) -> np.ndarray:
    """The tongue comes out over the lower lip; it needs an open jaw."""
    moved = np.zeros_like(head.points.place)
    z = head.points.z[head.tongue]
    tip = ramp(z, 0.45, 0.78)
    moved[head.tongue] = vector(z, 0, 0.035 * ramp(z, 0.35, 0.7) - 0.05 * tip, 0.10 + 0.22 * tip)
    return moved
