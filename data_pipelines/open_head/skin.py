"""The skin: a symmetric grid of rays with slits for the eyes and the mouth, and the lining behind the slits.

Rows go from the crown to the base of the neck, columns around the head from the person's right over the face to the
left. The lids are closed here; `lids.py` opens them.
"""

import dataclasses
import itertools

import numpy as np

from data_pipelines.open_head import surface

_FRONT = np.linspace(0, 40, 20)
_COLUMNS_RIGHT = np.concatenate([_FRONT[1:], np.linspace(40, 90, 10)[1:], np.linspace(90, 180, 9)[1:-1]])
COLUMNS = np.concatenate([-_COLUMNS_RIGHT[::-1], [0.0], _COLUMNS_RIGHT, [180.0]])
"""Angles around the head in degrees; 0 is the face, the last column is the back."""

EYE_ROW, MOUTH_ROW = 7.6, -34.0
ROWS = np.concatenate(
    [
        np.linspace(82, 24, 9),
        np.linspace(20.8, EYE_ROW + 1.1, 9),
        np.linspace(EYE_ROW, 2, 6),
        np.linspace(0, -22.5, 11),
        np.linspace(-24.3, MOUTH_ROW, 8),
        np.linspace(MOUTH_ROW - 1.3, -43, 7),
        np.linspace(-45.5, -64, 7),
    ]
)
"""Elevations of rays in degrees, of the rows above the neck."""

NECK_ROWS = 8
BASE_OF_NECK = -1.85
_RAYS_FROM = np.array([0, -0.15, 0])
# Where the lining of the mouth goes behind the lips: backwards, and away from the line between them.
_LINING_DEPTH = np.array([0.035, 0.09, 0.24, 0.46, 0.46, 0.24, 0.09, 0.035])
_LINING_HEIGHT = np.array([0.002, 0.06, 0.11, 0.06, -0.08, -0.11, -0.05, -0.002])


@dataclasses.dataclass(frozen=True)
class Skin:
    """The surface with closed lids.

    Attributes:
      vertices: (n, 3).
      faces: (f, 3).
      uv: texture coordinates; the first n belong to the vertices, the others to the seam at the back and the crown.
      uv_faces: (f, 3).
      grid: vertices by row and column; slits have their upper vertices here.
      slits: 'left_eye', 'right_eye', 'mouth' -> upper and lower vertices from the person's right to the left.
      lining: mouth's inner vertices, rows from the upper to the lower lip.
      lid: 1 above the line between the lids, -1 below.
      lip: the same of the lips.
      outside: how many vertices belong to the outer skin; the linings come after them.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    grid: np.ndarray
    slits: dict[str, tuple[np.ndarray, np.ndarray]]
    lining: np.ndarray
    lid: np.ndarray
    lip: np.ndarray
    outside: int


class _Builder:
    """Collects vertices with their flags and texture coordinates."""

    def __init__(self) -> None:
        self.vertices: list[np.ndarray] = []
        self.lid: list[int] = []
        self.lip: list[int] = []
        self.uv: list[np.ndarray] = []
        self.faces: list[np.ndarray] = []

    def add(self, vertices: np.ndarray, uv: np.ndarray, lid: int, lip: int) -> np.ndarray:
        """Adds vertices and returns their numbers."""
        start = len(self.vertices)
        self.vertices += list(vertices)
        self.uv += list(uv)
        self.lid += [lid] * len(vertices)
        self.lip += [lip] * len(vertices)
        return np.arange(start, len(self.vertices))

    def strip(self, above: np.ndarray, below: np.ndarray) -> None:
        """Joins two rows that go to the picture's right; the diagonals are mirrored in the middle."""
        half = (len(above) - 1) / 2
        for i in range(len(above) - 1):
            corners = above[i], above[i + 1], below[i], below[i + 1]
            self.faces.append(_quad(*corners, mirrored=i + 0.5 < half))


