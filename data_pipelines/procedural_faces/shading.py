"""Lights and colours every pixel of a drawn figure, compiled by numba.

Colours of textures are sRGB, taken as squares of linear ones; pictures are square roots again. Directions: x to the
picture's right, y up, z towards the camera.
"""

import dataclasses

import numpy as np

from data_pipelines.compiled import compiled_fast
from data_pipelines.procedural_faces.shadow import Shadow
from jaxanim.ops.rasterize import HostFragments

SKIN, EYE, TOOTH, MOUTH, HAIR, CLOTH, FRAME = range(7)
"""Materials."""

_BIAS = 0.035  # units that a surface may be behind the map of shadows

# Per material: how far light goes around to the dark side in red, green and blue; how much and how sharply it shines;
# how much the textures' own shine counts.
_LOOKS = np.array(
    [
        [0.34, 0.20, 0.15, 0.00, 18.0, 1.0],
        [0.25, 0.22, 0.20, 0.55, 160.0, 0.0],
        [0.30, 0.28, 0.26, 0.30, 40.0, 0.0],
        [0.30, 0.16, 0.14, 0.18, 30.0, 0.0],
        [0.15, 0.15, 0.15, 0.00, 20.0, 0.0],
        [0.12, 0.12, 0.12, 0.02, 8.0, 0.0],
        [0.05, 0.05, 0.05, 0.50, 60.0, 0.0],
    ],
    np.float32,
)


@dataclasses.dataclass(frozen=True)
class Light:
    """Where light comes from.

    Attributes:
      direction: to the key light, a unit vector (3,).
      key: its colour and strength, linear (3,).
      ambient: of light from all around (3,).
      fill: strength of a second light from the other side.
    """

    direction: np.ndarray
    key: np.ndarray
    ambient: np.ndarray
    fill: float


@dataclasses.dataclass(frozen=True)
class Paint:
    """What the figure's surface looks like; see `figure.Figure`.

    Attributes:
      faces: (f, 3).
      uv: (u, 2), y up.
      uv_faces: (f, 3).
      material: of each face, (f,).
      occlusion: how much light from around reaches a vertex, (v,).
      texture: sRGB and shine, (t, t, 4).
    """

    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    material: np.ndarray
    occlusion: np.ndarray
    texture: np.ndarray


def shade(
    fragments: HostFragments,
    paint: Paint,
    place: np.ndarray,
    normal: np.ndarray,
    strand: np.ndarray,
    light: Light,
    shadow: Shadow,
    background: np.ndarray,
) -> np.ndarray:
    """Returns the picture, linear, (h, w, 3), float32.

    Args:
      fragments: `HostFragments` of the posed figure.
      paint: its surface.
      place: posed vertices, (v, 3).
      normal: unit normals, (v, 3).
      strand: directions along hair, (v, 3); zero elsewhere.
      light: what lights it.
      shadow: seen from the key light.
      background: linear colours where there is no figure, (h, w, 3).
    """
    half = light.direction + np.array([0, 0, 1])
    lamp = np.stack([light.direction, half / np.linalg.norm(half), light.key, light.ambient]).astype(np.float32)
    picture = background.copy()
    surface = np.concatenate([place, normal, strand, paint.occlusion[:, None]], axis=1).astype(np.float32)
    _shade(
        fragments.face,
        fragments.barycentric,
        paint.faces,
        paint.uv,
        paint.uv_faces,
        paint.material,
        surface,
        paint.texture,
        _LOOKS,
        lamp,
        light.fill,
        shadow.view,
        shadow.depth,
        picture,
    )
    return picture


@compiled_fast
def _texel(texture: np.ndarray, u: float, v: float, out: np.ndarray) -> None:
    """Reads a texture between four texels."""
    size = texture.shape[0]
    x, y = u * size - 0.5, (1 - v) * size - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - left, y - top
    x0, x1 = min(max(left, 0), size - 1), min(max(left + 1, 0), size - 1)
    y0, y1 = min(max(top, 0), size - 1), min(max(top + 1, 0), size - 1)
    for k in range(4):
        above = texture[y0, x0, k] * (1 - fx) + texture[y0, x1, k] * fx
        below = texture[y1, x0, k] * (1 - fx) + texture[y1, x1, k] * fx
        out[k] = above * (1 - fy) + below * fy


