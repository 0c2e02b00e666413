"""Pictures of meshes: attributes, depths, normals, a preview, and the maps that guide GDPW and F3A-GAN.

Vertices in pixels are those of `ops.rasterize`: x to the right, y down, z the depth, the smaller the nearer. Pictures
are float32, NHWC, 0 in the background unless said otherwise.
"""

from typing import Literal, get_args

import flax.struct
import jax.numpy as jnp
import numpy as np

from jaxanim.core import checks
from jaxanim.core.types import AnyArray, Array, Float, Int
from jaxanim.geometry.antialias import antialias
from jaxanim.ops import rasterize as raster

Anchor = Literal["source", "target", "both"]
ANCHORS: tuple[Anchor, ...] = get_args(Anchor)


@flax.struct.dataclass
class TargetMaps:
    """What is painted on the target's mesh (GDPW, sections 3.2 and 3.3): all that a new target needs.

    Attributes:
      flow_ndc: backward flow on the target's pixels, in units of half the picture.
      mask: 1 where the target's mesh is seen.
      codes_target: codes of the vertices.
    """

    flow_ndc: Float[Array, "*b h w 2"]
    mask: Float[Array, "*b h w 1"]
    codes_target: Float[Array, "*b h w d"]


@flax.struct.dataclass
class GeometryMaps(TargetMaps):
    """What two poses of one mesh say about the way from one picture to the other.

    Attributes:
      codes_source: codes of the vertices, painted on the source's mesh.
    """

    codes_source: Float[Array, "*b h w d"]


def paint(
    vertices: Float[Array, "*b v 3"],
    faces: Int[Array, "f 3"],
    attributes: Float[Array, "*b v d"],
    *,
    height: int,
    width: int,
    culling: raster.Culling = "none",
    opposites: Int[Array, "f 3"] | None = None,
) -> Float[Array, "*b h w d"]:
    """Paints attributes of vertices.

    Args:
      vertices: in pixels, with depth.
      faces: triangles.
      attributes: one row per vertex.
      height: of the picture.
      width: of the picture.
      culling: what becomes of back faces, see `rasterize`.
      opposites: `opposite_vertices` of the faces, to antialias silhouettes; None leaves them jagged.
    """
    fragments = raster.rasterize(vertices, faces, height=height, width=width, culling=culling)
    image = raster.interpolate(attributes, faces, fragments)
    return image if opposites is None else antialias(image, fragments, vertices, faces, opposites)


def depth_map(
    vertices: Float[Array, "*b v 3"], faces: Int[Array, "f 3"], *, height: int, width: int
) -> Float[Array, "*b h w 1"]:
    """Paints the depths of a mesh, those of the vertices; 0 in the background."""
    return paint(vertices, faces, vertices[..., 2:], height=height, width=width)


def to_pixels(vertices_ndc: Float[Array, "*b v 3"], *, height: int, width: int) -> Float[Array, "*b v 3"]:
    """Maps x and y from [-1, 1], y down, to pixels, and the depths of each mesh to [-1, 1], as GDPW does."""
    x, y, z = (vertices_ndc[..., k] for k in range(3))
    nearest, farthest = z.min(axis=-1, keepdims=True), z.max(axis=-1, keepdims=True)
    depth = 2.0 * (z - nearest) / (farthest - nearest + 1e-8) - 1.0
    return jnp.stack([(x + 1.0) * (width / 2), (y + 1.0) * (height / 2), depth], axis=-1)


