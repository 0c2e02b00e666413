"""A posed head as a picture's mesh: what `PosedImage` holds and systems that a mesh drives are driven by.

x and y are in [-1, 1] across a square picture, y down. The depth is in the same unit at the distance of the world's
origin, which is 0; larger is farther.
"""

import jax
import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.types import Array, Float
from jaxanim.geometry import cameras, morphable
from jaxanim.geometry.cameras import PerspectiveCamera
from jaxanim.geometry.morphable import FaceParameters, MorphableModel


def camera_of(numbers: Float[Array, "*b 4"]) -> PerspectiveCamera:
    """Returns the camera of four numbers, as fits and drawn datasets have them.

    Args:
      numbers: focal length, centre x and y in pixels, distance in metres, of a camera on the z axis that looks along
        -z.
    """
    checks.check_trailing_shape("camera", numbers, (4,))
    back = jnp.zeros_like(numbers[..., :3]).at[..., 2].set(-numbers[..., 3])
    upright = jnp.broadcast_to(jnp.eye(3, dtype=numbers.dtype), (*numbers.shape[:-1], 3, 3))
    return PerspectiveCamera(upright, back, focal_px=numbers[..., 0], center_px=numbers[..., 1:3])


def vertices_ndc(
    model: MorphableModel, face: FaceParameters, camera: Float[Array, "*b 4"], *, size: int
) -> Float[Array, "*b v 3"]:
    """Returns the mesh of a face in a picture.

    Args:
      model: whose mesh.
      face: what it is driven by.
      camera: see `camera_of`.
      size: side of the picture in pixels.

    Raises:
      ValueError: see `morphable.pose`.
    """
    vertices = morphable.pose(model, face).vertices
    with jax.default_matmul_precision("highest"):  # a pixel is lost otherwise on devices that round to bfloat16
        seen = cameras.project_perspective(camera_of(camera), vertices)
    focal, distance = camera[..., 0, None], camera[..., 3, None]
    depth = (seen.depth - distance) * focal / (distance * (size / 2))
    return jnp.concatenate([seen.pixels / (size / 2) - 1.0, depth[..., None]], axis=-1)
