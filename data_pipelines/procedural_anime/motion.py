"""How the head and body numbers of a pose move the points of a drawing, and the way back.

Rest points are lifted to a depth, turned, and projected without perspective. Signs and sizes follow what a released
THA4 character does, measured on its student's flow: head_x +1 raises its eyes by 8.5 px, head_y +1 moves them 6 to 7 px
to the viewer's left, neck_z +1 turns its head 9.4 degrees about the neck, body_z +1 turns everything 4.6 degrees about
the waist, body_y +1 moves its chest 3.5 px and its hips 5.6 px, breathing +1 lifts its chest 1.9 px. The drawings meet
each of these within a pixel.
"""

import dataclasses
from typing import Literal

import numpy as np
from jaxtyping import Float

from jaxanim.signals import pose_vector

Points = Float[np.ndarray, "n 2"]
Pose = Float[np.ndarray, "45"]

HEAD_CENTER = np.array([256.0, 130.0])
NECK = np.array([256.0, 205.0])
WAIST = np.array([256.0, 340.0])
HEAD_TURN = np.deg2rad(11.0)
NECK_TILT = np.deg2rad(9.4)
BODY_LEAN = np.deg2rad(4.6)


@dataclasses.dataclass(frozen=True)
class Layer:
    """A set of points that move together.

    Attributes:
      part: 'head' points lie on a rounded surface, 'back_hair' points on a plane behind it, 'body' points on the torso.
      depth: added to the depth of the surface, in pixels towards the viewer.
    """

    part: Literal["head", "back_hair", "body"]
    depth: float = 0.0


BODY = Layer("body")


def move(points: Points, layer: Layer, pose: Pose) -> Points:
    """Returns where rest points of a layer are in a pose."""
    points = np.asarray(points, float)
    number = dict(zip(pose_vector.POSE_NAMES[39:], pose[39:], strict=True))
    if layer.part == "body":
        moved = _turn_body(points, number["body_y"])
        moved = moved - _breath(points, number["breathing"])
    else:
        moved = _turn_head(points, layer, number["head_x"], number["head_y"])
        moved = _tilt_neck(moved, points, layer, number["neck_z"])
        moved = moved - [2.4 * number["body_y"], 1.2 * number["breathing"]]
    return _rotate(moved, WAIST, -BODY_LEAN * number["body_z"])


def unmove(points: Points, layer: Layer, pose: Pose, *, steps: int = 12) -> Points:
    """Returns which rest points come to lie at given points: the inverse of `move`, by fixed-point iteration."""
    rest = np.array(points, float)
    for _ in range(steps):
        rest += points - move(rest, layer, pose)
    return rest


def _surface_depth(local: Points, layer: Layer) -> Float[np.ndarray, " n"]:
    if layer.part == "back_hair":
        # At the crown the hair behind grows out of the hair in front and goes with it.
        return layer.depth + 26.0 * np.clip((-30.0 - local[:, 1]) / 40.0, 0.0, 1.0)
    x, y = local[:, 0] / 62.0, local[:, 1] / 78.0
    bulge = 1.0 - 0.9 * x**2 - np.where(y < 0.0, 0.95, 0.5) * y**2  # the crown curves away, the jaw less
    return 36.0 * np.sqrt(np.clip(bulge, 0.02, 1.0)) + layer.depth


def _turn_head(points: Points, layer: Layer, head_x: float, head_y: float) -> Points:
    local = points - HEAD_CENTER
    depth = _surface_depth(local, layer)
    cos, sin = np.cos(HEAD_TURN * head_y), np.sin(HEAD_TURN * head_y)
    x = cos * local[:, 0] - sin * depth
    depth = sin * local[:, 0] + cos * depth
    cos, sin = np.cos(1.35 * HEAD_TURN * head_x), np.sin(1.35 * HEAD_TURN * head_x)
    pivot = 42.0  # below the centre of the head: nodding turns about the jaw
    y = cos * (local[:, 1] - pivot) - sin * depth + pivot
    return np.stack([x, y], axis=1) + HEAD_CENTER


def _tilt_neck(moved: Points, rest: Points, layer: Layer, neck_z: float) -> Points:
    # Long hair stays behind on the shoulders.
    follow = 1.0 if layer.part == "head" else np.clip((330.0 - rest[:, 1]) / 150.0, 0.0, 1.0)
    return _rotate(moved, NECK, -NECK_TILT * neck_z * follow)


def _turn_body(points: Points, body_y: float) -> Points:
    """Shifts the torso towards the side it turns to, most at the hips' front, not at the feet."""
    x, y = points[:, 0] - 256.0, points[:, 1]
    front = np.exp(-((x / 80.0) ** 2))
    height = np.interp(y, [190.0, 220.0, 260.0, 420.0, 500.0, 520.0], [0.45, 0.5, 0.65, 1.0, 0.3, 0.2])
    shift = -5.4 * body_y * front * height
    narrower = 1.0 - 0.012 * body_y**2 * np.clip((460.0 - y) / 200.0, 0.0, 1.0)
    return np.stack([256.0 + x * narrower + shift, y], axis=1)


def _breath(points: Points, breathing: float) -> Points:
    lift = 1.9 * breathing * np.exp(-(((points[:, 1] - 235.0) / 70.0) ** 2))
    return np.stack([np.zeros_like(lift), lift], axis=1)


def _rotate(points: Points, center: Float[np.ndarray, "2"], angle: float | Float[np.ndarray, " n"]) -> Points:
    offset = points - center
    cos, sin = np.cos(angle), np.sin(angle)
    x = cos * offset[:, 0] - sin * offset[:, 1]
    y = sin * offset[:, 0] + cos * offset[:, 1]
    return np.stack([x, y], axis=1) + center
