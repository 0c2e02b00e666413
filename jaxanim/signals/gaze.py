"""Where eyes look: ARKit's eight `eyeLook...`, angles of each eye, rotations of eye joints, OpenFace's gaze angles.

Angles are degrees relative to the head, left eye first, for each the turn to the picture's right and the turn down,
both positive that way; left is the person's own. A blendshape of 1 is 30 degrees sideways or 25 up or down, as on the
open head.
"""

import numpy as np
import scipy.spatial.transform
from jaxtyping import Float

from jaxanim.core import checks
from jaxanim.signals import face_signal, head_angles

SIDEWAYS_DEGREES, UPRIGHT_DEGREES = 30.0, 25.0
_LARGEST = np.array([SIDEWAYS_DEGREES, UPRIGHT_DEGREES])
# For each eye: blendshapes that turn it to the picture's right, to its left, down, up.
_WAYS = (
    ("eyeLookOutLeft", "eyeLookInLeft", "eyeLookDownLeft", "eyeLookUpLeft"),
    ("eyeLookInRight", "eyeLookOutRight", "eyeLookDownRight", "eyeLookUpRight"),
)
_PLACES = np.array([[face_signal.INDEX[name] for name in ways] for ways in _WAYS]).reshape(2, 2, 2)
"""Left or right eye; sideways or upright; positive or negative."""


def degrees_of(expression: Float[np.ndarray, "*b 52"]) -> Float[np.ndarray, "*b 2 2"]:
    """Returns where the eyes look by blendshapes."""
    values = expression[..., _PLACES]
    return np.asarray((values[..., 0] - values[..., 1]) * _LARGEST)


def with_gaze(
    expression: Float[np.ndarray, "*b 52"], degrees: Float[np.ndarray, "*b 2 2"]
) -> Float[np.ndarray, "*b 52"]:
    """Returns coefficients whose eyes look another way; beyond what the blendshapes reach they stop there."""
    shares = np.clip(degrees / _LARGEST, -1.0, 1.0)
    result = np.array(expression, np.float64)
    result[..., _PLACES] = np.stack([np.maximum(shares, 0.0), np.maximum(-shares, 0.0)], axis=-1)
    return result


def without_gaze(expression: Float[np.ndarray, "*b 52"]) -> Float[np.ndarray, "*b 52"]:
    """Returns coefficients whose eyes look straight ahead, for models whose eyes turn by joints."""
    return with_gaze(expression, np.zeros((*expression.shape[:-1], 2, 2)))


def to_rotations(degrees: Float[np.ndarray, "*b 2 2"]) -> Float[np.ndarray, "*b 2 3"]:
    """Returns rotations of the joints 'left_eye' and 'right_eye', axis times angle in radians."""
    return head_angles.to_axis_angle(np.concatenate([degrees, np.zeros_like(degrees[..., :1])], axis=-1))


def from_rotations(rotations: Float[np.ndarray, "*b 2 3"]) -> Float[np.ndarray, "*b 2 2"]:
    """Returns where eyes look that joints turn; what turns about the line of sight is left out."""
    return head_angles.from_axis_angle(rotations)[..., :2]


def from_openface(
    radians: Float[np.ndarray, "*b 2"], head_degrees: Float[np.ndarray, "*b 3"]
) -> Float[np.ndarray, "*b 2 2"]:
    """Returns where both eyes look by OpenFace's `gaze_angle_x`, `gaze_angle_y`.

    Those are the mean of both eyes and relative to the camera's axes, not to the head: atan2(x, -z) and atan2(y, -z) in
    axes with x to the picture's right, y down and z away from the camera (its issues 263 and 769 and its wiki, 'Output
    Format'): positive to the picture's right, and down.
    """
    checks.check_same_leading_shape("gaze and head", radians.shape[:-1], head_degrees.shape[:-1])
    across, down = np.tan(np.clip(radians, -1.5, 1.5)).reshape(-1, 2).T
    sight = np.stack([across, -down, np.ones_like(across)], axis=-1)
    head = scipy.spatial.transform.Rotation.from_matrix(head_angles.to_matrix(head_degrees).reshape(-1, 3, 3))
    x, y, z = np.asarray(head.apply(sight, inverse=True)).T
    angles = np.degrees(np.stack([np.arctan2(x, z), np.arctan2(-y, np.hypot(x, z))], axis=-1))
    both = np.stack([angles, angles], axis=-2)
    return both.reshape(*radians.shape[:-1], 2, 2)
