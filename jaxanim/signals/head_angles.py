"""Head angles of every system: yaw, pitch and roll in degrees (`face_signal`) from and to what others write.

All are rotations of one head, told in other axes, orders or signs; whatever goes through here keeps the rotation, not
the numbers. Functions take any leading axes. Angles come back with the pitch in [-90, 90] degrees.
"""

import numpy as np
import scipy.spatial.transform
from jaxtyping import Float

Rotation = scipy.spatial.transform.Rotation

_ORDER = "YXZ"
# OpenFace's axes, x right, y down and z away from the camera, against ours: a half turn about x.
_OPENFACE_SIGNS = np.array([1.0, -1.0, -1.0])


def to_matrix(degrees: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b 3 3"]:
    """Returns rotation matrices, which multiply columns."""
    return np.asarray(_from_degrees(degrees).as_matrix()).reshape(*degrees.shape[:-1], 3, 3)


def from_matrix(matrix: Float[np.ndarray, "*b 3 3"]) -> Float[np.ndarray, "*b 3"]:
    """Returns the angles of rotation matrices."""
    return _to_degrees(Rotation.from_matrix(matrix.reshape(-1, 3, 3)), matrix.shape[:-2])


def to_axis_angle(degrees: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b 3"]:
    """Returns axis times angle in radians, as joints of face models have it."""
    return np.asarray(_from_degrees(degrees).as_rotvec()).reshape(degrees.shape)


def from_axis_angle(rotation: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b 3"]:
    """Returns the angles of axis times angle in radians."""
    return _to_degrees(Rotation.from_rotvec(rotation.reshape(-1, 3)), rotation.shape[:-1])


def from_openface(radians: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b 3"]:
    """Returns the angles of OpenFace's `pose_Rx`, `pose_Ry`, `pose_Rz`.

    Its rotation is Rx Ry Rz in axes with x to the picture's right, y down and z away from the camera (its wiki, 'Output
    Format', and Utilities/RotationHelpers.h): pose_Rx is positive down (issue 966 there), pose_Ry is positive towards
    the picture's left, the person's right (the same), pose_Rz is positive where the top of the head tips to the
    picture's right. Files that it wrote agree: with pose_Ry and pose_Rz positive, the side of the face at the picture's
    right (X_16, Z_16) is nearer and lower than the other (X_0, Z_0).
    """
    turns = Rotation.from_euler("XYZ", (radians * _OPENFACE_SIGNS).reshape(-1, 3))
    return _to_degrees(turns, radians.shape[:-1])


def to_openface(degrees: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b 3"]:
    """Returns `pose_Rx`, `pose_Ry`, `pose_Rz` in radians, see `from_openface`."""
    radians = np.asarray(_from_degrees(degrees).as_euler("XYZ")).reshape(degrees.shape)
    return np.asarray(radians * _OPENFACE_SIGNS)


def from_3ddfa(radians: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b 3"]:
    """Returns the angles of 3DDFA's pitch, yaw and roll, with which 300W-LP and BFM regressors pose the Basel model.

    Its rotation is Rx Ry Rz of matrices that are the transposed of the usual ones (face3d's `angle2matrix_3ddfa`), in
    our axes; so its angles are positive where the face looks up, turns to the picture's left, and tips to the
    picture's right.
    """
    return _to_degrees(Rotation.from_euler("XYZ", -radians.reshape(-1, 3)), radians.shape[:-1])


def to_3ddfa(degrees: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b 3"]:
    """Returns 3DDFA's pitch, yaw and roll in radians, see `from_3ddfa`."""
    return -np.asarray(_from_degrees(degrees).as_euler("XYZ")).reshape(degrees.shape)


def from_mediapipe(matrix: Float[np.ndarray, "*b 4 4"]) -> Float[np.ndarray, "*b 3"]:
    """Returns the angles of MediaPipe's facial transformation matrices, from its canonical face to its camera.

    Both have x to the right, y up and z towards the viewer, as ours; matrices multiply columns. A scale is divided out.

    Raises:
      ValueError: a matrix does not rotate: it has no inverse, or mirrors.
    """
    turned = np.asarray(matrix, np.float64)[..., :3, :3].reshape(-1, 3, 3)
    volume = np.linalg.det(turned)
    if not (np.isfinite(volume).all() and (volume > 1e-12).all()):
        raise ValueError("a facial transformation matrix is no rotation: its determinant is not positive")
    scaled = turned / np.cbrt(volume)[:, None, None]
    if np.abs(scaled @ np.swapaxes(scaled, -1, -2) - np.eye(3)).max() > 0.05:
        raise ValueError("a facial transformation matrix is no rotation: its axes are not at right angles")
    return _to_degrees(Rotation.from_matrix(scaled), matrix.shape[:-2])


def _from_degrees(degrees: Float[np.ndarray, "*b 3"]) -> scipy.spatial.transform.Rotation:
    return Rotation.from_euler(_ORDER, degrees.reshape(-1, 3), degrees=True)


def _to_degrees(turns: scipy.spatial.transform.Rotation, leading: tuple[int, ...]) -> Float[np.ndarray, "*b 3"]:
    return np.asarray(turns.as_euler(_ORDER, degrees=True)).reshape(*leading, 3)