def geometry_maps(
    source_ndc: Float[Array, "*b v 3"],
    target_ndc: Float[Array, "*b v 3"],
    faces: Int[Array, "f 3"],
    opposites: Int[Array, "f 3"] | None,
    codes: Float[Array, "v d"],
    *,
    height: int,
    width: int,
) -> GeometryMaps:
    """Renders the maps that guide GDPW, as its released code does: `target_maps` and `source_codes`.

    Back faces are taken out after the comparison of depths; the paper takes them out before. In batches of three the
    released code takes out wrong faces; this does not.

    Args:
      source_ndc: the mesh in the source's pose: x and y in [-1, 1], y down, z away from the camera.
      target_ndc: the mesh in the target's pose.
      faces: triangles, counter-clockwise seen from outside.
      opposites: `opposite_vertices` of the faces; None does without antialiasing.
      codes: one row per vertex; without columns where there are none.
      height: of the maps.
      width: of the maps.
    """
    maps = target_maps(source_ndc, target_ndc, faces, opposites, codes, height=height, width=width)
    painted = source_codes(source_ndc, faces, opposites, codes, height=height, width=width)
    return GeometryMaps(maps.flow_ndc, maps.mask, maps.codes_target, painted)


def target_maps(
    source_ndc: Float[Array, "*b v 3"],
    target_ndc: Float[Array, "*b v 3"],
    faces: Int[Array, "f 3"],
    opposites: Int[Array, "f 3"] | None,
    codes: Float[Array, "v d"],
    *,
    height: int,
    width: int,
) -> TargetMaps:
    """Renders those of `geometry_maps` that are painted on the target's mesh."""
    seen = jnp.ones((*target_ndc.shape[:-1], 1), target_ndc.dtype)
    attributes = jnp.concatenate(
        [source_ndc[..., :2] - target_ndc[..., :2], seen, _of_each(codes, target_ndc)], axis=-1
    )
    picture = _paint_ndc(target_ndc, faces, opposites, attributes, height, width)
    return TargetMaps(picture[..., :2], picture[..., 2:3], picture[..., 3:])


def source_codes(
    source_ndc: Float[Array, "*b v 3"],
    faces: Int[Array, "f 3"],
    opposites: Int[Array, "f 3"] | None,
    codes: Float[Array, "v d"],
    *,
    height: int,
    width: int,
) -> Float[Array, "*b h w d"]:
    """Renders that of `geometry_maps` which is painted on the source's mesh; nothing is drawn for no columns."""
    if codes.shape[-1] == 0:
        return jnp.zeros((*source_ndc.shape[:-2], height, width, 0), source_ndc.dtype)
    return _paint_ndc(source_ndc, faces, opposites, _of_each(codes, source_ndc), height, width)


def _of_each(codes: Float[Array, "v d"], meshes: Float[Array, "*b v 3"]) -> Float[Array, "*b v d"]:
    return jnp.broadcast_to(codes, (*meshes.shape[:-2], *codes.shape))


def _paint_ndc(
    vertices_ndc: Float[Array, "*b v 3"],
    faces: Int[Array, "f 3"],
    opposites: Int[Array, "f 3"] | None,
    attributes: Float[Array, "*b v d"],
    height: int,
    width: int,
) -> Float[Array, "*b h w d"]:
    pixels = to_pixels(vertices_ndc, height=height, width=width)
    return paint(pixels, faces, attributes, height=height, width=width, culling="after", opposites=opposites)


def facial_flow(
    source: Float[Array, "*b v 3"],
    target: Float[Array, "*b v 3"],
    faces: Int[Array, "f 3"],
    *,
    height: int,
    width: int,
    anchor: Anchor,
) -> Float[Array, "*b h w d"]:
    """Paints how far each point of a face has to move, in three dimensions (F3A-GAN, section 3.2).

    Source minus target: x to the right, y down, z towards the camera, in units of half the picture, within [-1, 1].

    Args:
      source: the face in the source, in pixels, with depth in pixels.
      target: the face in the target.
      faces: triangles.
      height: of the map.
      width: of the map.
      anchor: on whose pixels to paint: 'source' (3 channels), 'target' (3), or 'both' (6, the source's first). The
        paper does not say; on the target's pixels x and y are a backward flow.
    """
    checks.check_option("anchor", anchor, ANCHORS)
    half = jnp.asarray([width / 2, height / 2, -width / 2], source.dtype)
    moves = _moves(source, target, jnp.broadcast_to(half, source.shape))
    meshes = {"source": [source], "target": [target], "both": [source, target]}[anchor]
    pictures = paint(
        jnp.stack(meshes), faces, jnp.broadcast_to(moves, (len(meshes), *moves.shape)), height=height, width=width
    )
    return jnp.concatenate(list(pictures), axis=-1)


