"""From the head that was fitted to a photo, and what somebody else's does, to poses of the photo's head in its picture.

A row of a drive is what the head does in one frame: the expression in the order of `face_signal.EXPRESSIONS`, yaw,
pitch and roll in degrees, and identity (`ROW` numbers and as many as the photo's identity has). Who it is and where the
camera stands come from the photo: face size and place hold, whatever the driver's camera does. The driver's own
movement through the picture is left out.
"""

import dataclasses
import math

import flax.struct
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxanim.animate.paste import Place
from jaxanim.core import checks
from jaxanim.core.errors import InputError
from jaxanim.core.types import Array
from jaxanim.geometry import projected, rotations
from jaxanim.geometry.morphable import FaceParameters, MorphableModel
from jaxanim.signals import face_signal, head_angles
from jaxanim.signals.face_signal import FaceSignal
from jaxanim.signals.face_track import FaceTrack

EXPRESSION = slice(0, len(face_signal.EXPRESSIONS))
DEGREES = slice(EXPRESSION.stop, EXPRESSION.stop + 3)
ROW = DEGREES.stop
LIMITS = np.array([60.0, 40.0, 60.0])
"""Degrees of yaw, pitch and roll to either side, beyond which the mesh says nothing about a picture."""

_DEGREES_OF_ONE = 30.0  # a head turned so far is as unlike as an expression that differs by 1
# What a likeness counts more: a shut mouth taken for an open one could not open with the driver's any more.
_WEIGHTS = np.ones(len(face_signal.EXPRESSIONS))
_WEIGHTS[face_signal.INDEX["jawOpen"]] = 5.0
_WEIGHTS[[face_signal.INDEX["eyeBlinkLeft"], face_signal.INDEX["eyeBlinkRight"]]] = 2.0


@dataclasses.dataclass(frozen=True)
class Limited:
    """Rows within their limits.

    Attributes:
      rows: of a drive.
      turned_too_far: how many frames had an angle beyond `LIMITS`.
    """

    rows: Float[np.ndarray, "n d"]
    turned_too_far: int


@flax.struct.dataclass
class View:
    """How a photo's head is seen in the square that is animated.

    Attributes:
      camera: see `projected.camera_of`, of the square, whose pixels are its halves.
    """

    camera: Float[Array, "4"]


def source_row(source: FaceTrack) -> Float[np.ndarray, " d"]:
    """Returns what the head in the photo does itself.

    Raises:
      ValueError: the track is not of one picture.
    """
    if len(source.time) != 1:
        raise ValueError(f"the source is one picture, got a track of {len(source.time)}")
    parts = (source.expression[0], source.head_degrees[0], source.identity)
    return np.concatenate([np.asarray(part, np.float64) for part in parts])


def absolute(source: Float[np.ndarray, " d"], drive: FaceSignal) -> Float[np.ndarray, "n d"]:
    """Returns rows with the driver's expression and angles as they are, and the source's identity."""
    identity = np.broadcast_to(source[ROW:], (len(drive.time), len(source) - ROW))
    return np.concatenate([drive.expression, drive.head_degrees, identity], axis=1)


def relative(
    source: Float[np.ndarray, " d"], drive: FaceSignal, reference: int | None = None
) -> Float[np.ndarray, "n d"]:
    """Returns rows in which the source changes as the driver changes from one of its frames on.

    Expressions are added; the turn from the reference is applied to the source's head, in the axes of the picture. What
    a fit gets wrong about a face in all frames cancels.

    Args:
      source: from `source_row`.
      drive: the driver.
      reference: the frame that corresponds to the photo; None for the one most like it (`nearest`).
    """
    chosen = nearest(source, drive) if reference is None else reference
    return add(source, drive, drive.expression[chosen], drive.head_degrees[chosen])


