"""Glasses: two rims, a bridge, and arms to the ears."""

import numpy as np

from data_pipelines.procedural_faces import anatomy, atlas
from data_pipelines.procedural_faces.person import Person
from data_pipelines.procedural_faces.pieces import NECK, Piece, piece, sheet
from data_pipelines.procedural_faces.shading import FRAME

_SEGMENTS = 33
_AROUND = 6


def build(person: Person, shape: np.ndarray) -> list[Piece]:
    """Returns the frame on somebody's nose; nothing for those who wear none."""
    if person.glasses == "none":
        return []
    head = anatomy.anatomy()
    pieces, rims = [], {}
    for name, sign in (("left_eyeball", 1), ("right_eyeball", -1)):
        eye = shape[slice(*head.parts[name])].mean(axis=0)
        middle = np.array([eye[0] * 1.04, eye[1] - 0.035, eye[2] + 0.27])
        rims[sign] = middle
        pieces.append(_wire(_rim(person, middle), 0.013 if person.glasses == "round" else 0.019))
        ear = shape[slice(*head.parts[name.replace("eyeball", "ear")])].mean(axis=0)
        hinge = middle + np.array([sign * 0.25, 0.06, -0.03])
        top = np.array([ear[0] - sign * 0.02, ear[1] + 0.20, ear[2] + 0.02])
        corner = np.array([max(abs(hinge[0]), abs(top[0]) + 0.015) * sign, hinge[1], hinge[2] - 0.10])
        pieces.append(_wire(np.stack([hinge, corner, top, top + np.array([0, -0.12, -0.12])]), 0.015))
    left, right = rims[1] - np.array([0.185, -0.03, 0.0]), rims[-1] + np.array([0.185, 0.03, 0.0])
    over = (left + right) / 2 + np.array([0, 0.045, 0.03])
    pieces.append(_wire(np.stack([right, (right + over) / 2 + np.array([0, 0.015, 0.01]), over, left]), 0.014))
    return pieces


def _rim(person: Person, middle: np.ndarray) -> np.ndarray:
    """Returns the line of a rim, (n, 3); half rims are open below."""
    full = person.glasses != "half_rim"
    turn = np.linspace(-np.pi, np.pi, _SEGMENTS) if full else np.linspace(-0.25, np.pi + 0.25, _SEGMENTS)
    power = 2.0 if person.glasses == "round" else 3.6
    cosine, sine = np.cos(turn), np.sin(turn)
    reach = (np.abs(cosine) ** power + np.abs(sine) ** power) ** (-1 / power)
    width, height = (0.185, 0.180) if person.glasses == "round" else (0.215, 0.150)
    x, y = width * cosine * reach, height * sine * reach
    outwards = np.sign(middle[0]) * x
    return middle + np.stack([x, y, -0.16 * np.maximum(outwards, 0) - 0.10 * y], axis=-1)


def _wire(line: np.ndarray, radius: float) -> Piece:
    """A tube along a line."""
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    helper = np.where(np.abs(along[:, 1:2]) > 0.9, np.array([[1.0, 0, 0]]), np.array([[0, 1.0, 0]]))
    across = np.cross(along, helper)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    third = np.cross(along, across)
    turn = np.linspace(0, 2 * np.pi, _AROUND + 1)
    ring = np.cos(turn)[:, None, None] * across + np.sin(turn)[:, None, None] * third
    place = line + radius * ring
    uv = atlas.FRAME.place(np.full(place.shape[:2], 0.5), np.full(place.shape[:2], 0.5))
    return piece(place, sheet(_AROUND + 1, len(line)), uv, NECK, FRAME)