@compiled_fast
def _lit(view: np.ndarray, depth: np.ndarray, px: float, py: float, pz: float) -> float:
    """Returns how much of the key light reaches a place, averaged over nine texels of the map of shadows."""
    size = depth.shape[0]
    x = view[0, 0] * px + view[0, 1] * py + view[0, 2] * pz + view[0, 3] - 0.5
    y = view[1, 0] * px + view[1, 1] * py + view[1, 2] * pz + view[1, 3] - 0.5
    z = view[2, 0] * px + view[2, 1] * py + view[2, 2] * pz - _BIAS
    left, top = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - left, y - top
    if left < 1 or top < 1 or left > size - 3 or top > size - 3:
        return 1.0
    total = 0.0
    for i in range(-1, 3):
        wy = (1 - fy) if i == -1 else (fy if i == 2 else 1.0)
        for j in range(-1, 3):
            wx = (1 - fx) if j == -1 else (fx if j == 2 else 1.0)
            # 0 beyond the bias, 1 half a bias before it.
            over = (z - depth[top + i, left + j]) / _BIAS
            total += wx * wy * min(max(1 - over, 0.0), 1.0)
    return total / 9.0


@compiled_fast
def _shade(
    face: np.ndarray,
    weights: np.ndarray,
    faces: np.ndarray,
    uv: np.ndarray,
    uv_faces: np.ndarray,
    material: np.ndarray,
    surface: np.ndarray,
    texture: np.ndarray,
    looks: np.ndarray,
    lamp: np.ndarray,
    fill: float,
    view: np.ndarray,
    depth: np.ndarray,
    picture: np.ndarray,
) -> None:
    """Colours the pixels that see a face."""
    texel, at = np.empty(4, np.float32), np.empty(10, np.float32)
    for i in range(face.shape[0]):
        for j in range(face.shape[1]):
            f = face[i, j]
            if f < 0:
                continue
            w0, w1, w2 = weights[i, j]
            a, b, c = faces[f]
            for k in range(10):
                at[k] = surface[a, k] * w0 + surface[b, k] * w1 + surface[c, k] * w2
            d, e, g = uv_faces[f]
            u = uv[d, 0] * w0 + uv[e, 0] * w1 + uv[g, 0] * w2
            v = uv[d, 1] * w0 + uv[e, 1] * w1 + uv[g, 1] * w2
            _texel(texture, u, v, texel)
            _color(at, texel, looks[material[f]], material[f], lamp, fill, view, depth, picture[i, j])


@compiled_fast
def _color(
    at: np.ndarray,
    texel: np.ndarray,
    look: np.ndarray,
    material: int,
    lamp: np.ndarray,
    fill: float,
    view: np.ndarray,
    depth: np.ndarray,
    out: np.ndarray,
) -> None:
    """Lights one point: key light with shadow, fill, light from around, and what shines."""
    length = np.sqrt(at[3] ** 2 + at[4] ** 2 + at[5] ** 2) + 1e-9
    nx, ny, nz = at[3] / length, at[4] / length, at[5] / length
    if nz < -0.05:
        nx, ny, nz = -nx, -ny, -nz
    facing = nx * lamp[0, 0] + ny * lamp[0, 1] + nz * lamp[0, 2]
    occlusion = at[9]
    around = 0.72 + 0.28 * ny
    second = max(-0.9 * nx * lamp[0, 0] + 0.18 * ny + 0.55 * nz, 0.0) * fill
    shine = look[3] + look[5] * texel[3]
    towards = max(nx * lamp[1, 0] + ny * lamp[1, 1] + nz * lamp[1, 2], 0.0)
    # Where the key light cannot do anything, nobody needs to know whether it is hidden.
    shadow = _lit(view, depth, at[0], at[1], at[2]) if facing > -0.35 else 0.0
    gloss = 0.0
    if shine > 0 and towards > 0.5:
        gloss = 0.6 * shine * (0.3 + 0.7 * occlusion) * (0.25 + 0.75 * shadow) * towards ** look[4]
    if material == HAIR:
        along = at[6] * lamp[1, 0] + at[7] * lamp[1, 1] + at[8] * lamp[1, 2]
        long = np.sqrt(at[6] ** 2 + at[7] ** 2 + at[8] ** 2) + 1e-9
        s, r = along / long, along / long + 0.13
        bright = np.sqrt((texel[0] + texel[1] + texel[2]) / 3)
        lobes = 0.20 * max(1 - s * s, 0.0) ** 12 + 0.16 * max(1 - r * r, 0.0) ** 50
        gloss += lobes * bright * (0.3 + 0.7 * occlusion) * (0.35 + 0.65 * shadow) * max(facing + 0.35, 0.0)
    for k in range(3):
        wrap = look[k]
        direct = min(max((facing + wrap) / (1 + wrap), 0.0), 1.0)
        # Light that went through skin is soft and keeps its red.
        through = direct * (shadow + (1 - shadow) * wrap * 0.5)
        light = lamp[2, k] * through * (0.4 + 0.6 * occlusion) + lamp[3, k] * around * occlusion + second * occlusion
        out[k] = texel[k] * texel[k] * light + gloss * lamp[2, k]
