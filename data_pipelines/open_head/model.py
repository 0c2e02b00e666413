"""Puts the open head together: skin, parts, joints, identities, expressions and landmarks, in metres."""

import dataclasses

import numpy as np

from data_pipelines.open_head import expressions, identity, landmarks, lids, parts, rig, skin, surface
from data_pipelines.open_head.fields import Points, ramp
from jaxanim.core.types import Array
from jaxanim.geometry import open_head
from jaxanim.geometry.morphable import LandmarkEmbedding, MorphableModel

METRES = 0.095
"""Per unit of length used in this package."""

_SIDES = (("Left", "left", 1), ("Right", "right", -1))


@dataclasses.dataclass(frozen=True)
class _Head:
    """The skin and the parts in one mesh."""

    skin: skin.Skin
    points: Points
    closed: np.ndarray
    lid: np.ndarray
    jaw: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    ranges: dict[str, tuple[int, int]]

    def of(self, part: str) -> np.ndarray:
        """Returns a part's vertices."""
        return np.arange(*self.ranges[part])


def build() -> tuple[MorphableModel, open_head.Parts]:
    """Returns the model, and the range of vertices of each part."""
    head = _assemble()
    vertices = head.points.place
    eyes = {f"{side}_eye": head.of(f"{side}_eyeball") for _, side, _ in _SIDES}
    ears = np.concatenate([head.of("left_ear"), head.of("right_ear")])
    identities, sigmas = _normalized(_identity(head))
    shapes = _expressions(head)
    model = MorphableModel(
        template=_single(METRES * vertices),
        identity_basis=_single(identities),
        expression_basis=_single(METRES * np.stack(list(shapes.values()), axis=-1)),
        identity_sigmas=_single(METRES * sigmas),
        expression_sigmas=_single(np.ones(len(shapes))),
        pose_basis=_single(np.zeros((len(vertices), 3, 0))),
        joint_regressor=_single(rig.joint_regressor(vertices, eyes, ears, head.skin.grid)),
        skinning_weights=_single(rig.skinning_weights(vertices, head.jaw, eyes)),
        faces=_whole(head.faces),
        uv=_single(head.uv),
        uv_faces=_whole(head.uv_faces),
        landmarks=_landmarks(head),
        parents=rig.PARENTS,
        joint_names=rig.NAMES,
        expression_names=tuple(shapes),
    )
    return model, head.ranges


def _single(values: np.ndarray) -> Array:
    return np.asarray(values, np.float32)  # type: ignore[return-value]


def _whole(values: np.ndarray) -> Array:
    return np.asarray(values, np.int32)  # type: ignore[return-value]


def _assemble() -> _Head:
    outer = skin.build()
    count = len(outer.vertices)
    ranges = {"skin": (0, outer.outside), "lining": (outer.outside, count)}
    neutral = [lids.turned(outer.vertices, outer.lid, lids.NEUTRAL)]
    closed, faces = [outer.vertices], [outer.faces]
    lip, jaw = [outer.lip], [rig.jaw_weights(outer)]
    uv, uv_faces, extra = [outer.uv[:count]], [outer.uv_faces], outer.uv[count:]
    for name, part in parts.build().items():
        start, size = sum(map(len, closed)), len(part.vertices)
        ranges[name] = start, start + size
        follows_jaw = name in {"lower_teeth", "tongue"}
        neutral.append(part.vertices)
        closed.append(part.vertices)
        faces.append(part.faces + start)
        uv.append(part.uv)
        uv_faces.append(part.faces + start)
        lip.append(np.full(size, -1 if follows_jaw else 1))
        jaw.append(np.full(size, float(follows_jaw)))
    total = sum(map(len, closed))
    # The texture has points without a vertex of their own; they come last.
    uv_faces[0] = np.where(uv_faces[0] < count, uv_faces[0], uv_faces[0] + total - count)
    lid = np.concatenate([outer.lid, np.ones(total - count, int)])
    points = Points(np.concatenate(neutral), np.concatenate(lip))
    jaws = np.concatenate(jaw)
    texture, corners = np.concatenate([*uv, extra]), np.concatenate(uv_faces)
    return _Head(outer, points, np.concatenate(closed), lid, jaws, np.concatenate(faces), texture, corners, ranges)


