"""Gestures of the open head, and where they move it in a picture taken from the front."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.geometry import cameras, morphable, open_head
from jaxanim.signals import convert, face_signal

FOCAL, CENTRE, DISTANCE = 2000.0, 500.0, 1.5

# Expression and head angles (yaw, pitch, roll); left is the person's own.
GESTURES = {
    "rest": ({}, (0, 0, 0)),
    "look left": ({"eyeLookOutLeft": 0.6, "eyeLookInRight": 0.6}, (0, 0, 0)),
    "look right": ({"eyeLookInLeft": 0.6, "eyeLookOutRight": 0.6}, (0, 0, 0)),
    "look down": ({"eyeLookDownLeft": 0.6, "eyeLookDownRight": 0.6}, (0, 0, 0)),
    "turn left": ({}, (20, 0, 0)),
    "nod": ({}, (0, 15, 0)),
    "tilt right": ({}, (0, 0, 12)),  # the top of the head goes to the person's right
    "smile left": ({"mouthSmileLeft": 1.0}, (0, 0, 0)),
    "wink left": ({"eyeBlinkLeft": 1.0}, (0, 0, 0)),
    "jaw left": ({"jawLeft": 1.0, "jawOpen": 0.3}, (0, 0, 0)),
}
LEFT_EYE, RIGHT_EYE = slice(42, 48), slice(36, 42)  # of the 68 points
NOSE_TIP, CHIN, LEFT_CORNER, RIGHT_CORNER = 30, 8, 54, 48
EARS = [0, 16]


@functools.cache
def head() -> morphable.MorphableModel:
    """The open head."""
    return open_head.load_open_head()


def row(gesture: str) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients and angles of a gesture."""
    values, degrees = GESTURES[gesture]
    return face_signal.row_of(values), np.array(degrees, np.float64)


@functools.cache
def points_at_rest() -> tuple[np.ndarray, np.ndarray]:
    """Vertices that the 68 points are nearest to, and the foremost of the left and of the right eyeball."""
    parts, template = open_head.load_parts(), np.asarray(head().template)
    at = head().landmarks[68]
    corners = np.asarray(head().faces)[np.asarray(at.face)]
    nearest = np.take_along_axis(corners, np.asarray(at.barycentric).argmax(axis=1)[:, None], axis=1)[:, 0]
    pupils = []
    for side in ("left", "right"):
        start, stop = next(span for name, span in parts.items() if side in name and "eye" in name)
        pupils.append(start + int(template[start:stop, 2].argmax()))
    return nearest, np.array(pupils)


@functools.cache
def reduced() -> morphable.MorphableModel:
    """The head with these vertices only, which is quick to pose; its joints stay where they are."""
    model, chosen = head(), np.concatenate(points_at_rest())
    joints = np.asarray(model.joint_regressor) @ np.asarray(model.template)
    # Joints as vertices of their own, which no expression moves.
    template = np.concatenate([np.asarray(model.template)[chosen], joints])
    count = len(joints)
    still = np.zeros((count, 3, len(model.expression_names)))
    return model.replace(
        template=jnp.asarray(template, "float32"),
        identity_basis=jnp.zeros((len(template), 3, 0)),
        identity_sigmas=jnp.zeros(0),
        expression_basis=jnp.asarray(np.concatenate([np.asarray(model.expression_basis)[chosen], still]), "float32"),
        pose_basis=jnp.zeros((len(template), 3, 0)),
        joint_regressor=jnp.asarray(np.eye(count, len(template), len(chosen)), "float32"),
        skinning_weights=jnp.asarray(
            np.concatenate([np.asarray(model.skinning_weights)[chosen], np.eye(count)]), "float32"
        ),
    )


def in_picture(signal: convert.JointSignal) -> tuple[np.ndarray, np.ndarray]:
    """The 68 points and both pupils, left first, in pixels of the picture; the signal has one leading axis."""
    pixels = np.asarray(_project(reduced(), *(np.asarray(a, "float32") for a in (signal.expression, signal.rotations))))
    return pixels[..., :68, :], pixels[..., 68:, :]


@jax.jit
def _project(model, expression, rotations):
    batch = rotations.shape[:-2]
    surface = morphable.pose(model, morphable.FaceParameters(jnp.zeros((*batch, 0)), expression, rotations))
    camera = cameras.PerspectiveCamera(
        rotation=jnp.broadcast_to(jnp.eye(3), (*batch, 3, 3)),
        translation=jnp.broadcast_to(jnp.array([0.0, 0.0, -DISTANCE]), (*batch, 3)),
        focal_px=jnp.full(batch, FOCAL),
        center_px=jnp.full((*batch, 2), CENTRE),
    )
    return cameras.project_perspective(camera, surface.vertices[..., :70, :]).pixels
