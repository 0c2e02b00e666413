"""What the skin encloses or carries: eyeballs, teeth, tongue and ears, each a small mesh of rings."""

import dataclasses

import numpy as np

from data_pipelines.open_head import surface
from data_pipelines.open_head.fields import ramp

_SEGMENTS = 16
_EYE_RINGS = np.radians([8, 14, 21, 28, 38, 55, 80, 110, 145])
EAR_ANCHOR = np.array([0.665, -0.09, -0.12])


@dataclasses.dataclass(frozen=True)
class Part:
    """A mesh.

    Attributes:
      vertices: (n, 3).
      faces: (f, 3), counter-clockwise from outside.
      uv: (n, 2).
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray


def build() -> dict[str, Part]:
    """Returns all parts by name; those on the right are mirrored from the left."""
    eyeball, ear = _eyeball(), _ear()
    return {
        "left_eyeball": eyeball,
        "right_eyeball": _mirrored(eyeball),
        "upper_teeth": _teeth(upper=True),
        "lower_teeth": _teeth(upper=False),
        "tongue": _tongue(),
        "left_ear": ear,
        "right_ear": _mirrored(ear),
    }


def _mirrored(part: Part) -> Part:
    uv = part.uv + np.array([0.12, 0.0])
    return Part(part.vertices * np.array([-1, 1, 1]), part.faces[:, ::-1], uv)


def _rings(rows: int, columns: int, *, closed: bool, start: int = 0) -> np.ndarray:
    """Returns faces between rings; seen from outside, rings grow and their vertices go counter-clockwise."""
    number = start + np.arange(rows * columns).reshape(rows, columns)
    after = np.roll(number, -1, axis=1)
    inner, outer = number[:-1], number[1:]
    inner_after, outer_after = after[:-1], after[1:]
    if not closed:
        inner, outer, inner_after, outer_after = (a[:, :-1] for a in (inner, outer, inner_after, outer_after))
    pairs = np.stack([inner, outer, outer_after, inner, outer_after, inner_after], axis=-1)
    return pairs.reshape(-1, 3)


def _fan(centre: int, ring: np.ndarray) -> np.ndarray:
    return np.stack([np.full(len(ring), centre), ring, np.roll(ring, -1)], axis=-1)


def _ball(angles: np.ndarray, segments: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns a unit sphere around the z axis with its two poles first, and its faces."""
    turn = 2 * np.pi * np.arange(segments) / segments
    angle, turn = np.meshgrid(angles, turn, indexing="ij")
    ring = np.stack([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.cos(angle)], axis=-1)
    vertices = np.concatenate([[[0, 0, 1], [0, 0, -1]], ring.reshape(-1, 3)])
    last = 2 + (len(angles) - 1) * segments + np.arange(segments)
    faces = [_fan(0, 2 + np.arange(segments)), _rings(len(angles), segments, closed=True, start=2), _fan(1, last[::-1])]
    return vertices, np.concatenate(faces)


def _eyeball() -> Part:
    vertices, faces = _ball(_EYE_RINGS, _SEGMENTS)
    angle = np.arccos(np.clip(vertices[:, 2], -1, 1))
    flat = vertices[:, :2] / np.maximum(np.linalg.norm(vertices[:, :2], axis=1, keepdims=True), 1e-9)
    uv = np.array([0.07, 0.09]) + 0.055 * flat * (angle / np.pi)[:, None]
    cornea = 0.035 * ramp(angle, np.radians(32), np.radians(10))
    return Part(surface.EYE_CENTRE + surface.EYE_RADIUS * vertices * (1 + cornea[:, None]), faces, uv)


