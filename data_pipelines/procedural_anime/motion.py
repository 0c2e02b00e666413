"""How the head and body numbers of a pose move the points of a drawing, and the way back.

Rest points are lifted to a depth, turned, and projected without perspective. Signs and sizes follow what a released
THA4 character does, measured by finding patches of its rest picture in its posed ones (in brackets by its own flow):
head_x +1 raises its eyes by 7 px (8.7) and its fringe by 8, head_y +1 moves them 5 to 6 (7) and 8 px to the viewer's
left and the tips of the hair behind the head 3 to 7 px the other way, neck_z +1 turns its head 9.4 degrees about the
neck, body_z +1 turns everything 4.6 degrees about the waist, body_y +1 moves its face 1 px, its chest 5 px and its
hips 5 px to the viewer's left, the hair behind 3 to 6 px the other way and its hands less than 1 px, breathing +1
lifts its chest 1.9 px. The drawings meet each of these within two pixels.
"""

import dataclasses
import math
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from data_pipelines.compiled import compiled
from jaxanim.signals import pose_vector

Points = Float[np.ndarray, "n 2"]
Pose = Float[np.ndarray, "45"]

HEAD_CENTER = np.array([256.0, 130.0])
NECK = np.array([256.0, 205.0])
WAIST = np.array([256.0, 340.0])
HEAD_TURN = np.deg2rad(11.0)
HEAD_NOD = 1.35 * HEAD_TURN
BODY_TURN = np.deg2rad(5.3)
NECK_TILT = np.deg2rad(9.4)
BODY_LEAN = np.deg2rad(4.6)

_PARTS = ("head", "back_hair", "body")
_HEAD, _BACK_HAIR, _BODY = range(3)
# How far body_y moves the front of the torso, by height.
_HEIGHTS = np.array([190.0, 222.0, 265.0, 395.0, 450.0, 520.0])
_SHIFTS = np.array([0.7, 1.6, 4.4, 5.0, 2.4, -0.8])

_EXACT = 0.1  # pixels that a source may miss its pixel by


@dataclasses.dataclass(frozen=True)
class Layer:
    """A set of points that move together.

    Attributes:
      part: 'head' points lie on a rounded surface, 'back_hair' points on a plane behind it, 'body' points on the torso.
      depth: added to the depth of the surface, in pixels towards the viewer.
    """

    part: Literal["head", "back_hair", "body"]
    depth: float = 0.0

    @property
    def key(self) -> tuple[int, float]:
        """The number of the part, and the depth: what compiled code takes."""
        return _PARTS.index(self.part), self.depth


BODY = Layer("body")


def move(points: Points, layer: Layer, pose: Pose) -> Points:
    """Returns where rest points of a layer are in a pose."""
    points = np.array(points, float)
    move_all(points, np.full((len(points), 2), layer.key, float), turns_of(pose))
    return points


def unmove(points: Points, layer: Layer, pose: Pose) -> Points:
    """Returns which rest points come to lie at given points: the inverse of `move`, by fixed-point iteration."""
    points = np.asarray(points, float)
    rest, kind, depth, turns = np.empty_like(points), *layer.key, turns_of(pose)
    for index, (x, y) in enumerate(points):
        rest[index] = _source(x, y, 0.0, 0.0, kind, depth, turns)[:2]
    return rest


def turns_of(pose: Pose) -> Float[np.ndarray, "11"]:
    """Returns what moves points in a pose: cosine and sine of nod, turn, tilt and lean; tilt, body_y, breathing."""
    head_x, head_y, neck_z, body_y, body_z, breathing = (float(number) for number in pose[pose_vector.BODY])
    tilt = -NECK_TILT * neck_z
    angles = np.array([HEAD_NOD * head_x, HEAD_TURN * head_y + BODY_TURN * body_y, tilt, -BODY_LEAN * body_z])
    return np.array([*np.stack([np.cos(angles), np.sin(angles)], axis=1).ravel(), tilt, body_y, breathing])


@compiled
def move_all(points: Any, layers: Any, turns: Any) -> None:
    """Moves points (n, 2) in place; `layers` (n, 2) holds the `key` of each one's layer."""
    for index in range(len(points)):
        x, y = points[index]
        points[index] = _moved(x, y, int(layers[index, 0]), layers[index, 1], turns)


