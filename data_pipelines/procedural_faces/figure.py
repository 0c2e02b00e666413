"""A person as meshes and a texture, ready to be posed and drawn."""

import dataclasses

import numpy as np

from data_pipelines.procedural_faces import anatomy, atlas, clothes, glasses, hair, occlusion, parts_paint, skin_paint
from data_pipelines.procedural_faces.person import Person
from data_pipelines.procedural_faces.pieces import NECK, Piece
from data_pipelines.procedural_faces.shading import EYE, MOUTH, SKIN, TOOTH, Paint

_OF_PARTS = {
    "lining": MOUTH,
    "left_eyeball": EYE,
    "right_eyeball": EYE,
    "upper_teeth": TOOTH,
    "lower_teeth": TOOTH,
    "tongue": MOUTH,
}
_LIPS_BELOW = -0.4
"""The head's lining is that of the lids above this height, that of the mouth below."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A person's meshes in one; the open head's vertices and faces come first.

    Attributes:
      rest: vertices without expression, in units, (v, 3).
      weights: skinning weights of all vertices, (v, 5).
      strand: direction along hair at rest, (v, 3).
      part: of each face, which mesh it belongs to: parts of the head, then what is worn, (f,).
      paint: what the surface looks like.
    """

    rest: np.ndarray
    weights: np.ndarray
    strand: np.ndarray
    part: np.ndarray
    paint: Paint


@dataclasses.dataclass(frozen=True)
class PosedFigure:
    """Where everything is in one frame: vertices, unit normals and directions along hair, (v, 3) each."""

    place: np.ndarray
    normal: np.ndarray
    strand: np.ndarray


def build(person: Person) -> Figure:
    """Makes a person's meshes and paints them."""
    rng = np.random.default_rng([person.seed, 0xB0D1])
    shape = anatomy.shape(np.array(person.identity))
    extras = [*clothes.build(person), *hair.build(person, shape, rng), *glasses.build(person, shape)]
    return _join(person, shape, extras, _paint(person, rng))


def pose(figure: Figure, expression: np.ndarray, rotations: np.ndarray) -> PosedFigure:
    """Returns where a figure's surface is.

    Args:
      figure: the person.
      expression: ARKit's 52 coefficients.
      rotations: of the five joints, axis times angle, (5, 3).
    """
    count = len(anatomy.anatomy().template)
    moved = figure.rest.copy()
    moved[:count] = anatomy.with_expression(moved[:count], expression)
    bones = anatomy.bones(moved[:count], rotations)
    place = bones.move(moved, figure.weights)
    return PosedFigure(place, anatomy.vertex_normals(place, figure.paint.faces), figure.strand @ bones.turn[NECK].T)


def _join(person: Person, shape: np.ndarray, extras: list[Piece], texture: np.ndarray) -> Figure:
    """Puts the head and what is added to it into one mesh."""
    head = anatomy.anatomy()
    uv = atlas.head_uv()
    vertex, corner = len(head.template), len(uv)
    names, of_head = _parts(head)
    faces, uv_faces = [head.faces], [head.uv_faces]
    material, parts = [np.array([_OF_PARTS.get(name, SKIN) for name in names])[of_head]], [of_head]
    for number, extra in enumerate(extras, start=len(names)):
        faces.append(extra.faces + vertex)
        uv_faces.append(extra.faces + corner)
        material.append(extra.material)
        parts.append(np.full(len(extra.faces), number))
        vertex, corner = vertex + len(extra.place), corner + len(extra.uv)
    rest = np.concatenate([shape, *(extra.place for extra in extras)]).astype(np.float32)
    joined = np.concatenate(faces).astype(np.int32)
    # Occlusion is that of a closed mouth; what comes out of it is lit again.
    open_ = occlusion.of_vertices(rest, joined)
    for name in ("upper_teeth", "lower_teeth", "tongue"):
        part = slice(*head.parts[name])
        open_[part] = np.maximum(open_[part], 0.6)
    paint = Paint(
        joined,
        np.concatenate([uv, *(extra.uv for extra in extras)]).astype(np.float32),
        np.concatenate(uv_faces).astype(np.int32),
        np.concatenate(material).astype(np.int32),
        open_,
        texture,
    )
    strand = np.concatenate([np.zeros_like(shape), *(extra.strand for extra in extras)]).astype(np.float32)
    weights = np.concatenate([head.weights, *(extra.weights for extra in extras)])
    return Figure(rest, weights, strand, np.concatenate(parts).astype(np.int32), paint)


def _parts(head: anatomy.Anatomy) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns names of the head's parts and which of them each face belongs to; rims of the lids count as skin."""
    names = tuple(head.parts)
    of_vertex = np.zeros(len(head.template), np.int64)
    for number, name in enumerate(names):
        of_vertex[slice(*head.parts[name])] = number
    # Linings come after the skin in the order of parts, and share its vertices at their edges.
    part = of_vertex[head.faces].max(axis=1)
    lids = (part == names.index("lining")) & (head.template[head.faces, 1].mean(axis=1) > _LIPS_BELOW)
    return names, np.where(lids, names.index("skin"), part)


def _paint(person: Person, rng: np.random.Generator) -> np.ndarray:
    texture = np.zeros((atlas.SIZE, atlas.SIZE, 4), np.float32)
    skin = skin_paint.paint(person, rng)
    texture[: len(skin)] = skin
    for patches in (parts_paint, hair, clothes):
        patches.paint(texture, person, rng)
    texture[(*atlas.FRAME.texels(), slice(3))] = person.frame
    return texture
