"""Cameras: from points in the world to pixels of a picture.

World: metres, x to the picture's right, y up, z towards the camera. Pixels: x right, y down; (0, 0) is the upper left
corner of the picture, so the first pixel's centre is (0.5, 0.5). Depth grows away from the camera. Leading axes of a
camera and of points must agree.
"""

import flax.struct
import jax.numpy as jnp

from jaxanim.core.types import Array, Bool, Float


@flax.struct.dataclass
class WeakPerspectiveCamera:
    """Scaled orthographic, as in DECA, whose camera vector is (scale, shift x, shift y).

    Attributes:
      scale: half widths of the picture per metre.
      shift: metres that points are moved by before scaling, x right and y up.
    """

    scale: Float[Array, "*b"]
    shift: Float[Array, "*b 2"]


@flax.struct.dataclass
class PerspectiveCamera:
    """A pinhole. Before projection, points are turned and moved into its own frame, where it looks along -z from 0.

    Attributes:
      rotation: from the world's axes to the camera's.
      translation: added after turning; a camera on the z axis at a distance of d has (0, 0, -d).
      focal_px: focal length in pixels.
      center_px: pixel that the camera's axis meets.
    """

    rotation: Float[Array, "*b 3 3"]
    translation: Float[Array, "*b 3"]
    focal_px: Float[Array, "*b"]
    center_px: Float[Array, "*b 2"]


@flax.struct.dataclass
class ProjectedPoints:
    """Where points are in a picture.

    Attributes:
      pixels: (x, y).
      depth: metres, larger is farther; the zero is the camera, or the world's origin where a camera has no place.
      in_front: whether the camera can see that way; see `project_perspective`.
    """

    pixels: Float[Array, "*b n 2"]
    depth: Float[Array, "*b n"]
    in_front: Bool[Array, "*b n"]


def from_deca(camera: Float[Array, "*b 3"]) -> WeakPerspectiveCamera:
    """Returns the camera of DECA's vector (scale, tx, ty)."""
    return WeakPerspectiveCamera(scale=camera[..., 0], shift=camera[..., 1:])


def project_weak_perspective(
    camera: WeakPerspectiveCamera, points: Float[Array, "*b n 3"], *, height: int, width: int
) -> ProjectedPoints:
    """Projects points onto a picture; depth is in metres of the world, and every point is in front.

    The unit of `camera.scale` is half of the width in both directions; the origin is the picture's centre.
    """
    moved = (points[..., :2] + camera.shift[..., None, :]) * camera.scale[..., None, None]
    half = width / 2
    pixels = jnp.stack([half + half * moved[..., 0], height / 2 - half * moved[..., 1]], axis=-1)
    return ProjectedPoints(pixels, -points[..., 2], jnp.ones(points.shape[:-1], bool))


def project_perspective(
    camera: PerspectiveCamera, points: Float[Array, "*b n 3"], *, near: float = 1e-3
) -> ProjectedPoints:
    """Projects points onto a picture.

    Points nearer than `near` metres or behind the camera have `in_front` False. Their pixels are those of the same
    point moved to the distance `near`: finite, on the side that the point is on, and without a gradient to its depth.
    `depth` is the true one, negative behind the camera.
    """
    local = points @ jnp.swapaxes(camera.rotation, -1, -2) + camera.translation[..., None, :]
    depth = -local[..., 2]
    in_front = depth >= near
    divisor = jnp.where(in_front, depth, near)[..., None]
    slope = jnp.stack([local[..., 0], -local[..., 1]], axis=-1) / divisor
    pixels = camera.focal_px[..., None, None] * slope + camera.center_px[..., None, :]
    return ProjectedPoints(pixels, depth, in_front)