@compiled
def trace_back(seen: Any, seen_at_rest: Any, layers: Any, turns: Any, flow: Any, known: Any) -> None:
    """Writes where each pixel's centre came from, as a displacement in pixels; nothing is written outside of layers.

    Known are those whose source shows the same layer at rest. Where a turned surface folds over, there is no single
    source, and the displacement is not known either.
    """
    height, width = seen.shape
    for row in range(height):
        run = 0  # pixels of one layer side by side; they move alike
        last_x, last_y, step_x, step_y = 0.0, 0.0, 0.0, 0.0
        for column in range(width):
            layer = seen[row, column]
            run = run + 1 if column > 0 and layer == seen[row, column - 1] else 0
            if layer < 0:
                continue
            guess_x = 0.0 if run == 0 else last_x + (step_x if run > 1 else 0.0)
            guess_y = 0.0 if run == 0 else last_y + (step_y if run > 1 else 0.0)
            x, y, part, depth = column + 0.5, row + 0.5, int(layers[layer, 0]), layers[layer, 1]
            source_x, source_y, off = _source(x, y, guess_x, guess_y, part, depth, turns)
            step_x, step_y = source_x - x - last_x, source_y - y - last_y
            last_x, last_y = source_x - x, source_y - y
            flow[row, column, 0], flow[row, column, 1] = last_x, last_y
            at_x, at_y = math.floor(source_x), math.floor(source_y)
            if off < _EXACT and 0 <= at_x < width and 0 <= at_y < height:
                known[row, column] = seen_at_rest[at_y, at_x] == layer


@compiled
def _source(x: float, y: float, guess_x: float, guess_y: float, part: int, depth: float, turns: Any) -> Any:
    rest_x, rest_y, off = x + guess_x, y + guess_y, 0.0
    for _ in range(24):
        moved_x, moved_y = _moved(rest_x, rest_y, part, depth, turns)
        rest_x += x - moved_x
        rest_y += y - moved_y
        off = abs(x - moved_x) + abs(y - moved_y)
        if off < 2e-3:
            break
    return rest_x, rest_y, off


@compiled
def _moved(x: float, y: float, part: int, depth: float, turns: Any) -> Any:
    nod_cos, nod_sin, turn_cos, turn_sin, tilt_cos, tilt_sin, lean_cos, lean_sin, tilt, body_y, breathing = turns
    if part == _BODY:
        x, y = _turn_body(x, y, body_y), y - 1.9 * breathing * math.exp(-(((y - 235.0) / 70.0) ** 2))
    else:
        if part == _BACK_HAIR and y > 180.0:  # long hair stays behind on the shoulders
            follow = max((330.0 - y) / 150.0, 0.0)
            tilt_cos, tilt_sin = math.cos(tilt * follow), math.sin(tilt * follow)
        x, y = _turn_head(x, y, part, depth, nod_cos, nod_sin, turn_cos, turn_sin)
        x, y = _rotate(x, y, NECK[0], NECK[1], tilt_cos, tilt_sin)
        x, y = x + 2.1 * body_y, y - breathing
    return _rotate(x, y, WAIST[0], WAIST[1], lean_cos, lean_sin)


@compiled
def _turn_head(
    x: float, y: float, part: int, depth: float, nod_cos: float, nod_sin: float, turn_cos: float, turn_sin: float
) -> Any:
    x, y = x - HEAD_CENTER[0], y - HEAD_CENTER[1]
    if part == _BACK_HAIR:
        # At the crown the hair behind grows out of the hair in front and goes with it.
        depth += 40.0 * min(max((-30.0 - y) / 40.0, 0.0), 1.0)
    else:
        # The crown curves away, the jaw less.
        bulge = 1.0 - 0.9 * (x / 62.0) ** 2 - (0.95 if y < 0.0 else 0.5) * (y / 78.0) ** 2
        depth += 36.0 * math.sqrt(min(max(bulge, 0.02), 1.0))
    turned_x = turn_cos * x - turn_sin * depth
    depth = turn_sin * x + turn_cos * depth
    pivot = 42.0  # below the centre of the head: nodding turns about the jaw
    turned_y = nod_cos * (y - pivot) - nod_sin * depth + pivot
    return turned_x + HEAD_CENTER[0], turned_y + HEAD_CENTER[1]


@compiled
def _turn_body(x: float, y: float, body_y: float) -> float:
    """Shifts the front of the torso towards the side it turns to, not the arms and feet."""
    x -= 256.0
    shift = np.interp(y, _HEIGHTS, _SHIFTS) * math.exp(-((x / 80.0) ** 2))
    narrower = 1.0 - 0.012 * body_y**2 * min(max((460.0 - y) / 200.0, 0.0), 1.0)
    return 256.0 + x * narrower - body_y * shift


@compiled
def _rotate(x: float, y: float, center_x: float, center_y: float, cos: float, sin: float) -> Any:
    x, y = x - center_x, y - center_y
    return center_x + cos * x - sin * y, center_y + sin * x + cos * y
