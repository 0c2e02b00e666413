"""Joints, how much each moves each vertex, and weights of vertices that give the joints' places."""

import numpy as np

from data_pipelines.open_head import surface
from data_pipelines.open_head.fields import ramp
from data_pipelines.open_head.skin import Skin

NAMES = ("root", "neck", "jaw", "left_eye", "right_eye")
PARENTS = (-1, 0, 1, 1, 1)
JAW_PIVOT = np.array([0, -0.22, 0.02])
PLACES = np.array([[0, -1.72, -0.28], [0, -0.98, -0.22], JAW_PIVOT, surface.EYE_CENTRE, [-0.315, 0, 0.575]])
_MOUTH_HEIGHT = -0.735


def jaw_weights(skin: Skin) -> np.ndarray:
    """Returns how much the skin follows the jaw: 1 at the chin, 0 above the line between the lips."""
    x, y, z = np.abs(skin.vertices[:, 0]), skin.vertices[:, 1], skin.vertices[:, 2]
    below = _MOUTH_HEIGHT - y
    in_mouth = ramp(x, 0.37, 0.20)
    to_corner = 0.27 - x
    lower = 0.5 + 0.5 * ramp(to_corner, -0.04, 0.22)
    upper = 0.5 * (1 - ramp(to_corner, -0.02, 0.14)) * ramp(below, -0.22, 0)
    beside = ramp(below, -0.32, 0.16)
    weight = in_mouth * np.where(skin.lip < 0, lower, upper) + (1 - in_mouth) * beside
    turn = np.degrees(np.arctan2(x, z))
    above_neck = ramp(y, -1.30, -1.02)
    weight *= above_neck * ramp(turn, 105, 62) + (1 - above_neck) * ramp(turn, 60, 40) * ramp(z, 0.25, 0.55)
    return _inside_like_lips(skin, weight)


def _inside_like_lips(skin: Skin, weight: np.ndarray) -> np.ndarray:
    """The roof of the mouth follows the upper lip, its floor the lower one."""
    weight = weight.copy()
    upper, lower = skin.slits["mouth"]
    rows = len(skin.lining)
    for j, row in enumerate(skin.lining):
        weight[row] = weight[upper if j < rows // 2 else lower]
    return weight


def skinning_weights(vertices: np.ndarray, jaw: np.ndarray, eyes: dict[str, np.ndarray]) -> np.ndarray:
    """Returns (n, joints).

    Args:
      vertices: of the whole head.
      jaw: how much each follows the jaw.
      eyes: 'left_eye', 'right_eye' -> vertices of the eyeball.
    """
    head = ramp(vertices[:, 1] + 0.35 * np.minimum(vertices[:, 2] + 0.2, 0), -1.66, -0.92)
    zero = np.zeros(len(vertices))
    weights = np.stack([1 - head, head * (1 - jaw), head * jaw, zero, zero], axis=-1)
    for name, ball in eyes.items():
        weights[ball] = np.eye(len(NAMES))[NAMES.index(name)]
    return weights


def joint_regressor(
    vertices: np.ndarray, eyes: dict[str, np.ndarray], ears: np.ndarray, grid: np.ndarray
) -> np.ndarray:
    """Returns weights (joints, n) whose sums of the template's vertices are the joints.

    Args:
      vertices: the template.
      eyes: 'left_eye', 'right_eye' -> vertices of the eyeball.
      ears: vertices of both ears, between which the jaw turns.
      grid: the skin's vertices by row and column; the last rows are the neck.
    """
    near = {"root": grid[-3:].ravel(), "neck": grid[-9:-4].ravel(), "jaw": ears, **eyes}
    result = np.zeros((len(NAMES), len(vertices)))
    for joint, name in enumerate(NAMES):
        chosen = near[name]
        # The smallest weights that sum to 1 and give the place: these move with the vertices' mean.
        rows = np.concatenate([vertices[chosen].T, np.ones((1, len(chosen)))])
        result[joint, chosen] = np.linalg.lstsq(rows, np.append(PLACES[joint], 1.0), rcond=None)[0]
    return result


def turn_jaw(vertices: np.ndarray, weight: np.ndarray, rotation: np.ndarray, pivot: np.ndarray) -> np.ndarray:
    """Returns offsets of vertices that turn with the jaw by a rotation matrix."""
    from_pivot = vertices - pivot
    return weight[:, None] * (from_pivot @ rotation.T - from_pivot)


def rotation(axis: int, degrees: float) -> np.ndarray:
    """Returns the matrix that turns about a coordinate axis."""
    angle = np.radians(degrees)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[second, first], matrix[first, second] = np.sin(angle), -np.sin(angle)
    return matrix
