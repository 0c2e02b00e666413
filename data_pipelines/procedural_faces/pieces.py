"""Meshes that people wear or grow, and what they are made of."""

import dataclasses

import numpy as np

ROOT, NECK = 0, 1
"""Of the open head's five joints."""


@dataclasses.dataclass(frozen=True)
class Piece:
    """A mesh at rest, in units.

    Attributes:
      place: vertices, (n, 3).
      faces: (f, 3), counter-clockwise from outside.
      uv: in the person's texture, (n, 2).
      weights: how much each joint moves each vertex, (n, 5).
      material: of each face, one of those of `shading`, (f,).
      strand: direction along hair, (n, 3); zero for what is not hair.
    """

    place: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    weights: np.ndarray
    material: np.ndarray
    strand: np.ndarray


def piece(
    place: np.ndarray,
    faces: np.ndarray,
    uv: np.ndarray,
    weights: np.ndarray | int,
    material: np.ndarray | int,
    strand: np.ndarray | None = None,
) -> Piece:
    """Makes a piece of arrays with any leading axes; weights may be the only joint, material that of all faces."""
    flat = place.reshape(-1, 3)
    if isinstance(weights, int):
        weights = np.broadcast_to(np.eye(5)[weights], (len(flat), 5))
    along = np.zeros_like(flat) if strand is None else strand.reshape(-1, 3)
    return Piece(
        flat.astype(np.float32),
        faces.astype(np.int32),
        uv.reshape(-1, 2).astype(np.float32),
        weights.reshape(-1, 5).astype(np.float32),
        np.broadcast_to(material, len(faces)),
        along.astype(np.float32),
    )


def sheet(rows: int, columns: int, *, flipped: bool = False) -> np.ndarray:
    """Returns triangles of a grid of vertices; going down the rows and right along the columns, the front is seen.

    Args:
      rows: of the grid.
      columns: of the grid.
      flipped: whether the back is to be the front.
    """
    number = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    faces = np.concatenate([np.stack([a, c, d], axis=-1), np.stack([a, d, b], axis=-1)]).reshape(-1, 3)
    return faces[:, ::-1] if flipped else faces
