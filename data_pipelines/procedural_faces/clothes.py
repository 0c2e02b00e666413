"""The upper body in a garment, with collars and hoods."""

import numpy as np

from data_pipelines.open_head.fields import ramp
from data_pipelines.procedural_faces import atlas
from data_pipelines.procedural_faces.person import Person
from data_pipelines.procedural_faces.pieces import ROOT, Piece, piece, sheet
from data_pipelines.procedural_faces.shading import CLOTH, SKIN

_ROWS, _COLUMNS = 26, 61
_HEIGHTS = np.array([-4.2, -2.72, -2.27, -2.02, -1.84, -1.72, -1.62, -1.52, -1.42, -1.30])
_WIDTHS = np.array([0.98, 1.0, 0.97, 0.90, 0.76, 0.60, 0.0, 0.0, 0.0, 0.0])  # of the shoulders, where not 0
_NECK_WIDTHS = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.70, 0.55, 0.455, 0.40])
_DEPTHS = np.array([0.98, 0.90, 0.80, 0.72, 0.64, 0.58, 0.53, 0.47, 0.41, 0.35])
_MIDDLES = np.array([-0.30, -0.30, -0.30, -0.31, -0.31, -0.31, -0.30, -0.30, -0.29, -0.28])


def build(person: Person) -> list[Piece]:
    """Returns what somebody wears, and the chest."""
    place = _torso(person)
    s, t = np.meshgrid(np.linspace(0, 1, _COLUMNS), np.linspace(1, 0, _ROWS))
    uv, faces = atlas.CLOTH.place(s, t), sheet(_ROWS, _COLUMNS)
    middle = place.reshape(-1, 3)[faces].mean(axis=1)
    bare = middle[:, 1] > _neckline(person, middle[:, 0], middle[:, 2])
    pieces = [piece(place, faces, uv, ROOT, np.where(bare, SKIN, CLOTH))]
    if person.garment == "turtleneck":
        pieces.append(_tube(((-1.14, 0.45), (-1.16, 0.49), (-1.28, 0.50), (-1.46, 0.53), (-1.62, 0.66)), lean=0.10))
    if person.garment in ("collar", "open_shirt"):
        pieces.append(_shirt_collar(person))
    if person.garment == "hoodie":
        pieces.append(_hood())
    return pieces