def facial_flow_host(
    source: np.ndarray, target: np.ndarray, faces: np.ndarray, *, height: int, width: int, anchor: Anchor
) -> np.ndarray:
    """Does what `facial_flow` does for one face, in data pipelines: numpy in, numpy out, with numba."""
    checks.check_option("anchor", anchor, ANCHORS)
    moves = _moves(source, target, np.array([[width / 2, height / 2, -width / 2]], np.float32))
    meshes = {"source": [source], "target": [target], "both": [source, target]}[anchor]
    drawn = [raster.rasterize_host(mesh, faces, height=height, width=width) for mesh in meshes]
    return np.concatenate([raster.interpolate_host(moves, faces, fragments) for fragments in drawn], axis=-1)


def _moves(source: AnyArray, target: AnyArray, half: AnyArray) -> AnyArray:
    return ((source - target) / half).clip(-1.0, 1.0)


def vertex_normals(vertices: Float[Array, "*b v 3"], faces: Int[Array, "f 3"]) -> Float[Array, "*b v 3"]:
    """Returns unit normals, means of those of the faces around weighted by area; 0 for vertices without area.

    They point outwards if the triangles are counter-clockwise seen from outside, in the axes of the vertices.
    """
    first, second, third = (vertices[..., faces[:, k], :] for k in range(3))
    of_faces = jnp.cross(second - first, third - first)
    sums = jnp.zeros_like(vertices)
    for k in range(3):
        sums = sums.at[..., faces[:, k], :].add(of_faces)
    return _unit(sums)


def normal_map(
    vertices: Float[Array, "*b v 3"], faces: Int[Array, "f 3"], *, height: int, width: int
) -> Float[Array, "*b h w 3"]:
    """Paints unit normals: x to the right, y up, z towards the viewer. Depths must be in pixels, too."""
    outwards = vertex_normals(vertices, faces) * jnp.broadcast_to(jnp.asarray([1.0, -1.0, -1.0]), vertices.shape)
    return _unit(paint(vertices, faces, outwards, height=height, width=width))


def preview(
    vertices: Float[Array, "*b v 3"],
    faces: Int[Array, "f 3"],
    *,
    height: int,
    width: int,
    light: tuple[float, float, float] = (0.3, 0.5, 0.8),
) -> Float[Array, "*b h w 3"]:
    """Returns a grey picture of the surface in [0, 1], lit from one side, on white; back faces are dark.

    Args:
      vertices: in pixels, with depth in pixels.
      faces: triangles, counter-clockwise seen from outside.
      height: of the picture.
      width: of the picture.
      light: direction to the light: x to the right, y up, z towards the viewer.
    """
    normals = normal_map(vertices, faces, height=height, width=width)
    towards = jnp.asarray(light) / jnp.linalg.norm(jnp.asarray(light))
    grey = 0.15 + 0.8 * jnp.maximum(normals @ towards, 0.0)
    seen = (normals != 0.0).any(axis=-1)
    grey = jnp.where(seen, grey, 1.0)[..., None]
    return jnp.broadcast_to(grey, (*grey.shape[:-1], 3))


def _unit(vectors: Float[Array, "*n 3"]) -> Float[Array, "*n 3"]:
    """Divides by the length; 0 stays 0, also in the gradient."""
    square = (vectors**2).sum(axis=-1, keepdims=True)
    return jnp.where(square > 0.0, vectors / jnp.sqrt(jnp.where(square > 0.0, square, 1.0)), 0.0)
