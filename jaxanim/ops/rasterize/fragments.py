"""What a pixel sees, as functions of the vertices that can be differentiated, given the number of the face.

The search for the nearest face has no gradient: numbers of faces are piecewise constant. Barycentric coordinates and
depth are computed from the vertices once more, outside of it.
"""

import flax.struct
import jax.numpy as jnp

from jaxanim.core.types import Array, Float, Int
from jaxanim.ops.rasterize import coverage


@flax.struct.dataclass
class Fragments:
    """What each pixel sees.

    Attributes:
      face: number of the nearest face, -1 in the background.
      barycentric: weights of its three corners, which sum to 1; 0 in the background.
      depth: z at the centre of the pixel; 0 in the background.
    """

    face: Int[Array, "*b h w"]
    barycentric: Float[Array, "*b h w 3"]
    depth: Float[Array, "*b h w"]


def from_faces(vertices: Float[Array, "v 3"], faces: Int[Array, "f 3"], face: Int[Array, "h w"]) -> Fragments:
    """Returns the fragments of one mesh whose visible faces are known, differentiable by its vertices."""
    covered = face >= 0
    corners = vertices[faces[jnp.maximum(face, 0)]]
    # The background gets a triangle of its own, lest a degenerate one divide by zero in the gradient.
    harmless = jnp.asarray([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)], vertices.dtype)
    corners = jnp.where(covered[..., None, None], corners, harmless[None, None])
    x, y = pixel_centres(*face.shape)
    edges = coverage.edge_functions(corners, x, y)
    total = (edges[0] + edges[1]) + edges[2]
    barycentric = jnp.stack(edges, axis=-1) / total[..., None]
    return Fragments(
        face=face,
        barycentric=jnp.where(covered[..., None], barycentric, 0.0),
        depth=jnp.where(covered, coverage.depth_at(corners, edges), 0.0),
    )


def pixel_centres(height: int, width: int) -> tuple[Float[Array, "h w"], Float[Array, "h w"]]:
    """Returns x and y of the pixels' centres."""
    x, y = jnp.arange(width, dtype=jnp.float32) + 0.5, jnp.arange(height, dtype=jnp.float32) + 0.5
    return jnp.broadcast_to(x[None, :], (height, width)), jnp.broadcast_to(y[:, None], (height, width))


def interpolate(
    attributes: Float[Array, "*a v d"], faces: Int[Array, "f 3"], fragments: Fragments
) -> Float[Array, "*b h w d"]:
    """Paints attributes of vertices, interpolated linearly on each face; 0 in the background.

    Args:
      attributes: one row per vertex; the batch axes are those of the fragments, or none for all alike.
      faces: triangles that the fragments were made from.
      fragments: what `rasterize` returned.
    """
    batch = fragments.face.shape[:-2]
    if attributes.shape[:-2] not in (batch, ()):
        raise ValueError(f"attributes must have the batch axes {batch} or none, got shape {attributes.shape}")
    attributes = jnp.broadcast_to(attributes, (*batch, *attributes.shape[-2:]))
    corners = faces[jnp.maximum(fragments.face, 0)]
    weights = fragments.barycentric.astype(attributes.dtype)
    painted = jnp.zeros((*corners.shape[:-1], attributes.shape[-1]), attributes.dtype)
    for corner in range(3):  # one by one: a sum over an axis of 3 takes XLA several times as long on CPUs
        flat = corners[..., corner].reshape(*batch, -1, 1)
        values = jnp.take_along_axis(attributes, flat, axis=-2).reshape(painted.shape)
        painted = painted + values * weights[..., corner, None]
    return painted