def _torso(person: Person) -> np.ndarray:
    """Returns rings from the neck down, (rows, columns, 3); the seam is behind."""
    heights = np.concatenate([np.linspace(-1.30, -1.95, _ROWS * 2 // 3), np.linspace(-1.95, -4.2, _ROWS // 3 + 2)[1:]])
    widths = np.where(_WIDTHS > 0, _WIDTHS * person.shoulders, _NECK_WIDTHS)
    width, depth, middle = (np.interp(heights, _HEIGHTS, values)[:, None] for values in (widths, _DEPTHS, _MIDDLES))
    turn = _turns()
    sine, cosine = np.sin(turn), np.cos(turn)
    power = 2 + 0.7 * ramp(-heights, 1.72, 2.1)[:, None]
    round_ = (np.abs(sine) ** power + np.abs(cosine) ** power) ** (-1 / power)
    # Shoulders slope: rings are lower at the sides.
    y = heights[:, None] - 0.10 * np.abs(sine) ** 2 * ramp(-heights, 1.37, 1.62)[:, None]
    chest = 0.10 * ramp(-heights, 1.62, 2.6)[:, None] * np.maximum(cosine, 0) ** 2
    return np.stack(np.broadcast_arrays(width * sine * round_, y, middle + depth * cosine * round_ + chest), axis=-1)


def _turns() -> np.ndarray:
    """Returns the columns' angles around the body, closer together in front, where 0 is."""
    part = np.linspace(-1, 1, _COLUMNS)
    return np.asarray(np.pi * np.sign(part) * np.abs(part) ** 1.5)


def _tube(profile: tuple[tuple[float, float], ...], *, lean: float) -> Piece:
    """A ring around the neck by heights and radii from top to bottom, higher behind."""
    turn = np.linspace(-np.pi, np.pi, _COLUMNS)
    rows = []
    for height, radius in profile:
        middle = -0.26 - 0.06 * (height + 1.2) / -0.6
        y = height - lean * np.cos(turn)
        rows.append(np.stack([radius * np.sin(turn), y, middle + radius * np.cos(turn)], axis=-1))
    place = np.stack(rows)
    s, t = np.meshgrid(np.linspace(0.2, 0.8, _COLUMNS), np.linspace(0.30, 0.05, len(rows)))
    return piece(place, sheet(len(rows), _COLUMNS), atlas.CLOTH.place(s, t), ROOT, CLOTH)


def _shirt_collar(person: Person) -> Piece:
    """A folded collar whose points hang down in front."""
    turn = np.linspace(-np.pi + 0.14, np.pi - 0.14, _COLUMNS)  # 0 is behind
    tip = ramp(np.abs(turn), 1.9, 2.95)
    opening = 0.10 if person.garment == "open_shirt" else 0.0
    rows = []
    for down, radius in ((0.10, 0.47), (0.0, 0.50), (0.10, 0.56), (0.22, 0.64)):
        y = -1.22 - down * (1 + 0.55 * tip) + 0.10 * np.cos(turn) - opening * tip
        reach = radius + 0.10 * opening * tip
        # The edge runs off to the side where the points are.
        around = turn * (1 - (0.10 * down / 0.22) * ramp(np.abs(turn), 2.2, 3.0) - opening * 0.6 * tip)
        rows.append(np.stack([-reach * np.sin(around), y, -0.27 - reach * np.cos(around) + 0.10 * tip], axis=-1))
    place = np.stack(rows)
    s, t = np.meshgrid(np.linspace(0.02, 0.16, _COLUMNS), np.linspace(0.30, 0.05, len(rows)))
    return piece(place, sheet(len(rows), _COLUMNS), atlas.CLOTH.place(s, t), ROOT, CLOTH)


def _hood() -> Piece:
    """A hood that lies on the shoulders: a thick roll, open in front."""
    turn = np.linspace(-2.75, 2.75, _COLUMNS)  # 0 is behind
    around = np.linspace(0, 2 * np.pi, 13)
    thick = 0.17 + 0.10 * np.cos(turn / 2) ** 2
    reach = 0.62 + 0.06 * np.cos(turn)
    height = -1.46 + 0.16 * np.cos(turn) - 0.14 * ramp(np.abs(turn), 1.6, 2.75)
    from_axis = reach + thick * np.cos(around)[:, None]
    place = np.stack(
        [-from_axis * np.sin(turn), height + 0.9 * thick * np.sin(around)[:, None], -0.32 - from_axis * np.cos(turn)],
        axis=-1,
    )
    s, t = np.meshgrid(np.linspace(0.18, 0.82, _COLUMNS), np.linspace(0.30, 0.05, len(around)))
    return piece(place, sheet(len(around), _COLUMNS), atlas.CLOTH.place(s, t), ROOT, CLOTH)


def paint(texture: np.ndarray, person: Person, rng: np.random.Generator) -> None:
    """Fills the patch of the clothes: skin above the neckline, cloth with its pattern below."""
    s, t = atlas.CLOTH.inside()
    place = _torso(person)
    row, column = np.clip(1 - t, 0, 1) * (_ROWS - 1), np.clip(s, 0, 1) * (_COLUMNS - 1)
    top, left = np.minimum(row.astype(int), _ROWS - 2), np.minimum(column.astype(int), _COLUMNS - 2)
    down, right = (row - top)[..., None], (column - left)[..., None]
    above = place[top, left] * (1 - right) + place[top, left + 1] * right
    below = place[top + 1, left] * (1 - right) + place[top + 1, left + 1] * right
    x, y, z = np.moveaxis(above * (1 - down) + below * down, -1, 0)
    cloth = np.array(person.cloth) * (1 - _pattern(person, x, y)) + np.array(person.trim) * _pattern(person, x, y)
    cloth = (
        cloth * (1 + 0.05 * atlas.noise(rng, s.shape, (9, 18)) + 0.03 * atlas.noise(rng, s.shape, (50, 120)))[..., None]
    )
    edge = _neckline(person, x, z)
    hem = ramp(y, edge - 0.10, edge - 0.075) * (person.garment in ("crew", "v_neck"))
    cloth = cloth * (1 - 0.22 * hem)[..., None]
    if person.garment in ("collar", "open_shirt"):
        placket = np.exp(-((x / 0.012) ** 2)) * (z > 0)
        cloth = cloth * (1 - 0.35 * placket)[..., None]
    covered = ramp(y, edge + 0.012, edge - 0.012)[..., None]
    skin = np.array(person.skin) * np.array([0.98, 0.93, 0.92]) * (0.80 + 0.20 * ramp(y, -1.32, -1.62))[..., None]
    texture[(*atlas.CLOTH.texels(), slice(3))] = np.clip(skin + (cloth - skin) * covered, 0.01, 1)


def _neckline(person: Person, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Returns the height above which skin is seen."""
    front = ramp(z, -0.35, 0.10)
    if person.garment == "v_neck":
        return np.asarray(-1.44 - 0.55 * np.clip(1 - np.abs(x) / 0.42, 0, 1) * front)
    if person.garment == "open_shirt":
        return np.asarray(-1.39 - 0.62 * np.clip(1 - np.abs(x) / 0.30, 0, 1) * front)
    if person.garment == "crew":
        return np.asarray(-1.43 - 0.14 * front * np.exp(-((x / 0.42) ** 2)))
    return np.full_like(x, -1.1)


def _pattern(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns where the trim's colour is, (h, w, 1)."""
    stripes = ramp(np.sin(y * 2 * np.pi / 0.30), 0.1, 0.4)
    if person.pattern == "stripes":
        return stripes[..., None]
    if person.pattern == "checks":
        return (0.35 * stripes + 0.35 * ramp(np.sin(x * 2 * np.pi / 0.30), 0.1, 0.4))[..., None]
    return np.zeros((*x.shape, 1))
