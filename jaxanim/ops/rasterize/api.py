"""`rasterize`: argument checks and batch axes around the search and what is computed from its result."""

import functools
import math

import jax
import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.types import AnyArray, Array, Float, Int
from jaxanim.ops.rasterize import fragments, xla
from jaxanim.ops.rasterize.coverage import CULLINGS, Culling
from jaxanim.ops.rasterize.fragments import Fragments


def rasterize(
    vertices: Float[Array, "*b v 3"],
    faces: Int[Array, "f 3"],
    *,
    height: int,
    width: int,
    culling: Culling = "none",
) -> Fragments:
    """Finds the face that each pixel sees, where on it, and its depth.

    `reference.py` defines the result to the last detail. Barycentric coordinates and depth are differentiable by the
    vertices; which face is seen is not, so that silhouettes have no gradient (`geometry.antialias` gives them one).

    Args:
      vertices: (x, y, depth) after projection, float32: x and y in pixels, (0, 0) the upper left corner of the
        picture, y down; the smaller the depth, the nearer.
      faces: numbers of vertices, the same triangles for the whole batch.
      height: of the picture, in pixels.
      width: of the picture, in pixels.
      culling: 'none'; 'before' leaves out faces whose corners are clockwise on the screen; 'after' compares depths
        first, so that these hide what is behind them, and shows the background in their place.

    Raises:
      TypeError: vertices are not float32, or faces not integers.
      ValueError: shapes do not fit, there is nothing to draw, or an option is unknown.
    """
    check_arguments(vertices, faces, height, width, culling)
    search = functools.partial(xla.search, height=height, width=width, culling=culling)

    def one(mesh: Float[Array, "v 3"]) -> Fragments:
        return fragments.from_faces(mesh, faces, search(jax.lax.stop_gradient(mesh), faces))

    batch = vertices.shape[:-2]
    faces = faces.astype(jnp.int32)
    found = jax.vmap(one)(vertices.reshape(math.prod(batch), *vertices.shape[-2:]))
    return jax.tree.map(lambda array: array.reshape(*batch, *array.shape[1:]), found)


def check_arguments(vertices: AnyArray, faces: AnyArray, height: int, width: int, culling: object) -> None:
    """Raises TypeError or ValueError unless arguments of a rasteriser fit each other."""
    checks.check_option("culling", culling, CULLINGS)
    checks.check_trailing_shape("vertices", vertices, (None, 3))
    checks.check_trailing_shape("faces", faces, (None, 3))
    if vertices.dtype != jnp.float32:
        raise TypeError(f"vertices must be float32, got {vertices.dtype}")
    if not jnp.issubdtype(faces.dtype, jnp.integer):
        raise TypeError(f"faces must be integers, got {faces.dtype}")
    if faces.ndim != 2 or faces.shape[0] == 0 or vertices.shape[-2] == 0:
        raise ValueError(f"needs vertices and one list of faces, got shapes {vertices.shape} and {faces.shape}")
    if height < 1 or width < 1 or height * width >= 2**31:
        raise ValueError(f"height and width must be at least 1, with fewer than 2**31 pixels, got {height} and {width}")