def _teeth(*, upper: bool) -> Part:
    """An arch of ten teeth and their gum: around each cross-section, front gum to edge to back."""
    along = np.linspace(-1, 1, 41)
    x = 0.205 * np.sin(along * 1.35) / np.sin(1.35)
    arch = 0.785 - 0.19 * (1 - np.cos(along * 1.25)) / (1 - np.cos(1.25))
    tooth = np.abs(np.sin(along * np.pi * 5))  # 0 between two teeth
    sign = 1.0 if upper else -1.0
    middle = -0.738 if upper else -0.795
    height, length = (0.055, 0.050) if upper else (0.05, 0.04)
    edge = length * (0.80 + 0.20 * np.minimum(1, 2 * tooth)) * (1 - 0.25 * along**2)
    rows = []
    for up, ahead in ((0.045, -0.012), (0.02, 0.0), (0.0, -0.004), (None, -0.012), (None, -0.03), (0.02, -0.05)):
        y = middle + sign * height * 0.6 + sign * up if up is not None else middle + sign * height * 0.6 - sign * edge
        z = arch + ahead - 0.010 * (1 - np.minimum(1, 2 * tooth)) * (ahead < 0.0) * (ahead > -0.02)
        rows.append(np.stack(np.broadcast_arrays(x, y, z), axis=-1))
    vertices = np.concatenate(rows)
    faces = _rings(len(rows), len(along), closed=False)
    if not upper:
        faces = faces[:, ::-1]
    v = 0.16 - 0.14 * np.repeat(np.arange(len(rows)) / (len(rows) - 1), len(along))
    uv = np.stack([np.tile(0.26 + 0.09 * (along + 1) / 2, len(rows)), v], axis=-1)
    return Part(vertices, faces, uv + np.array([0.0 if upper else 0.10, 0.0]))


def _tongue() -> Part:
    vertices, faces = _ball(np.radians([15, 35, 60, 90, 120, 150]), 14)
    uv = np.array([0.52, 0.09]) + 0.05 * vertices[:, [0, 2]]
    groove = 0.018 * np.exp(-((vertices[:, 0] / 0.25) ** 2)) * ramp(vertices[:, 1], 0.0, 0.3)
    shape = vertices * np.array([0.145, 0.050, 0.24]) - np.stack([0 * groove, groove, 0 * groove], axis=-1)
    return Part(shape + np.array([0, -0.842, 0.555]), faces, uv)


def _ear() -> Part:
    """A bowl with a rolled rim, turned away from the cheek; its last ring is inside the head."""
    reach = np.array([0.12, 0.30, 0.50, 0.68, 0.82, 0.94, 1.0, 0.97, 0.72])
    out = np.array([0.064, 0.060, 0.070, 0.094, 0.112, 0.140, 0.124, 0.085, -0.16])
    turn = 2 * np.pi * np.arange(20) / 20
    reach, turn = np.meshgrid(reach, turn, indexing="ij")
    out = np.broadcast_to(out[:, None], reach.shape)
    back = 0.40 + 0.60 * ramp(np.cos(turn), -0.9, 0.3)  # flat in front, standing off behind
    lobe = 1 - 0.30 * np.maximum(-np.sin(turn), 0) ** 2
    hollow = 0.015 * np.exp(-((reach * np.cos(turn) + 0.05) ** 2 + (reach * np.sin(turn) + 0.10) ** 2) / 0.08)
    x = np.where(out < 0, out, out * back) - hollow
    x = x + 0.05 * np.minimum(reach * np.sin(turn), 0)  # the lobe follows the narrowing head
    y = 0.30 * reach * np.sin(turn) * np.where(np.sin(turn) > 0, 1.0, 0.92)
    z = -0.165 * reach * np.cos(turn) * lobe + 0.05 * np.minimum(np.sin(turn) * reach, 0)
    ring = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    centre = ring[:20].mean(axis=0) - np.array([0.006, 0, 0])
    vertices = np.concatenate([[centre], ring])
    faces = np.concatenate([_fan(0, 1 + np.arange(20)), _rings(len(reach), 20, closed=True, start=1)])
    uv = np.array([0.72, 0.08]) - np.array([0.12, 0.0])
    flat = np.concatenate([[[0, 0]], np.stack([reach * np.cos(turn), reach * np.sin(turn)], axis=-1).reshape(-1, 2)])
    lean, tip = np.radians(14), np.radians(-12)
    yaw = np.array([[np.cos(lean), 0, np.sin(lean)], [0, 1, 0], [-np.sin(lean), 0, np.cos(lean)]])
    roll = np.array([[1, 0, 0], [0, np.cos(tip), -np.sin(tip)], [0, np.sin(tip), np.cos(tip)]])
    return Part(vertices @ (yaw @ roll).T + EAR_ANCHOR, faces, uv + 0.05 * flat * np.array([1, 1]))
