"""Antialiasing of silhouettes, after Laine et al. 2020 (nvdiffrast), section 3.6, as its released code computes it.

Two neighbouring pixels that see different faces are blended by where the silhouette between their centres runs. That
depends on the vertices smoothly, which gives silhouettes a gradient that the search for faces does not have. Only the
face that a pixel sees is looked at: where faces at the rim are narrower than a pixel, most of the gradient is missing,
as in the original.

Pictures may have any number of channels and any range.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Array, Bool, Float, Int
from jaxanim.ops import rasterize as raster

# Crossings that rounding puts this far outside of the way between two pixels still count.
_SLACK = 1.0 / 16.0


def opposite_vertices(faces: np.ndarray) -> np.ndarray:
    """Returns, for each corner of each face, the vertex beyond the edge opposite to it; -1 where the surface ends.

    Where more than two faces share an edge, each takes another one of them.

    Args:
      faces: (f, 3) numbers of vertices. Computed once per mesh, on the host.
    """
    corners = np.asarray(faces)
    edges = np.sort(np.stack([corners[:, [1, 2]], corners[:, [2, 0]], corners[:, [0, 1]]], axis=1), axis=-1)
    pairs, apex = edges.reshape(-1, 2), corners.reshape(-1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    same = (pairs[order][1:] == pairs[order][:-1]).all(axis=1)
    group = np.concatenate([[0], np.cumsum(~same)])
    first, count = np.unique(group, return_index=True, return_counts=True)[1:]
    place = np.arange(len(order))
    partner = first[group] + (place - first[group] + 1) % count[group]
    opposite = np.empty(len(order), np.int32)
    opposite[order] = np.where(count[group] > 1, apex[order[partner]], -1)
    return opposite.reshape(-1, 3)


def antialias(
    image: Float[Array, "*b h w d"],
    fragments: raster.Fragments,
    vertices: Float[Array, "*b v 3"],
    faces: Int[Array, "f 3"],
    opposites: Int[Array, "f 3"],
) -> Float[Array, "*b h w d"]:
    """Blends pixels across silhouettes.

    Args:
      image: painted with the fragments.
      fragments: what `rasterize` returned for `vertices` and `faces`.
      vertices: as given to `rasterize`.
      faces: as given to `rasterize`.
      opposites: `opposite_vertices` of the faces.
    """
    batch = image.shape[:-3]

    def one(image: Array, face: Array, depth: Array, vertices: Array) -> Array:
        across = _change(image, face, depth, vertices[:, :2], faces, opposites)
        # Columns are the rows of the picture mirrored at its diagonal.
        down = _change(image.swapaxes(0, 1), face.T, depth.T, vertices[:, 1::-1], faces, opposites)
        return image + across + down.swapaxes(0, 1)

    flat = jax.tree.map(
        lambda array: array.reshape(-1, *array.shape[len(batch) :]),
        (image, fragments.face, fragments.depth, vertices),
    )
    return jax.vmap(one)(*flat).reshape(image.shape)


def _change(
    image: Float[Array, "h w d"],
    face: Int[Array, "h w"],
    depth: Float[Array, "h w"],
    vertices: Float[Array, "v 2"],
    faces: Int[Array, "f 3"],
    opposites: Int[Array, "f 3"],
) -> Float[Array, "h w d"]:
    """Returns what pixels gain from their neighbours to the left and right."""
    left, right = face[:, :-1], face[:, 1:]
    # The silhouette belongs to the face in front.
    of_left = (left >= 0) & ((right < 0) | (depth[:, :-1] < depth[:, 1:]))
    found = jnp.where(of_left, left, right)
    x, y = raster.pixel_centres(*left.shape)
    centre = jnp.stack([jnp.where(of_left, x, x + 1.0), y], axis=-1)
    sign = jnp.where(of_left, 1.0, -1.0)
    number = jnp.maximum(found, 0)
    corners = vertices[faces[number]] - centre[..., None, :]
    beyond = opposites[number]
    reach, runs_between = _silhouette(
        corners, vertices[jnp.maximum(beyond, 0)] - centre[..., None, :], beyond < 0, sign
    )
    weight = jnp.where((left != right) & runs_between, sign * (0.5 - jnp.clip(reach, 0.0, 1.0)), 0.0)
    change = weight[..., None] * (image[:, 1:] - image[:, :-1])
    to_left = (weight > 0.0)[..., None]
    gains_right = jnp.pad(jnp.where(to_left, change, 0.0), ((0, 0), (0, 1), (0, 0)))
    return gains_right + jnp.pad(jnp.where(to_left, 0.0, change), ((0, 0), (1, 0), (0, 0)))


def _silhouette(
    corners: Float[Array, "*n 3 2"],
    beyond: Float[Array, "*n 3 2"],
    is_open: Bool[Array, "*n 3"],
    sign: Float[Array, "*n"],
) -> tuple[Float[Array, "*n"], Bool[Array, "*n"]]:
    """Returns how far from a pixel, towards its neighbour, its face ends, and whether it does so in a silhouette.

    Args:
      corners: of the face, relative to the pixel's centre.
      beyond: vertices beyond the edges opposite to the corners, relative to the same.
      is_open: where there are none.
      sign: 1 if the neighbour is to the right, -1 if to the left.
    """
    start, end = jnp.roll(corners, -1, axis=-2), jnp.roll(corners, -2, axis=-2)
    along = end - start
    # Both faces at a silhouette lie on the same side of it.
    folded = is_open | (_is_left(corners, start, end) == _is_left(beyond, start, end))
    crosses = jnp.signbit(start[..., 1]) != jnp.signbit(end[..., 1])
    slope = along[..., 0] / jnp.where(crosses, along[..., 1], 1.0)
    reach = jnp.where(crosses, sign[..., None] * (start[..., 0] - start[..., 1] * slope), -jnp.inf)
    steep = jnp.abs(along[..., 1]) >= jnp.abs(along[..., 0])
    last = jnp.argmax(reach, axis=-1, keepdims=True)
    reach, usable = (jnp.take_along_axis(a, last, axis=-1)[..., 0] for a in (reach, folded & steep & crosses))
    return reach, usable & (reach > -_SLACK) & (reach < 1.0 + _SLACK)


def _is_left(point: Float[Array, "*n 2"], start: Float[Array, "*n 2"], end: Float[Array, "*n 2"]) -> Bool[Array, "*n"]:
    a, b = start - point, end - point
    return a[..., 0] * b[..., 1] < a[..., 1] * b[..., 0]
