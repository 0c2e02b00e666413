"""Hair as a cap over the scalp whose lower rows hang down, and what is tied up behind."""

import dataclasses

import numpy as np

from data_pipelines.open_head.fields import ramp
from data_pipelines.open_head.skin import COLUMNS, ROWS
from data_pipelines.procedural_faces import anatomy, atlas
from data_pipelines.procedural_faces.person import Person
from data_pipelines.procedural_faces.pieces import NECK, ROOT, Piece, piece, sheet
from data_pipelines.procedural_faces.shading import HAIR

_COLUMNS, _CAP_ROWS, _FALL_ROWS = 97, 20, 10
_MIDDLE = np.array([0.0, 0.12, -0.10])
_MIRRORS = 6  # how often the patch of strands goes around the head, every second time mirrored


@dataclasses.dataclass(frozen=True)
class Style:
    """A cut, by degrees around the head: 0 is the face, 180 the back.

    Attributes:
      end: (degrees, elevation) where the hair leaves the scalp or ends; see `open_head.skin.ROWS`.
      fall: (degrees, units) how far it hangs down from there.
      thickness: units above the scalp.
      end_thickness: share of it that is left at the end of the cap, in front and behind.
      bumps: height of curls, in units.
    """

    end: tuple[tuple[float, ...], tuple[float, ...]]
    fall: tuple[tuple[float, ...], tuple[float, ...]] | None
    thickness: float
    end_thickness: tuple[float, float]
    bumps: float = 0.0


_AROUND_EARS = (0.0, 40.0, 56.0, 66.0, 78.0, 92.0, 104.0, 116.0, 140.0, 180.0)
_OVER_EARS = (0.0, 30.0, 44.0, 58.0, 72.0, 100.0, 180.0)
STYLES = {
    "short": Style((_AROUND_EARS, (50, 46, 36, 14, -2, 22, 16, -22, -34, -38)), None, 0.085, (0.25, 0.0)),
    "side": Style((_AROUND_EARS, (49, 43, 32, 12, 2, 18, 12, -24, -38, -42)), None, 0.13, (0.45, 0.05)),
    "curly": Style((_AROUND_EARS, (46, 42, 34, 14, -4, 12, 4, -26, -40, -44)), None, 0.20, (0.75, 0.55), 0.06),
    "bob": Style(
        (_OVER_EARS, (50, 46, 34, 8, -8, -20, -28)),
        ((0, 46, 60, 100, 180), (0, 0, 0.62, 0.62, 0.50)),
        0.13,
        (0.10, 0.95),
    ),
    "long": Style(
        (_OVER_EARS, (51, 46, 32, 6, -8, -20, -28)),
        ((0, 46, 62, 100, 180), (0, 0, 1.70, 1.75, 1.6)),
        0.12,
        (0.08, 0.95),
    ),
    "fringe": Style(
        (_OVER_EARS, (27, 26, 20, 4, -8, -20, -28)),
        ((0, 50, 62, 100, 180), (0, 0, 1.0, 1.1, 1.0)),
        0.13,
        (0.75, 0.95),
    ),
    "tied": Style((_AROUND_EARS, (51, 47, 38, 18, 6, 22, 18, -6, -26, -32)), None, 0.06, (0.0, 0.1)),
}


def build(person: Person, shape: np.ndarray, rng: np.random.Generator) -> list[Piece]:
    """Returns the hair of somebody with this shape, (v, 3); nothing for the bald and the shorn."""
    if person.hair_style not in STYLES:
        return []
    style = STYLES[person.hair_style]
    pieces = [_cap(person, style, shape, rng)]
    if person.hair_style == "tied":
        pieces.append(_bun(person, shape, rng))
    return pieces


def hairline(person: Person, turn: np.ndarray) -> np.ndarray:
    """Returns the elevation at which the scalp begins to be bare, by degrees around the head, as in `Style.end`."""
    style = STYLES.get(person.hair_style, STYLES["short"])
    ends = np.array(style.end[1]) if person.hair_style != "fringe" else np.array(STYLES["long"].end[1])
    return np.interp(np.abs(turn), style.end[0], ends)


