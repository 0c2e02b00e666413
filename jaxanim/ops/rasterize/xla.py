"""The search for the nearest face in plain XLA: runs on every device, under `jit` and `vmap`, in bounded memory.

All pixels of all triangles' bounding boxes form one long list, which is worked off in pieces of a fixed length: as
many as there are to do, so that the time follows the picture and not the worst case.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxanim.core.types import Array, Bool, Float, Int
from jaxanim.ops.rasterize import coverage
from jaxanim.ops.rasterize.coverage import Culling

# Pixels of bounding boxes at a time: 2**13 to 2**17 were measured on a CPU with a head of 10,000 triangles.
PIECE = 2**15
_NO_FACE = 2**31 - 1


class _Boxes(NamedTuple):
    """Triangles and the pixels of their bounding boxes.

    Attributes:
      corners: (x, y, z) of each.
      left, top, columns: where the box is; `columns` is at least 1.
      end: how many pixels the boxes have up to and with this one.
    """

    corners: Float[Array, "f 3 3"]
    left: Int[Array, " f"]
    top: Int[Array, " f"]
    columns: Int[Array, " f"]
    end: Int[Array, " f"]


def search(
    vertices: Float[Array, "v 3"], faces: Int[Array, "f 3"], *, height: int, width: int, culling: Culling
) -> Int[Array, "h w"]:
    """Returns the number of the face that each pixel sees, -1 in the background. Has no gradient."""
    corners = vertices[faces]
    back = coverage.signed_area(corners) > 0.0
    drawn = ~back if culling == "before" else jnp.ones_like(back)
    count = faces.shape[0]
    blocks = -(-count * height * width // _NO_FACE)  # so that the pixels of a block's boxes are counted in 31 bits
    block = -(-count // blocks)
    # What fills the last block has no area.
    corners = jnp.pad(corners, ((0, blocks * block - count), (0, 0), (0, 0))).reshape(blocks, block, 3, 3)
    drawn = jnp.pad(drawn, (0, blocks * block - count)).reshape(blocks, block)

    def draw(picture: tuple[Array, Array], part: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], None]:
        first, corners, drawn = part
        return _draw(_boxes(corners, drawn, height, width), first, *picture, width), None

    empty = jnp.full(height * width, jnp.inf, jnp.float32), jnp.full(height * width, _NO_FACE, jnp.int32)
    firsts = block * jnp.arange(blocks, dtype=jnp.int32)
    (_, face), _ = jax.lax.scan(draw, empty, (firsts, corners, drawn))
    if culling == "after":
        face = jnp.where(back[jnp.minimum(face, count - 1)], _NO_FACE, face)
    return jnp.where(face == _NO_FACE, -1, face).reshape(height, width)


def _boxes(corners: Float[Array, "f 3 3"], drawn: Bool[Array, " f"], height: int, width: int) -> _Boxes:
    drawn = drawn & coverage.usable(corners) & (coverage.signed_area(corners) != 0.0)
    corners = jnp.where(drawn[:, None, None], corners, 0.0)
    size = jnp.asarray([width, height], jnp.float32)[None]
    low, high = corners[..., :2].min(axis=1), corners[..., :2].max(axis=1)
    first = jnp.clip(jnp.ceil(low - 0.5), 0.0, size).astype(jnp.int32)
    last = jnp.clip(jnp.floor(high - 0.5), -1.0, size - 1.0).astype(jnp.int32)
    extent = jnp.maximum(last - first + 1, 0)
    pixels = jnp.where(drawn, extent[:, 0] * extent[:, 1], 0)
    return _Boxes(corners, first[:, 0], first[:, 1], jnp.maximum(extent[:, 0], 1), jnp.cumsum(pixels))


def _draw(
    boxes: _Boxes, first: Int[Array, ""], depth: Float[Array, " p"], face: Int[Array, " p"], width: int
) -> tuple[Float[Array, " p"], Int[Array, " p"]]:
    """Draws triangles, numbered from `first`, over what is there."""
    total = boxes.end[-1]

    def piece(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        start, depth, face = state
        number, pixel, distance = _fragments(boxes, start + jnp.arange(PIECE, dtype=jnp.int32), width)
        covered = distance < jnp.inf
        pixel = jnp.where(covered, pixel, depth.size)  # beyond the end: dropped
        nearer = depth.at[pixel].min(distance, mode="drop")
        face = jnp.where(nearer < depth, _NO_FACE, face)
        nearest = covered & (distance == nearer[jnp.minimum(pixel, depth.size - 1)])
        face = face.at[jnp.where(nearest, pixel, depth.size)].min(number + first, mode="drop")
        # Not start + PIECE, which may pass 31 bits.
        return start + jnp.minimum(PIECE, total - start), nearer, face

    _, depth, face = jax.lax.while_loop(lambda state: state[0] < total, piece, (jnp.zeros((), jnp.int32), depth, face))
    return depth, face


def _fragments(
    boxes: _Boxes, index: Int[Array, " n"], width: int
) -> tuple[Int[Array, " n"], Int[Array, " n"], Float[Array, " n"]]:
    """Returns triangle, pixel and depth of entries in the list; infinitely deep where the triangle does not cover."""
    exists = (index >= 0) & (index < boxes.end[-1])
    number = jnp.searchsorted(boxes.end, jnp.where(exists, index, 0), side="right").astype(jnp.int32)
    number = jnp.minimum(number, boxes.end.size - 1)
    columns = boxes.columns[number]
    begin = jnp.where(number > 0, boxes.end[jnp.maximum(number - 1, 0)], 0)
    within = jnp.where(exists, index - begin, 0)
    row, column = boxes.top[number] + within // columns, boxes.left[number] + within % columns
    corners = boxes.corners[number]
    edges = coverage.edge_functions(corners, column.astype(jnp.float32) + 0.5, row.astype(jnp.float32) + 0.5)
    total = (edges[0] + edges[1]) + edges[2]
    front = coverage.signed_area(corners) < 0.0
    least, most = jnp.minimum(jnp.minimum(*edges[:2]), edges[2]), jnp.maximum(jnp.maximum(*edges[:2]), edges[2])
    covered = jnp.where(front, (most <= 0.0) & (total < 0.0), (least >= 0.0) & (total > 0.0)) & exists
    depth = coverage.depth_at(corners, edges)
    return number, row * width + column, jnp.where(covered, depth, jnp.inf)