def _identity(head: _Head) -> np.ndarray:
    """Returns offsets of one standard deviation, (n, 3, modes)."""
    modes = identity.offsets(head.points)
    place = head.points.place
    upper, lower = head.skin.slits["mouth"]
    lips = place[np.concatenate([upper, lower])].mean(axis=0)
    for _, side, sign in _SIDES:
        mirror = np.array([sign, 1, 1])
        eye, anchor = surface.EYE_CENTRE * mirror, parts.EAR_ANCHOR * mirror
        _like_the_eye(modes, head, eye, head.of(f"{side}_eyeball"))
        for name, value in identity.offsets(_at(anchor)).items():
            modes[name][head.of(f"{side}_ear")] = value[0]
        for name, value in identity.ear_offsets(place[head.of(f"{side}_ear")], anchor).items():
            modes.setdefault(name, np.zeros_like(place))[head.of(f"{side}_ear")] = value
    for name, value in identity.offsets(_at(lips + np.array([0, 0, -0.05]))).items():
        for part in ("upper_teeth", "lower_teeth", "tongue"):
            modes[name][head.of(part)] = value[0]
        half = len(head.skin.lining) // 2
        for j, row in enumerate(head.skin.lining):
            depth, lip = (j, upper) if j < half else (2 * half - 1 - j, lower)
            share = (1.0, 0.8, 0.4, 0.0)[depth]
            modes[name][row] = share * modes[name][lip] + (1 - share) * value[0]
    return np.stack(list(modes.values()), axis=-1)


def _at(place: np.ndarray) -> Points:
    return Points(place[None] * 1.0, np.ones(1))


def _like_the_eye(modes: identity.Offsets, head: _Head, centre: np.ndarray, ball: np.ndarray) -> None:
    """Moves and scales an eyeball and its lids as one, so that lids still close over it."""
    place = head.points.place
    ahead = np.array([0, 0, 0.12])
    middle = identity.offsets(_at(centre + ahead))
    beside = [identity.offsets(_at(centre + ahead + np.array([x, 0, 0]))) for x in (-0.1, 0.1)]
    from_eye = place - centre
    share = ramp(np.linalg.norm(from_eye, axis=1), 0.30, 0.18) * (np.arange(len(place)) < len(head.skin.vertices))
    share[ball] = 1.0
    for name, value in middle.items():
        growth = (beside[1][name][0, 0] - beside[0][name][0, 0]) / 0.2
        together = value[0] + growth * from_eye
        modes[name] += share[:, None] * (together - modes[name])


def _normalized(modes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns modes whose largest offset is 1, and what they were: standard deviations of that vertex."""
    largest = np.linalg.norm(modes, axis=1).max(axis=0)
    return modes / largest, largest


def _expressions(head: _Head) -> expressions.Offsets:
    is_skin = (np.arange(len(head.points.place)) < len(head.skin.vertices)).astype(float)
    return expressions.offsets(
        expressions.Anatomy(
            head.points,
            head.closed,
            head.lid,
            head.jaw,
            is_skin,
            head.skin.slits["mouth"],
            head.skin.lining,
            {name: head.of(f"{side}_eyeball") for name, side, _ in _SIDES},
            head.of("tongue"),
        )
    )


def _landmarks(head: _Head) -> dict[int, LandmarkEmbedding]:
    survey = landmarks.Surveyor(head.points.place, head.faces, head.skin.grid)
    pupils = head.ranges["right_eyeball"][0], head.ranges["left_eyeball"][0]
    found = landmarks.embed(survey, head.skin.slits, pupils)
    return {
        count: LandmarkEmbedding(_whole(np.array([p[0] for p in points])), _single(np.array([p[1] for p in points])))
        for count, points in found.items()
    }