def add(
    source: Float[np.ndarray, " d"],
    drive: FaceSignal,
    expression: Float[np.ndarray, "52"] | None = None,
    degrees: Float[np.ndarray, "3"] | None = None,
) -> Float[np.ndarray, "n d"]:
    """Returns rows in which a drive is added to the source, less a rest in which it adds nothing (0 by default)."""
    rest = np.zeros(len(face_signal.EXPRESSIONS)) if expression is None else expression
    upright = np.zeros(3) if degrees is None else degrees
    turns = head_angles.to_matrix(drive.head_degrees) @ head_angles.to_matrix(np.asarray(upright, np.float64)).T
    rows = np.tile(source, (len(drive.time), 1))
    rows[:, EXPRESSION] += drive.expression - rest
    rows[:, DEGREES] = head_angles.from_matrix(turns @ head_angles.to_matrix(source[DEGREES]))
    return rows


def nearest(source: Float[np.ndarray, " d"], drive: FaceSignal) -> int:
    """Returns the driver's frame that is most like the source in expression and angles; the first of equal ones.

    Jaw and lids count more than the rest: what is taken for rest there is all that a mouth or an eye can open or shut.
    """
    expression = ((_WEIGHTS * (drive.expression - source[EXPRESSION])) ** 2).sum(axis=1)
    degrees = (((drive.head_degrees - source[DEGREES]) / _DEGREES_OF_ONE) ** 2).sum(axis=1)
    return int(np.argmin(expression + degrees))


def limit(rows: Float[np.ndarray, "n d"]) -> Limited:
    """Brings expressions into [0, 1] and angles within `LIMITS`."""
    result = rows.copy()
    result[:, EXPRESSION] = np.clip(rows[:, EXPRESSION], 0.0, 1.0)
    result[:, DEGREES] = np.clip(rows[:, DEGREES], -LIMITS, LIMITS)
    too_far = (np.abs(rows[:, DEGREES]) > LIMITS + 1e-6).any(axis=1)
    return Limited(result.astype(np.float32), int(too_far.sum()))


def view(source: FaceTrack, place: Place) -> View:
    """Returns the view of what a system sees of a photo: the part that moves, and what was added to its edges.

    Raises:
      InputError: pixels of the small picture are not square.
    """
    rows, columns = (math.prod(step[axis] for step in place.residuals.steps) for axis in (0, 1))
    height, width = (n * factor for n, factor in zip(place.residuals.small.shape[:2], (rows, columns), strict=True))
    if rows != columns or height != width:
        raise InputError(f"a head is animated in a square, got {width}x{height}")
    top, left = place.residuals.corner
    focal, x, y, distance = np.asarray(source.camera[0], np.float64)
    corner_x, corner_y, half = place.box.x - left, place.box.y - top, width / 2
    return View(jnp.asarray([focal / half, (x - corner_x) / half, (y - corner_y) / half, distance], jnp.float32))


def vertices_ndc(model: MorphableModel, seen: View, rows: Float[Array, "n d"]) -> Float[Array, "n v 3"]:
    """Returns the head of each row in the square: what systems of `core.system.PosedImage` take.

    Args:
      model: the open head.
      seen: the view.
      rows: of a drive.

    Raises:
      ValueError: rows are too short or too long for the model.
    """
    count = model.identity_basis.shape[-1]
    if not ROW <= rows.shape[-1] <= ROW + count:
        raise ValueError(f"rows must have {ROW} numbers and up to {count} of identity, got {rows.shape[-1]}")
    checks.check_trailing_shape("expression_basis", model.expression_basis, (EXPRESSION.stop,))
    neck = model.joint_names.index("neck")
    turns = (
        jnp.zeros((rows.shape[0], len(model.parents), 3))
        .at[:, neck]
        .set(rotations.matrix_to_axis_angle(rotations.euler_to_matrix(jnp.deg2rad(rows[:, DEGREES]), order="YXZ")))
    )
    parameters = FaceParameters(rows[:, ROW:], rows[:, EXPRESSION], turns)
    camera = jnp.broadcast_to(seen.camera, (rows.shape[0], 4))
    return projected.vertices_ndc(model, parameters, camera, size=2)
