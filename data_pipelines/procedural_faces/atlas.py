"""The layout of a person's texture, and maps from its texels to places on the open head.

The skin fills the upper part as in the open head's own texture; below are teeth, tongue, ears and the mouth's lining,
then patches for the eyes, the clothes and the hair. Arrays have their first row at the top, where v is 1.
"""

import dataclasses
import functools

import numpy as np
import scipy.ndimage

from data_pipelines.open_head.skin import EYE_ROW, MOUTH_ROW, ROWS
from data_pipelines.procedural_faces import anatomy
from jaxanim.ops import rasterize

SIZE = 512
CYLINDER = 640
_HEAD_SKIN_FROM = 0.2  # of v in the open head's texture; parts are below
_SKIN_FROM = 0.36


@dataclasses.dataclass(frozen=True)
class Patch:
    """A rectangle of the texture: left, bottom, right, top in [0, 1]."""

    left: float
    bottom: float
    right: float
    top: float

    def place(self, s: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Returns texture coordinates (n, 2) of coordinates within the patch, [0, 1], t up."""
        return np.stack([self.left + (self.right - self.left) * s, self.bottom + (self.top - self.bottom) * t], axis=-1)

    def texels(self) -> tuple[slice, slice]:
        """Returns the rows and columns that are the patch, and a texel around it."""
        rows = slice(int((1 - self.top) * SIZE) - 1, int(np.ceil((1 - self.bottom) * SIZE)) + 1)
        return rows, slice(max(0, int(self.left * SIZE) - 1), int(np.ceil(self.right * SIZE)) + 1)

    def inside(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns s and t of those texels, (h, w) each; a little outside of [0, 1] around the patch."""
        rows, columns = self.texels()
        u = (np.arange(columns.start, columns.stop) + 0.5) / SIZE
        v = 1 - (np.arange(rows.start, rows.stop) + 0.5) / SIZE
        s, t = (u - self.left) / (self.right - self.left), (v - self.bottom) / (self.top - self.bottom)
        return np.broadcast_to(s, (len(t), len(s))), np.broadcast_to(t[:, None], (len(t), len(s)))


UPPER_TEETH = Patch(0.26, 0.01, 0.35, 0.08)
LOWER_TEETH = Patch(0.36, 0.01, 0.45, 0.08)
TONGUE = Patch(0.47, 0.02, 0.57, 0.07)
LEFT_EAR = Patch(0.60, 0.01, 0.68, 0.09)
RIGHT_EAR = Patch(0.70, 0.01, 0.78, 0.09)
LINING = Patch(0.80, 0.01, 0.98, 0.09)
FRAME = Patch(0.02, 0.02, 0.10, 0.09)
EYE = Patch(0.01, 0.12, 0.21, 0.34)
CLOTH = Patch(0.24, 0.12, 0.74, 0.34)
HAIR = Patch(0.77, 0.12, 0.98, 0.34)


@dataclasses.dataclass(frozen=True)
class SkinMap:
    """Where the texels of the skin are on the neutral head; arrays over the texture's upper rows.

    Attributes:
      place: (h, w, 3), float32; texels outside of the skin have the nearest one's place.
      below_lids: whether a texel belongs below the line between the lids, (h, w).
      below_lips: likewise for the lips.
      v: the open head's own coordinate, (h, 1).
      elevation: nominal elevation of the grid's rows, see `open_head.skin.ROWS`, (h, 1).
      cylinder: rows and columns of a square map around the head, of `CYLINDER` texels, (h, w) each.
    """

    place: np.ndarray
    below_lids: np.ndarray
    below_lips: np.ndarray
    v: np.ndarray
    elevation: np.ndarray
    cylinder: tuple[np.ndarray, np.ndarray]


# Where the open head's own texture has its parts: left, bottom, right, top.
_PARTS = {
    "upper_teeth": (UPPER_TEETH, (0.26, 0.02, 0.35, 0.16)),
    "lower_teeth": (LOWER_TEETH, (0.36, 0.02, 0.45, 0.16)),
    "tongue": (TONGUE, (0.47, 0.04, 0.57, 0.14)),
    "left_ear": (LEFT_EAR, (0.55, 0.03, 0.65, 0.13)),
    "right_ear": (RIGHT_EAR, (0.67, 0.03, 0.77, 0.13)),
    "lining": (LINING, (0.72, 0.034, 0.97, 0.16)),
}


def head_uv() -> np.ndarray:
    """Returns the open head's texture coordinates in this layout, (u, 2)."""
    head = anatomy.anatomy()
    uv = np.array(head.uv, np.float64)
    on_skin = uv[:, 1] >= _HEAD_SKIN_FROM - 1e-6  # rims of the lids as well, which count as lining
    for name, (patch, (left, bottom, right, top)) in _PARTS.items():
        part = np.arange(*head.parts[name])
        part = part[~on_skin[part]]
        uv[part] = patch.place((uv[part, 0] - left) / (right - left), (uv[part, 1] - bottom) / (top - bottom))
    above = _SKIN_FROM + (uv[:, 1] - _HEAD_SKIN_FROM) * (1 - _SKIN_FROM) / (1 - _HEAD_SKIN_FROM)
    uv[:, 1] = np.where(on_skin, above, uv[:, 1])
    for name in ("left_eyeball", "right_eyeball"):
        ball = slice(*head.parts[name])
        ahead = head.template[ball] - head.template[ball].mean(axis=0)
        ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
        angle = np.arccos(np.clip(ahead[:, 2], -1, 1))
        flat = ahead[:, :2] / np.maximum(np.linalg.norm(ahead[:, :2], axis=1, keepdims=True), 1e-9)
        reach = np.minimum(angle / (np.pi / 2), 1)[:, None]
        uv[ball] = EYE.place(*(0.5 + 0.5 * flat * reach).T)
    return uv.astype(np.float32)


@functools.cache
def skin_map() -> SkinMap:
    """Returns where the skin's texels are."""
    head = anatomy.anatomy()
    chosen = head.part_of_faces("skin")
    corners, faces = head.uv_faces[chosen], head.faces[chosen]
    vertex = np.zeros(len(head.uv), np.int64)
    vertex[corners] = faces
    uv = head_uv()
    flat = np.stack([uv[:, 0] * SIZE, (1 - uv[:, 1]) * SIZE, 0 * uv[:, 0]], axis=-1).astype(np.float32)
    rows = int(np.ceil((1 - _SKIN_FROM) * SIZE)) + 2
    fragments = rasterize.rasterize_host(flat, corners, height=rows, width=SIZE)
    place = rasterize.interpolate_host(np.ascontiguousarray(head.template[vertex]), corners, fragments)
    nearest = scipy.ndimage.distance_transform_edt(fragments.face < 0, return_distances=False, return_indices=True)
    texture_v = 1 - (np.arange(rows) + 0.5)[:, None] / SIZE
    v = _HEAD_SKIN_FROM + (texture_v - _SKIN_FROM) * (1 - _HEAD_SKIN_FROM) / (1 - _SKIN_FROM)
    row = (0.98 - v) / 0.78 * (anatomy.GRID[0] - 1)
    place = place[tuple(nearest)]
    around = np.arctan2(place[..., 0], place[..., 2] + 0.3) / (2 * np.pi) + 0.5
    up = (place[..., 1] + 1.95) / 3.15
    texel = [np.clip(part * CYLINDER, 0, CYLINDER - 1).astype(np.int32) for part in (up, around)]
    return SkinMap(
        place,
        np.broadcast_to(v < _v_of_row(EYE_ROW), place.shape[:2]),
        np.broadcast_to(v < _v_of_row(MOUTH_ROW), place.shape[:2]),
        v,
        np.interp(row, np.arange(len(ROWS)), ROWS),
        (texel[0], texel[1]),
    )


def _v_of_row(elevation: float) -> float:
    """Returns v of the open head where a row of rays with this elevation is."""
    row = int(np.argmin(np.abs(ROWS - elevation)))
    return 0.98 - 0.78 * row / (anatomy.GRID[0] - 1)


def noise(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[float, float]) -> np.ndarray:
    """Returns smooth noise, float32, about standard normal.

    Args:
      rng: random numbers.
      shape: rows and columns of the result.
      cells: how many bumps fit along each.
    """
    grid = rng.standard_normal((max(2, round(cells[0])) + 3, max(2, round(cells[1])) + 3), np.float32)
    at = [np.linspace(1, count - 2, size, dtype=np.float32) for count, size in zip(grid.shape, shape, strict=True)]
    rows = _cubic(grid, at[0])
    return np.ascontiguousarray(_cubic(rows.T, at[1]).T) * np.float32(1.6)


def _cubic(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Interpolates rows by cubic B-splines."""
    first = np.clip(np.floor(at).astype(int), 1, len(values) - 3)
    t = np.clip(at - first, 0, 1)[:, None]
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    return np.asarray(sum(weight * values[first + k - 1] for k, weight in enumerate(weights)) / np.float32(6))
