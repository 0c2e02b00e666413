"""Where a head is and how it is turned, in closed form, from landmarks: the start of a fit.

The affine map from the mean face to the picture that fits best, made a rotation and a scale (scaled orthography).
Good to some degrees; finds any turn, as it does not search.
"""

import jax
import jax.numpy as jnp

from jaxanim.core.types import Array, Float
from jaxanim.tracking import landmark_model
from jaxanim.tracking.landmark_model import LandmarkModel


def start_pose(
    model: LandmarkModel,
    identity: Float[Array, " i"],
    expression: Float[Array, " e"],
    points: Float[Array, "l 2"],
    weights: Float[Array, " l"],
) -> tuple[Float[Array, "3 3"], Float[Array, " 2"], Float[Array, ""]]:
    """Returns rotation, centre and scale (units of the picture per metre) of one face.

    Args:
      model: whose landmarks.
      identity: coefficients.
      expression: coefficients.
      points: landmarks, y down.
      weights: of the points.
    """
    upright = jnp.eye(3, dtype=points.dtype)
    rest = landmark_model.place(model, identity, expression, upright)
    share = weights / weights.sum()
    model_middle, middle = share @ rest, share @ points
    away = rest - jnp.broadcast_to(model_middle, rest.shape)
    seen = (points - jnp.broadcast_to(middle, points.shape)) * jnp.broadcast_to(jnp.asarray([1.0, -1.0]), points.shape)
    spread = away.T @ (share[:, None] * away)
    # Points in one plane leave the map along the plane's normal open: 0 then.
    spread = spread + 1e-4 * jnp.trace(spread) * upright
    affine = jnp.linalg.solve(spread, away.T @ (share[:, None] * seen)).T
    left, sizes, right = jnp.linalg.svd(affine, full_matrices=False)
    rows = left @ right
    rotation = jnp.concatenate([rows, jnp.cross(rows[0], rows[1])[None]])
    scale = sizes.mean()
    turned = share @ landmark_model.place(model, identity, expression, rotation)
    return rotation, middle - scale * turned[:2] * jnp.asarray([1.0, -1.0]), scale


start_poses = jax.vmap(start_pose, in_axes=(None, None, None, 0, 0))