def scalp(shape: np.ndarray, turn: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """Returns places on somebody's skin by angles in degrees."""
    grid = shape[: anatomy.GRID[0] * anatomy.GRID[1]].reshape(*anatomy.GRID, 3)
    around = np.concatenate([grid[:, -1:], grid], axis=1)  # column -180 as well
    row = np.interp(-elevation, -ROWS, np.arange(len(ROWS)))
    column = np.interp(turn, np.concatenate([[-180.0], COLUMNS]), np.arange(around.shape[1]))
    top, left = np.minimum(row.astype(int), len(ROWS) - 2), np.minimum(column.astype(int), around.shape[1] - 2)
    down, right = (row - top)[..., None], (column - left)[..., None]
    above = around[top, left] * (1 - right) + around[top, left + 1] * right
    below = around[top + 1, left] * (1 - right) + around[top + 1, left + 1] * right
    return np.asarray(above * (1 - down) + below * down)


def _cap(person: Person, style: Style, shape: np.ndarray, rng: np.random.Generator) -> Piece:
    turn = np.linspace(-180, 180, _COLUMNS)
    side = np.abs(turn)
    ragged = 1.3 * rng.normal(0, 1, _COLUMNS) + 1.5 * np.interp(turn, np.linspace(-180, 180, 40), rng.normal(0, 1, 40))
    raggedness = 0.35 if person.hair_style in ("tied", "short") else 1.0
    end = np.interp(side, *style.end) + raggedness * np.where(side < 175, ragged, 0)
    s = np.linspace(0, 1, _CAP_ROWS)[:, None]
    elevation = 82 + (end - 82) * s**0.9
    on_skin = scalp(shape, np.broadcast_to(turn, elevation.shape), elevation)
    away = on_skin - _MIDDLE
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    height = _height(person, style, turn, s, rng)
    place = on_skin + away * height[..., None]
    if style.fall is not None:
        place = np.concatenate([place, _fallen(person, style, place[-1], turn, rng)])
    strand = np.gradient(place, axis=0)
    head = ramp(place[..., 1], -2.2, -1.0) if style.fall is not None else np.ones(place.shape[:2])
    weights = np.zeros((*place.shape[:2], 5))
    weights[..., NECK], weights[..., ROOT] = head, 1 - head
    mirrored = 1 - np.abs(np.linspace(0, _MIRRORS, _COLUMNS) % 2 - 1)
    along = np.linspace(1, 0, len(place))[:, None]
    uv = atlas.HAIR.place(*np.broadcast_arrays(mirrored, along))
    return piece(place, sheet(len(place), _COLUMNS), uv, weights, HAIR, strand)


def _height(person: Person, style: Style, turn: np.ndarray, s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns how far the cap is above the scalp, (rows, columns)."""
    front = ramp(np.abs(turn), 80, 35)
    at_end = style.end_thickness[0] * front + style.end_thickness[1] * (1 - front)
    thickness = style.thickness * (0.8 + 0.5 * person.hair_length)
    profile = (0.75 + 0.25 * ramp(s, 0, 0.3)) * (1 - (1 - at_end) * ramp(s, 0.62, 1.0) ** 1.5)
    if person.hair_style in ("side", "short"):
        # Swept over from the parting.
        swept = np.tanh((turn * person.hair_side + 22) / 18) * ramp(np.abs(turn), 110, 40)
        profile = profile * (1 + (0.55 if person.hair_style == "side" else 0.2) * swept * ramp(s, 0.1, 0.6))
    if person.hair_style in ("long", "bob", "tied"):
        parting = np.exp(-(((turn - 14 * person.hair_side) / 5.5) ** 2)) * ramp(s, 0.05, 0.3)
        profile = profile * (1 - 0.55 * parting)
    clumps = 0.13 * np.interp(turn, np.linspace(-180, 180, 73), rng.normal(0, 1, 73)) * ramp(s, 0.0, 0.4)
    bumps = style.bumps * np.clip(atlas.noise(rng, (len(s), len(turn)), (9, 36)), -1.5, 1.5) * ramp(s, 0.1, 0.3)
    bumps[:, -1] = bumps[:, 0]
    over_ears = 0.15 * np.exp(-(((np.abs(turn) - 96) / 26) ** 2)) * ramp(s, 0.45, 0.75) * (style.fall is not None)
    ridge = (1 + 0.45 * person.hair_wave * np.sin(9 * s + 0.03 * turn)) if style.fall is not None else 1.0
    return np.asarray(
        thickness * profile * (1 + clumps) * ridge + bumps + over_ears - 0.02 * ramp(s, 0.9, 1.0) * (1 - at_end)
    )


def _fallen(person: Person, style: Style, start: np.ndarray, turn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns rows that hang down from the cap's last one."""
    assert style.fall is not None
    length = np.interp(np.abs(turn), *style.fall) * (0.75 + 0.5 * person.hair_length)
    length = length * (1 + 0.05 * np.interp(turn, np.linspace(-180, 180, 60), rng.normal(0, 1, 60)))
    outwards = start * np.array([1.0, 0.0, 1.0]) - np.array([0.0, 0.0, -0.15])
    outwards /= np.linalg.norm(outwards, axis=-1, keepdims=True)
    t = (np.arange(1, _FALL_ROWS + 1) / _FALL_ROWS)[:, None]
    down = length * t
    wave = 0.055 * person.hair_wave * np.sin(down * 8 + 0.06 * turn) * ramp(down, 0, 0.4)
    # Over the shoulders hair comes forward or goes back, and away from the neck.
    swing = 0.07 * np.sin(2.2 * down) + 0.10 * ramp(down, 0.7, 1.6) + wave
    rows = start[None] + outwards[None] * swing[..., None] - down[..., None] * np.array([0.0, 1.0, 0.0])
    to_front = ramp(np.abs(turn), 100, 70) * ramp(rows[..., 1], -1.1, -1.9)
    rows[..., 2] += 0.30 * to_front - 0.30 * ramp(np.abs(turn), 70, 110) * ramp(rows[..., 1], -1.4, -2.2)
    return rows


def _bun(person: Person, shape: np.ndarray, rng: np.random.Generator) -> Piece:
    """A knot at the back of the head."""
    rows, columns = 9, 25
    tilt, turn = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij")
    radius = 0.22 + 0.12 * person.hair_length
    ball = np.stack([np.sin(tilt) * np.cos(turn), np.cos(tilt) * 0.85, np.sin(tilt) * np.sin(turn)], axis=-1)
    ball = ball * radius * (1 + 0.05 * np.sin(5 * turn + 3 * tilt))[..., None]
    at = scalp(shape, np.array(180.0), np.array(rng.uniform(28, 62)))
    centre = at + (at - _MIDDLE) / np.linalg.norm(at - _MIDDLE) * 0.6 * radius
    uv = atlas.HAIR.place(1 - np.abs(turn / np.pi - 1), tilt / np.pi)
    along = np.stack([-np.sin(turn), 0.3 * np.cos(2 * tilt), np.cos(turn)], axis=-1)
    return piece(ball + centre, sheet(rows, columns, flipped=True), uv, NECK, HAIR, along)


def paint(texture: np.ndarray, person: Person, rng: np.random.Generator) -> None:
    """Fills the patch of strands."""
    s, t = atlas.HAIR.inside()
    shape = s.shape
    strands = atlas.noise(rng, shape, (3, 75)) * 0.16 + atlas.noise(rng, shape, (2, 18)) * 0.12
    strands += 0.05 * atlas.noise(rng, shape, (40, 100))
    dark = 0.80 + 0.22 * np.sin(np.clip(t, 0, 1) * 3.0)
    color = np.array(person.hair) * (np.clip(1 + strands, 0.4, 1.7) * dark)[..., None]
    texture[(*atlas.HAIR.texels(), slice(3))] = np.clip(color, 0.012, 1)