def build() -> Skin:
    """Returns the skin."""
    points = _grid_points()
    rows = len(points)
    eye_row, mouth_row = (int(np.argmin(np.abs(ROWS - row))) for row in (EYE_ROW, MOUTH_ROW))
    builder = _Builder()
    uv = _grid_uv(rows)
    grid = np.stack(
        [builder.add(points[r], uv[r], 1 if r <= eye_row else -1, 1 if r <= mouth_row else -1) for r in range(rows)]
    )
    slits, beneath = {}, grid.copy()
    for name, row, spans in (
        ("left_eye", eye_row, (0.155, 0.477)),
        ("right_eye", eye_row, (-0.477, -0.155)),
        ("mouth", mouth_row, (-0.262, 0.262)),
    ):
        x = points[row, :, 0]
        at = np.flatnonzero((x > spans[0]) & (x < spans[1]) & (np.abs(COLUMNS) < 60))
        lower = grid[row, at]
        lower[1:-1] = builder.add(points[row, at[1:-1]], uv[row, at[1:-1]], -1, -1 if name == "mouth" else 1)
        slits[name] = grid[row, at], lower
        beneath[row, at] = lower
    pole = surface.cast(_RAYS_FROM[None] * 1.0, np.array([[0.0, 1.0, 0.0]]))
    crown = builder.add(pole, np.array([[0.5, 1.0]]), 1, 1)[0]
    outside = len(builder.vertices)
    lining = _add_linings(builder, slits)
    faces, uv_faces, seam = _grid_faces(grid, beneath, crown, uv, len(builder.vertices))
    return Skin(
        np.array(builder.vertices),
        np.concatenate([faces, *builder.faces]),
        np.concatenate([np.array(builder.uv), seam]),
        np.concatenate([uv_faces, *builder.faces]),
        grid,
        slits,
        lining,
        np.array(builder.lid),
        np.array(builder.lip),
        outside,
    )


def _grid_points() -> np.ndarray:
    """Returns where the rays leave the head, (rows, columns, 3)."""
    turn, tilt = np.meshgrid(COLUMNS, ROWS)
    # The mouth's row keeps its height where the face turns away, and rows come together behind the head.
    tilt = tilt - 2.2 * np.exp(-(((tilt - MOUTH_ROW) / 9) ** 2)) * np.clip(np.abs(turn) / 18, 0, 1.4) ** 2
    front = (1 + np.cos(np.radians(turn))) / 2
    tilt = np.where(tilt < 0, tilt * (0.75 + 0.25 * front), tilt)
    origins = np.broadcast_to(_RAYS_FROM, (*turn.shape, 3))
    part = np.arange(1, NECK_ROWS + 1)[:, None] / NECK_ROWS
    front, down = front[:1], np.broadcast_to(part, (NECK_ROWS, len(COLUMNS)))
    start = np.stack([0 * down, -0.15 - 1.7 * down, -0.22 * down], axis=-1)
    target = front * np.interp(part, [0, 0.2, 0.4, 1], [-1.09, -1.15, -1.25, BASE_OF_NECK])
    target = target + (1 - front) * np.interp(part, [0, 1], [-0.84, BASE_OF_NECK])
    away = front * (np.interp(part, [0, 0.2, 0.4, 1], [0.42, 0.25, 0.19, 0.19]) + 0.22 * part)
    away = away + (1 - front) * (0.62 - 0.22 * part)
    tilt = np.concatenate([tilt, np.degrees(np.arctan2(target - start[..., 1], away))])
    turn = np.concatenate([turn, np.broadcast_to(COLUMNS, down.shape)])
    turn, tilt = np.radians(turn), np.radians(tilt)
    directions = np.stack([np.cos(tilt) * np.sin(turn), np.sin(tilt), np.cos(tilt) * np.cos(turn)], axis=-1)
    origins = np.concatenate([origins, start])
    points = surface.cast(origins.reshape(-1, 3), directions.reshape(-1, 3)).reshape(*turn.shape, 3)
    points = _mirror_exactly(_smoothed(points))
    return _with_nostrils(_over_eyeballs(points))


def _smoothed(points: np.ndarray) -> np.ndarray:
    beside = np.roll(points, 1, axis=1) + np.roll(points, -1, axis=1)
    result = points.copy()
    result[1:-1] = 0.72 * points[1:-1] + 0.07 * (points[2:] + points[:-2] + beside[1:-1])
    return result


def _mirror_exactly(points: np.ndarray) -> np.ndarray:
    """Removes the rounding that tells left from right."""
    other = points[:, (len(COLUMNS) - 2 - np.arange(len(COLUMNS))) % len(COLUMNS)] * np.array([-1, 1, 1])
    return (points + other) / 2


def _over_eyeballs(points: np.ndarray) -> np.ndarray:
    """Keeps the closed lids at their distance from the eyeballs."""
    for side in (1, -1):
        from_eye = points - surface.EYE_CENTRE * np.array([side, 1, 1])
        radius = np.linalg.norm(from_eye, axis=-1, keepdims=True)
        near = (from_eye[..., 2:] > 0) & (radius < surface.LID_RADIUS)
        points = np.where(near, points + from_eye * (surface.LID_RADIUS / radius - 1), points)
    return points


