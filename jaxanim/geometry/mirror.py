"""The mirror image of a picture, of landmarks, blendshapes and a mesh in it: left and right change places.

68 points are those of iBUG 300-W, 98 those of WFLW, numbered from 0.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy import spatial

_IBUG_68 = (
    *((point, 16 - point) for point in range(8)),  # jaw
    *((point, 43 - point) for point in range(17, 22)),  # brows
    *((31, 35), (32, 34)),  # nostrils
    *((36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)),  # eyes
    *((48, 54), (49, 53), (50, 52), (55, 59), (56, 58)),  # outer lips
    *((60, 64), (61, 63), (65, 67)),  # inner lips
)
_WFLW_98 = (
    *((point, 32 - point) for point in range(16)),  # jaw
    *((point, 79 - point) for point in range(33, 38)),  # brows, upper edge
    *((point, 88 - point) for point in range(38, 42)),  # brows, lower edge
    *((55, 59), (56, 58)),  # nostrils
    *((60, 72), (61, 71), (62, 70), (63, 69), (64, 68), (65, 75), (66, 74), (67, 73)),  # eyes
    *((76, 82), (77, 81), (78, 80), (83, 87), (84, 86)),  # outer lips
    *((88, 92), (89, 91), (93, 95)),  # inner lips
    (96, 97),  # pupils
)
_PAIRS = {68: _IBUG_68, 98: _WFLW_98}


def mirrored_order(count: int) -> Int[np.ndarray, " k"]:
    """Returns, for each landmark of the mirrored face, which landmark of the face it was.

    Args:
      count: 68 (iBUG) or 98 (WFLW).
    """
    if count not in _PAIRS:
        raise ValueError(f"landmarks come in sets of {sorted(_PAIRS)}, got {count}")
    order = np.arange(count)
    for left, right in _PAIRS[count]:
        order[left], order[right] = right, left
    return order


def mirror_points(points: Float[np.ndarray, "k 2"], width: int) -> Float[np.ndarray, "k 2"]:
    """Mirrors landmarks in pixels from the picture's upper left corner, and renumbers them."""
    mirrored = points[mirrored_order(len(points))]
    return np.stack([np.asarray(width, points.dtype) - mirrored[:, 0], mirrored[:, 1]], axis=1)


def mirrored_names(names: Sequence[str]) -> Int[np.ndarray, " n"]:
    """Returns, for each blendshape of the mirrored face, which blendshape of the face it was.

    Args:
      names: ARKit's, which end in Left and Right where there is one for each side.

    Raises:
      ValueError: one of them lacks the other side.
    """
    sides = {"Left": "Right", "Right": "Left"}
    partners = [
        next((name[: -len(side)] + sides[side] for side in sides if name.endswith(side)), name) for name in names
    ]
    if missing := sorted(set(partners) - set(names)):
        raise ValueError(f"a mirrored face needs {missing[0]}; there are {', '.join(names)}")
    return np.array([list(names).index(partner) for partner in partners])


def mirrored_vertices(template: Float[np.ndarray, "v 3"], *, tolerance: float = 1e-4) -> Int[np.ndarray, " v"]:
    """Returns, for each vertex of the mirrored mesh, which vertex of the mesh it was.

    Args:
      template: the mesh at rest, symmetric at x = 0, such as FLAME's.
      tolerance: how far from its mirror image a vertex may lie, in sides of the box around the mesh.

    Raises:
      ValueError: some vertex has no partner, or two have the same.
    """
    there = template * np.array([-1, 1, 1], template.dtype)
    distance, order = spatial.cKDTree(template).query(there)
    allowed = tolerance * float(np.ptp(template, axis=0).max())
    if distance.max() > allowed:
        raise ValueError(
            f"vertex {int(distance.argmax())} lies {distance.max():g} from any other's mirror image, {allowed:g} is "
            "allowed: the mesh is not symmetric at x = 0"
        )
    if (order[order] != np.arange(len(template))).any():
        vertex = int((order[order] != np.arange(len(template))).argmax())
        raise ValueError(f"vertex {vertex} is not the partner of its partner {int(order[vertex])}")
    return order.astype(np.int64)


def mirror_mesh(vertices_ndc: Float[np.ndarray, "v 3"], order: Int[np.ndarray, " v"]) -> Float[np.ndarray, "v 3"]:
    """Mirrors projected vertices whose x goes from -1 to 1, and renumbers them by `mirrored_vertices`."""
    return vertices_ndc[order] * np.array([-1, 1, 1], vertices_ndc.dtype)
