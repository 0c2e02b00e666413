"""The open head in numpy, in the units it was made in: shapes of people, and posing, fast enough for every frame."""

import dataclasses
import functools

import numpy as np

from data_pipelines.compiled import compiled, compiled_fast
from data_pipelines.open_head import identity
from data_pipelines.open_head.fields import Points
from data_pipelines.open_head.model import METRES
from data_pipelines.open_head.skin import COLUMNS, NECK_ROWS, ROWS
from jaxanim.geometry import open_head

GRID = (len(ROWS) + NECK_ROWS, len(COLUMNS))
"""The first vertices are a grid: rows from the crown to the base of the neck, columns around the head."""


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """Arrays of the open head, float32, read-only; see `MorphableModel`.

    Attributes:
      template: (v, 3).
      identity: offsets of one standard deviation, (v * 3, i).
      expression: offsets, (e, v * 3).
      joint_regressor: (j, v).
      weights: skinning weights, (v, j).
      faces: (f, 3).
      uv: (u, 2), y up.
      uv_faces: (f, 3).
      parents: of the joints.
      expression_names: ARKit's names.
      parts: first vertex of each part and the one after its last.
      landmarks: how many -> faces (l,) and barycentric coordinates (l, 3).
    """

    template: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    joint_regressor: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    parents: tuple[int, ...]
    expression_names: tuple[str, ...]
    parts: open_head.Parts
    landmarks: dict[int, tuple[np.ndarray, np.ndarray]]

    def part_of_faces(self, name: str) -> np.ndarray:
        """Returns which faces have their corners in a part, (f,)."""
        start, stop = self.parts[name]
        return np.asarray(((self.faces >= start) & (self.faces < stop)).all(axis=1))


@functools.cache
def anatomy() -> Anatomy:
    """Returns the bundled open head."""
    model = open_head.load_open_head()
    vertices = len(model.template)

    def basis(kind: str) -> np.ndarray:
        offsets = np.asarray(getattr(model, f"{kind}_basis")) * np.asarray(getattr(model, f"{kind}_sigmas"))
        return _fixed((offsets / METRES).reshape(vertices * 3, -1))

    return Anatomy(
        _fixed(np.asarray(model.template) / METRES),
        basis("identity"),
        _fixed(basis("expression").T),
        _fixed(model.joint_regressor),
        _fixed(model.skinning_weights),
        _fixed(model.faces, np.int32),
        _fixed(model.uv),
        _fixed(model.uv_faces, np.int32),
        model.parents,
        model.expression_names,
        open_head.load_parts(),
        {count: (_fixed(at.face, np.int32), _fixed(at.barycentric)) for count, at in model.landmarks.items()},
    )


def shape(identity: np.ndarray) -> np.ndarray:
    """Returns somebody's vertices at rest, (v, 3)."""
    head = anatomy()
    moved = head.identity @ identity.astype(np.float32)
    return np.asarray(head.template + moved.reshape(-1, 3))


def with_expression(rest: np.ndarray, expression: np.ndarray) -> np.ndarray:
    """Adds the offsets of ARKit coefficients, (52,)."""
    moved = rest.ravel().copy()
    _add_offsets(moved, anatomy().expression, expression.astype(np.float32))
    return np.asarray(moved.reshape(-1, 3))


@compiled
def _add_offsets(moved: np.ndarray, offsets: np.ndarray, coefficients: np.ndarray) -> None:
    """Adds rows times coefficients, most of which are 0."""
    for k in range(len(coefficients)):
        if coefficients[k] != 0:
            for n in range(len(moved)):
                moved[n] += coefficients[k] * offsets[k, n]


@dataclasses.dataclass(frozen=True)
class Bones:
    """How each joint moves what follows it: turn (j, 3, 3), then shift (j, 3)."""

    turn: np.ndarray
    shift: np.ndarray

    def move(self, vertices: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Returns vertices (n, 3) blended by weights (n, j)."""
        return np.asarray(_blend(vertices, weights, self.turn, self.shift))


@compiled
def _blend(vertices: np.ndarray, weights: np.ndarray, turn: np.ndarray, shift: np.ndarray) -> np.ndarray:
    result = np.zeros_like(vertices)
    for v in range(len(vertices)):
        x, y, z = vertices[v]
        for j in range(len(turn)):
            weight = weights[v, j]
            if weight != 0:
                for k in range(3):
                    moved = turn[j, k, 0] * x + turn[j, k, 1] * y + turn[j, k, 2] * z + shift[j, k]
                    result[v, k] += weight * moved
    return result


def bones(vertices: np.ndarray, rotations: np.ndarray) -> Bones:
    """Returns how joints move.

    Args:
      vertices: of the head before posing, with identity and expression.
      rotations: of each joint relative to its parent, axis times angle, (j, 3).
    """
    head = anatomy()
    joints = head.joint_regressor @ vertices
    local = [_matrix(rotation) for rotation in rotations]
    turns, places = [local[0]], [joints[0]]
    for joint, parent in enumerate(head.parents[1:], start=1):
        places.append(places[parent] + turns[parent] @ (joints[joint] - joints[parent]))
        turns.append(turns[parent] @ local[joint])
    turn = np.stack(turns)
    shift = np.stack(places) - np.einsum("jkl,jl->jk", turn, joints)
    return Bones(turn.astype(np.float32), shift.astype(np.float32))


def _matrix(rotation: np.ndarray) -> np.ndarray:
    """Rodrigues' formula."""
    angle = float(np.linalg.norm(rotation))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = rotation / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def _fixed(values: object, dtype: type = np.float32) -> np.ndarray:
    array: np.ndarray = np.array(values, dtype, order="C")
    array.flags.writeable = False
    return array


@functools.cache
def identity_names() -> tuple[str, ...]:
    """Returns what each identity coefficient changes, in their order."""
    place = Points(np.zeros((1, 3)), np.ones(1))
    return (*identity.offsets(place), *identity.ear_offsets(place.place, np.ones(3)))


@compiled_fast
def vertex_normals(place: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Returns unit normals, means of the faces' around, weighted by area."""
    result = np.zeros_like(place)
    for f in range(len(faces)):
        a, b, c = faces[f]
        ux, uy, uz = place[b, 0] - place[a, 0], place[b, 1] - place[a, 1], place[b, 2] - place[a, 2]
        vx, vy, vz = place[c, 0] - place[a, 0], place[c, 1] - place[a, 1], place[c, 2] - place[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (a, b, c):
            result[v, 0] += nx
            result[v, 1] += ny
            result[v, 2] += nz
    for v in range(len(result)):
        length = np.sqrt(result[v, 0] ** 2 + result[v, 1] ** 2 + result[v, 2] ** 2)
        if length > 0:
            for k in range(3):
                result[v, k] /= length
    return result