def _with_nostrils(points: np.ndarray) -> np.ndarray:
    """Lifts the underside of the nose into it, which no ray from the head's middle can find."""
    away = np.stack([np.abs(points[..., 0]), points[..., 1], points[..., 2]], axis=-1) - np.array(
        [0.055, -0.485, 0.925]
    )
    depth = 0.055 * np.exp(-0.5 * ((away / np.array([0.022, 0.030, 0.035])) ** 2).sum(axis=-1))
    return points + np.stack([0 * depth, depth, -0.3 * depth], axis=-1)


def _grid_uv(rows: int) -> np.ndarray:
    across = 0.5 + 0.5 * np.sign(COLUMNS) * (np.abs(COLUMNS) / 180) ** 0.75
    down = 0.98 - 0.78 * np.arange(rows) / (rows - 1)
    return np.stack(np.broadcast_arrays(across, down[:, None]), axis=-1)


def _quad(top_left: int, top_right: int, bottom_left: int, bottom_right: int, *, mirrored: bool) -> np.ndarray:
    """Returns two counter-clockwise triangles."""
    if mirrored:
        return np.array([[top_left, bottom_left, top_right], [top_right, bottom_left, bottom_right]])
    return np.array([[top_left, bottom_left, bottom_right], [top_left, bottom_right, top_right]])


def _add_linings(builder: _Builder, slits: dict[str, tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Adds the rims of the lids and the inside of the mouth; returns the latter's vertices."""
    for name, side in (("left_eye", 1), ("right_eye", -1)):
        upper, lower = slits[name]
        centre = surface.EYE_CENTRE * np.array([side, 1, 1])
        above = builder.add(_behind(builder, upper, centre), np.array([builder.uv[v] for v in upper]), 1, 1)
        inner = lower[1:-1]
        below = builder.add(_behind(builder, inner, centre), np.array([builder.uv[v] for v in inner]), -1, 1)
        builder.strip(upper, above)
        builder.strip(np.concatenate([above[:1], below, above[-1:]]), lower)  # joined at the corners
    upper, lower = slits["mouth"]
    across = np.linspace(0, np.pi, len(upper))
    taper = np.sqrt(np.maximum(np.sin(across), 0))  # the pouch closes at the corners
    rows = []
    for j, (depth, height) in enumerate(zip(_LINING_DEPTH, _LINING_HEIGHT, strict=True)):
        is_upper = j < len(_LINING_DEPTH) // 2
        place = np.array([builder.vertices[v] for v in (upper if is_upper else lower)])
        place = place + np.stack([0 * taper, height * taper, 0 * taper - depth], axis=-1)
        uv = np.stack([0.72 + 0.25 * across / np.pi, 0 * across + 0.16 - 0.018 * j], axis=-1)
        rows.append(builder.add(place, uv, -1, 1 if is_upper else -1))
    path = [upper, *rows, lower]
    for above, below in itertools.pairwise(path):
        builder.strip(above, below)
    return np.stack(rows)


def _behind(builder: _Builder, edge: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Returns places inside the eyeball behind a lid's edge."""
    inwards = np.array([builder.vertices[v] for v in edge]) - centre
    return centre + inwards * (0.86 * surface.EYE_RADIUS / np.linalg.norm(inwards, axis=1, keepdims=True))


def _grid_faces(
    grid: np.ndarray, beneath: np.ndarray, crown: int, uv: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns triangles, their corners in the texture, and the texture's points that no vertex has of its own."""
    rows, columns = grid.shape
    middle = columns // 2 - 1
    seam = count + np.arange(rows)
    peaks = count + rows + np.arange(columns)
    faces, corners = [], []
    for c in range(columns):
        after = (c + 1) % columns
        left = [seam if c == columns - 1 else None]
        for r in range(rows - 1):
            quad = beneath[r, c], beneath[r, after], grid[r + 1, c], grid[r + 1, after]
            faces.append(_quad(*quad, mirrored=c < middle or c == columns - 1))
            if left[0] is not None:
                quad = seam[r], quad[1], seam[r + 1], quad[3]
            corners.append(_quad(*quad, mirrored=c < middle or c == columns - 1))
        faces.append(np.array([[crown, grid[0, c], grid[0, after]]]))
        corners.append(np.array([[peaks[c], seam[0] if c == columns - 1 else grid[0, c], grid[0, after]]]))
    start = np.concatenate([[0.0], uv[0, :-1, 0]])
    top = np.roll((start + uv[0, :, 0]) / 2, -1)
    extra = np.concatenate([uv[:, -1] * np.array([0, 1]), np.stack([top, np.ones(columns)], axis=-1)])
    return np.concatenate(faces), np.concatenate(corners), extra
