"""People who hold still and make faces: each item is somebody in one light and pose, who changes the face alone.

This is what expression transfer is trained and judged on: the same person with another face is known, not guessed.
The face fills the picture: one square around its landmarks for the whole group (`face_square`).
"""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from data_pipelines import face_square, recipe
from data_pipelines.procedural_faces import anatomy, clip
from data_pipelines.procedural_faces.clip import Clip
from data_pipelines.procedural_faces.expressions import EMOTIONS, VISEMES, coefficients
from data_pipelines.procedural_faces.motion import Motion, axis_angle
from data_pipelines.procedural_faces.person import random_person
from data_pipelines.procedural_faces.pieces import NECK
from data_pipelines.procedural_faces.records import split_of
from data_pipelines.procedural_faces.scene import random_scene
from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import Kind, Record

_FINER = 2  # pictures are drawn larger, then the face is cut out
MIXED = "mixed"  # what faces are called that show no emotion of their own: words, blinks, all sorts
_HEAD_DEGREES = (9.0, 5.0, 3.0)  # spread of yaw, pitch and roll
_GAZE = ("eyeLookOutLeft", "eyeLookInRight"), ("eyeLookInLeft", "eyeLookOutRight"), ("eyeLookUp",), ("eyeLookDown",)


def random_faces(seed: int, mixed: int) -> Motion:
    """Draws faces of one person: each of `EMOTIONS` once, in their order, then so many mixed ones.

    Head and gaze are the same in all. Blinks come with the mixed ones.
    """
    rng = np.random.default_rng([seed, 0xFACE5])
    look = np.zeros(len(anatomy.anatomy().expression_names))
    for names, amount in zip(_GAZE, np.maximum(rng.normal(0, 0.25) * np.array([1, -1, 0.5, -0.5]), 0), strict=True):
        look += coefficients(dict.fromkeys(names, float(amount)))
    faces = [rng.uniform(0.65, 1.0) * coefficients(face) for face in EMOTIONS.values()]
    faces += [_mixed(rng) for _ in range(mixed)]
    head = axis_angle(np.clip(rng.normal(size=(1, 3)), -2, 2) * np.array(_HEAD_DEGREES))
    rotations = np.zeros((len(faces), len(anatomy.anatomy().parents), 3))
    rotations[:, NECK] = head
    return Motion(np.clip(np.stack(faces) + look, 0, 1), rotations, MIXED)


def _mixed(rng: np.random.Generator) -> np.ndarray:
    """Returns an emotion, weak or strong, with a sound or a blink, or both."""
    emotion, sound = rng.choice(list(EMOTIONS)), rng.choice(list(VISEMES))
    face = rng.uniform(0.0, 1.0) * coefficients(EMOTIONS[str(emotion)])
    face = face + (rng.random() < 0.6) * rng.uniform(0.5, 1.1) * coefficients(VISEMES[str(sound)])
    brows = {"browInnerUp": 0.6, "browOuterUp": 0.6} if rng.random() < 0.5 else {"browDown": 0.7}
    face = face + (rng.random() < 0.4) * rng.uniform(0.2, 1.0) * coefficients(brows)
    closed = rng.uniform(0.5, 1.0) if rng.random() < 0.3 else 0.0
    open_eyes = coefficients({"eyeWide": 1.0, "eyeSquint": 1.0}) == 0
    return np.where(open_eyes, face, face * (1 - closed)) + closed * coefficients({"eyeBlink": 1.0})


@dataclasses.dataclass(frozen=True)
class PosedRecipe:
    """Items are numbers of groups: pictures of one person in one light and pose.

    Columns: person, group, face, split, emotion ('mixed' where it is none).
    """

    seed: int
    size: int
    mixed: int
    groups: int
    items: tuple[int, ...]
    items_per_shard: ClassVar[int] = 16
    fields: ClassVar[dict[str, Kind]] = {"image": "rgb", "action_units": "array", "landmarks_68": "array"}

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look."""
        return {"seed": self.seed, "size": self.size, "mixed": self.mixed, "groups": self.groups}

    def split(self, item: int) -> str:
        """Returns the split of a group's person."""
        return split_of(item // self.groups)

    def records(self, item: int) -> recipe.Rows:
        """Draws the pictures of a group."""
        person = item // self.groups
        seed = int(np.random.SeedSequence([self.seed, item, 1]).generate_state(1)[0])
        drawn = Clip(random_person(person), random_scene(seed), random_faces(seed, self.mixed))
        built = clip.figure_in_turn(person)
        rows: recipe.Rows = []
        emotions = [*EMOTIONS, *[MIXED] * self.mixed]
        frames = [clip.draw(drawn, built, number, _FINER * self.size) for number in range(len(emotions))]
        points = np.stack([frame.landmarks_68 for frame in frames])
        square = face_square.around(points, frames[0].image.shape, f"group {item}")
        for number, (emotion, frame) in enumerate(zip(emotions, frames, strict=True)):
            record: Record = {
                "image": face_square.encoded(frame.image, square, self.size, recipe.JPEG_QUALITY),
                "action_units": clip.parameters(drawn, number, self.size)["action_units"],
                "landmarks_68": face_square.move(points[number], square, self.size).astype(np.float32),
            }
            columns: dict[str, int | str] = {"person": person, "group": item, "face": number}
            rows.append((record, columns | {"split": self.split(item), "emotion": emotion}))
        return rows


def plan(count: int = 1000, seed: int = 0, size: int = 128, mixed: int = 6, groups: int = 2) -> PosedRecipe:
    """Numbers the groups: so many of person 0, then of person 1 and so on.

    Args:
      count: groups in all.
      seed: of faces, poses and light; who people are depends on their number alone.
      size: side of the pictures.
      mixed: faces besides the eight emotions.
      groups: of a person.
    """
    sizes = [each // _FINER for each in clip.SIZES]
    if size not in sizes:
        raise InputError(f"pictures can have sides of {', '.join(map(str, sizes))} pixels, got {size}")
    if min(count, groups) < 1 or min(mixed, seed) < 0:
        raise InputError(
            f"count and groups must be positive, mixed and seed not negative: {count}, {groups}, {mixed}, {seed}"
        )
    return PosedRecipe(seed, size, mixed, groups, tuple(range(count)))
