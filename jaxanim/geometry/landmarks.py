"""Landmarks of posed surfaces: points that stay on their triangle, and a contour that follows the head's turn.

The 17 points of the jaw line in the 68-point scheme mark the outline that is seen, which lies on other parts of the
face when the head turns. Tables name the triangles by degree of yaw (FLAME's released code): 79 rows, first 0 to 39
degrees, then -1 to -39.
"""

from typing import Literal

import flax.struct
import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.types import Array, Float, Int
from jaxanim.geometry import morphable, rotations
from jaxanim.geometry.morphable import LandmarkEmbedding

MAX_YAW_DEGREES = 39
CONTOUR_ROWS = 2 * MAX_YAW_DEGREES + 1

YawRule = Literal["deca", "flame_pytorch"]


@flax.struct.dataclass
class Contour:
    """A contour for each degree of yaw.

    Attributes:
      face: triangle of each point, by row.
      barycentric: weights of its corners.
      rule: whose sign of yaw the rows are ordered by. 'deca': row 1 is for a turn of 1 degree that moves the nose to
        the picture's right (the sign of DECA's own code, and the one that suits its table). 'flame_pytorch': for the
        turn to the other side (FLAME_PyTorch and smplx, for RingNet's table).
    """

    face: Int[Array, "79 c"]
    barycentric: Float[Array, "79 c 3"]
    rule: YawRule = flax.struct.field(pytree_node=False)


@flax.struct.dataclass
class FaceLandmarks:
    """The 68 points of a model.

    Attributes:
      static: the 51 points of the inner face.
      contour: the 17 points of the outline, which come first in the 68.
    """

    static: LandmarkEmbedding
    contour: Contour


def contour_row(head_rotation: Float[Array, "*b 3 3"], *, rule: YawRule) -> Int[Array, "*b"]:
    """Returns the row of a contour table for a head's rotation in the world (for FLAME: root times neck).

    Yaw is rounded to degrees (half to even) and clamped to 39 at one end; beyond -39 the last row is taken.
    """
    checks.check_option("rule", rule, ("deca", "flame_pytorch"))
    across = jnp.hypot(head_rotation[..., 0, 0], head_rotation[..., 1, 0])
    yaw = jnp.rad2deg(jnp.arctan2(-head_rotation[..., 2, 0], across))
    if rule == "flame_pytorch":
        yaw = -yaw
    degrees = jnp.round(jnp.minimum(yaw, float(MAX_YAW_DEGREES))).astype(jnp.int32)
    negative = jnp.where(degrees < -MAX_YAW_DEGREES, CONTOUR_ROWS - 1, MAX_YAW_DEGREES - degrees)
    return jnp.where(degrees < 0, negative, degrees)


def head_rotation(joint_rotations: Float[Array, "*b j 3"], *, chain: tuple[int, ...]) -> Float[Array, "*b 3 3"]:
    """Returns the product of the rotations of joints from the root to the head: (0, 1) for FLAME and the open head.

    Raises:
      ValueError: there is no such joint.
    """
    if not chain or min(chain) < 0 or max(chain) >= joint_rotations.shape[-2]:
        raise ValueError(f"chain must name some of the {joint_rotations.shape[-2]} joints, got {chain}")
    matrix = rotations.axis_angle_to_matrix(joint_rotations[..., chain[0], :])
    for joint in chain[1:]:
        matrix = matrix @ rotations.axis_angle_to_matrix(joint_rotations[..., joint, :])
    return matrix


def embed_face(
    vertices: Float[Array, "*b v 3"], faces: Int[Array, "f 3"], at: FaceLandmarks, rows: Int[Array, "*b"]
) -> Float[Array, "*b k 3"]:
    """Returns the contour of the given rows of its table, then the static points: the 68 in their usual order."""
    corners = faces[at.contour.face[rows]]  # (*b, c, 3)
    flat = corners.reshape(*rows.shape, -1)
    points = jnp.take_along_axis(vertices, flat[..., None], axis=-2).reshape(*corners.shape, 3)
    contour = (points * at.contour.barycentric[rows][..., None]).sum(axis=-2)
    return jnp.concatenate([contour, morphable.embed(vertices, faces, at.static)], axis=-2)
