"""How well a head does what it was asked to: AKD, AED and APD, distances between faces that were found in pictures.

GDPW (section 4) names the three and gives no formula; other papers differ in norms, units and in who finds the faces.
What is measured here is defined here and not comparable to published tables. `face_reader` finds the faces.
"""

import numpy as np
from jaxtyping import Float

SIDE = 256
"""Of the picture whose pixels AKD counts, whatever the size of the pictures."""


def average_keypoint_distance(
    found: Float[np.ndarray, "n 68 2"], wanted: Float[np.ndarray, "n 68 2"], size: int
) -> Float[np.ndarray, " n"]:
    """Returns AKD: the mean distance of 68 landmarks, in pixels of pictures of 256x256.

    Siarohin et al. 2019, "First Order Motion Model", section 4: of landmarks that a detector finds in the result and in
    the truth. It needs a truth, the same person in the pose and expression wanted: others have other proportions.

    Args:
      found: in the results, in pixels of them.
      wanted: found in the truth.
      size: side of the pictures.
    """
    return np.linalg.norm(found - wanted, axis=-1).mean(axis=-1) * (SIDE / size)


def average_expression_distance(
    found: Float[np.ndarray, "n e"], wanted: Float[np.ndarray, "n e"]
) -> Float[np.ndarray, " n"]:
    """Returns AED: the mean absolute difference of coefficients of expression, as found in both pictures.

    After GDPW, section 4, which compares those of FLAME and of BFM; here they are the open head's 52, 0 to 1 each.
    """
    return np.abs(found - wanted).mean(axis=-1)


def average_pose_distance(found: Float[np.ndarray, "n 3"], wanted: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """Returns APD: the mean absolute difference of yaw, pitch and roll in degrees, as found in both pictures.

    After GDPW, section 4, which does not say the unit. Differences go the short way around.
    """
    return np.abs((found - wanted + 180.0) % 360.0 - 180.0).mean(axis=-1)
