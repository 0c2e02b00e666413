"""Linear blend skinning: vertices follow the joints that move them."""

import jax.numpy as jnp

from jaxanim.core.types import Array, Float
from jaxanim.geometry import rotations as rotation


def skin(
    rest: Float[Array, "*b v 3"],
    joint_regressor: Float[Array, "j v"],
    weights: Float[Array, "v j"],
    pose_basis: Float[Array, "v 3 p"],
    parents: tuple[int, ...],
    rotations: Float[Array, "*b j 3"],
) -> tuple[Float[Array, "*b v 3"], Float[Array, "*b j 3"]]:
    """Turns a surface at rest around its joints.

    Args:
      rest: vertices before posing.
      joint_regressor: joints as weighted sums of vertices at rest.
      weights: how much each joint moves each vertex.
      pose_basis: offsets by the entries of all rotation matrices but the root's, minus the identity; may be empty.
      parents: each joint's parent, -1 for the first.
      rotations: axis times angle of each joint, relative to its parent.

    Returns:
      Posed vertices and posed joints.
    """
    joints = joint_regressor @ rest
    matrices = rotation.axis_angle_to_matrix(rotations)
    if pose_basis.shape[-1]:
        moving = matrices[..., 1:, :, :]
        bends = moving - jnp.broadcast_to(jnp.eye(3, dtype=moving.dtype), moving.shape)
        bends = bends.reshape(*rotations.shape[:-2], -1)
        flat = pose_basis.reshape(-1, pose_basis.shape[-1])
        rest = rest + (bends @ flat.T).reshape(*bends.shape[:-1], *pose_basis.shape[:2])
    turns, places = _along_the_chain(matrices, joints, parents)
    # A joint moves a vertex by its turn about its own place at rest.
    shifts = places - (turns @ joints[..., None])[..., 0]
    blended = jnp.einsum("vj,...jkl->...vkl", weights, turns)
    return (blended @ rest[..., None])[..., 0] + weights @ shifts, places


def _along_the_chain(
    matrices: Float[Array, "*b j 3 3"], joints: Float[Array, "*b j 3"], parents: tuple[int, ...]
) -> tuple[Float[Array, "*b j 3 3"], Float[Array, "*b j 3"]]:
    """Returns every joint's rotation and place in the world."""
    turns, places = [matrices[..., 0, :, :]], [joints[..., 0, :]]
    for joint, parent in enumerate(parents[1:], start=1):
        bone = joints[..., joint, :] - joints[..., parent, :]
        turns.append(turns[parent] @ matrices[..., joint, :, :])
        places.append(places[parent] + (turns[parent] @ bone[..., None])[..., 0])
    return jnp.stack(turns, axis=-3), jnp.stack(places, axis=-2)
