"""Draws what was found over a picture: landmarks as lines and dots, a fitted surface as shaded glass with its edges.

Pictures are RGB, uint8; positions are pixels from the upper left corner, so the first pixel's centre is (0.5, 0.5).
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw

from jaxanim.core import checks
from jaxanim.ops import rasterize

Color = tuple[int, int, int]

MESH: Color = (120, 190, 255)
LINES: Color = (255, 255, 255)
DOTS: Color = (255, 70, 60)

_FINER = 4  # lines are drawn at this many times the size and averaged
_MESH_OPACITY, _EDGE_OPACITY = 0.4, 0.35
_LIGHT = np.array([0.3, -0.5, -0.8], np.float32) / np.linalg.norm([0.3, 0.5, 0.8])
_SHARPEST_FACE = 7.0  # square pixels of a triangle on average, from which on edges are drawn

# First point, point after the last, and whether the line is closed.
_CHAINS = {
    68: (
        (0, 17, False),
        (17, 22, False),
        (22, 27, False),
        (27, 31, False),
        (31, 36, False),
        (36, 42, True),
        (42, 48, True),
        (48, 60, True),
        (60, 68, True),
    ),
    98: (
        (0, 33, False),
        (33, 42, True),
        (42, 51, True),
        (51, 55, False),
        (55, 60, False),
        (60, 68, True),
        (68, 76, True),
        (76, 88, True),
        (88, 96, True),
    ),
}


def draw(
    picture: UInt8[np.ndarray, "h w 3"],
    landmarks: Float[np.ndarray, "l 2"] | None = None,
    vertices: Float[np.ndarray, "v 3"] | None = None,
    faces: Int[np.ndarray, "f 3"] | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """Returns a picture with a surface, landmarks, or both drawn over it.

    Args:
      picture: that was looked at.
      landmarks: 68 or 98 points are joined by lines; other numbers are dots.
      vertices: in pixels, with depth in pixels (`surfaces.vertices_px`).
      faces: triangles of them, counter-clockwise seen from outside.

    Raises:
      ValueError: vertices come without faces, or numbers are not finite.
    """
    if (vertices is None) != (faces is None):
        raise ValueError("a surface needs both vertices and faces")
    for name, array in (("landmarks", landmarks), ("vertices", vertices)):
        if array is not None and not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite")
    result = picture
    if vertices is not None and faces is not None:
        result = draw_surface(result, vertices, faces)
    return result if landmarks is None else draw_landmarks(result, landmarks)


def draw_surface(
    picture: UInt8[np.ndarray, "h w 3"], vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Lays a surface over a picture: brighter where it faces the light, its edges darker where there is room."""
    height, width = picture.shape[:2]
    finer = (vertices * [2, 2, 1]).astype(np.float32)
    triangles = np.asarray(faces, np.int32)
    fragments = rasterize.rasterize_host(finer, triangles, height=2 * height, width=2 * width, culling="before")
    light = 0.2 + 0.8 * np.maximum(_normals(vertices, triangles) @ _LIGHT, 0.0)
    shade = rasterize.interpolate_host(light[:, None].astype(np.float32), triangles, fragments)
    seen = fragments.face >= 0
    edge = _edges(fragments, finer, triangles) * (_EDGE_OPACITY if _has_room(vertices, triangles) else 0.0)
    color = shade * (1.0 - edge[..., None]) * np.asarray(MESH, np.float32)
    opacity = _MESH_OPACITY * seen[..., None]
    return _round(_halved(opacity * color) + (1.0 - _halved(opacity)) * picture)


def draw_landmarks(
    picture: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "l 2"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Draws landmarks, smoothly; those outside of the picture are left out."""
    checks.check_trailing_shape("landmarks", landmarks, (None, 2))
    height, width = picture.shape[:2]
    thin = max(1.0, _extent(landmarks) / 220)
    lines = [points for points in _lines(landmarks) if _near(points, height, width)]
    dots = [point for point in landmarks if _near(point[None], height, width)]
    if not dots and not lines:
        return picture
    # The part of the picture that is drawn on; strokes reach two widths beyond their points.
    touched = np.concatenate([*lines, *(dot[None] for dot in dots)])
    low = np.clip(np.floor(touched.min(axis=0) - 2 * thin - 1), 0, [width - 1, height - 1]).astype(int)
    high = np.clip(np.ceil(touched.max(axis=0) + 2 * thin + 1), low, [width, height]).astype(int)
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    drawn = np.asarray(picture[part], np.float64)
    rows, columns = drawn.shape[:2]
    for color, opacity, mask in (
        (LINES, 0.8, _stroke([line - low for line in lines], [], rows, columns, thin)),
        (DOTS, 1.0, _stroke([], [dot - low for dot in dots], rows, columns, thin)),
    ):
        share = opacity * mask[..., None]
        drawn = drawn * (1.0 - share) + share * np.asarray(color, np.float32)
    result = picture.copy()
    result[part] = _round(drawn)
    return result


def _stroke(
    lines: list[np.ndarray], dots: list[np.ndarray], height: int, width: int, thin: float
) -> Float[np.ndarray, "h w"]:
    """Returns how much of each pixel is covered."""
    large = Image.new("L", (width * _FINER, height * _FINER))
    pen = ImageDraw.Draw(large)
    for points in lines:
        pen.line([(float(x), float(y)) for x, y in points * _FINER - 0.5], 255, max(1, round(thin * _FINER)))
    radius = 1.2 * thin * _FINER
    for x, y in (point * _FINER - 0.5 for point in dots):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), 255)
    blocks = np.asarray(large, np.float32).reshape(height, _FINER, width, _FINER)
    return np.asarray(blocks.mean(axis=(1, 3)) / 255)


def _lines(landmarks: Float[np.ndarray, "l 2"]) -> Iterator[np.ndarray]:
    for first, stop, closed in _CHAINS.get(len(landmarks), ()):
        yield landmarks[[*range(first, stop), *([first] if closed else [])]]


def _near(points: Float[np.ndarray, "n 2"], height: int, width: int) -> bool:
    """Returns whether some of the points are in the picture; Pillow takes no numbers that are very large."""
    size = np.array([width, height])
    inside = ((points >= 0) & (points <= size)).all(axis=-1).any()
    return bool(inside and (np.abs(points) < 8 * size.max()).all())


def _extent(landmarks: Float[np.ndarray, "l 2"]) -> float:
    return float(np.ptp(landmarks, axis=0).max()) if len(landmarks) else 0.0


def _normals(vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]) -> Float[np.ndarray, "v 3"]:
    """Returns unit normals, outwards in the axes of the vertices (y down, z away)."""
    first, second, third = (vertices[faces[:, k]] for k in range(3))
    of_faces = np.cross(second - first, third - first)
    sums = np.zeros_like(vertices, np.float64)
    for k in range(3):
        np.add.at(sums, faces[:, k], of_faces)
    return sums / np.maximum(np.linalg.norm(sums, axis=-1, keepdims=True), 1e-12)


def _edges(
    fragments: rasterize.HostFragments, finer: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]
) -> Float[np.ndarray, "i j"]:
    """Returns where sides of triangles are, a finer pixel wide."""
    corners = finer[faces[np.maximum(fragments.face, 0)], :2]
    first, second, third = (corners[..., k, :] for k in range(3))
    along, across = second - first, third - first
    area = np.abs(along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0])
    lengths = np.stack(
        [np.linalg.norm(third - second, axis=-1), np.linalg.norm(across, axis=-1), np.linalg.norm(along, axis=-1)]
    )
    away = np.moveaxis(fragments.barycentric, -1, 0) * area / np.maximum(lengths, 1e-6)
    return np.asarray(np.clip(1.0 - away.min(axis=0), 0.0, 1.0) * (fragments.face >= 0))


def _has_room(vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]) -> bool:
    first, second, third = (vertices[faces[:, k], :2] for k in range(3))
    along, across = second - first, third - first
    area = along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]
    return bool(0.5 * np.abs(area).mean() >= _SHARPEST_FACE)


def _halved(picture: Float[np.ndarray, "i j c"]) -> Float[np.ndarray, "h w c"]:
    height, width, channels = picture.shape
    return np.asarray(picture.reshape(height // 2, 2, width // 2, 2, channels).mean(axis=(1, 3)))


def _round(picture: Float[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
