"""Pictures of drawn people that have nothing but the person in common: what regressors learn from.

Each picture has a light, a background, a pose and a face of its own, and everything about it is known. The square
around the face's landmarks is cut out with much room around it, so that training can turn, move and scale it.
"""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from data_pipelines import face_square, recipe
from data_pipelines.face_square import Square
from data_pipelines.procedural_faces import clip, posed
from data_pipelines.procedural_faces.clip import Clip
from data_pipelines.procedural_faces.expressions import thrown_open
from data_pipelines.procedural_faces.motion import Motion, axis_angle, random_motion
from data_pipelines.procedural_faces.person import random_person
from data_pipelines.procedural_faces.pieces import NECK, ROOT
from data_pipelines.procedural_faces.records import check_share, split_of
from data_pipelines.procedural_faces.scene import random_scene
from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import Kind, Record

WIDEN = 2.2  # side of the cut-out square, in sides of the box around the 68 landmarks
_DRAWN = 256  # side of the picture that the square is cut from
_FRAMES = 48  # of the clip that a moving face is taken from
_HEAD_DEGREES = (24.0, 11.0, 8.0)  # spread of yaw, pitch and roll
_LIMIT_DEGREES = (58.0, 28.0, 20.0)
_MOVING = 0.6  # share of faces that are taken from somebody who speaks, blinks and looks around


def random_snapshot(seed: int, wide: float = 0.0) -> Motion:
    """Draws one face and one pose of the head; the mouth is thrown open with a chance of `wide`."""
    rng = np.random.default_rng([seed, 0x5A9])
    moving = random_motion(seed, _FRAMES)
    number = int(rng.integers(_FRAMES))
    expression, root = moving.expression[number], moving.rotations[number, ROOT]
    if rng.random() >= _MOVING:
        expression = posed.random_faces(seed, 1).expression[-1]
    expression = thrown_open(seed, wide, expression)
    limits = np.array(_LIMIT_DEGREES)
    degrees = limits * np.tanh(rng.normal(size=3) * np.array(_HEAD_DEGREES) / limits)
    rotations = np.zeros_like(moving.rotations[:1])
    rotations[0, NECK], rotations[0, ROOT] = axis_angle(degrees[None])[0], root
    return Motion(expression[None], rotations, moving.emotion)


@dataclasses.dataclass(frozen=True)
class SnapshotsRecipe:
    """Items are numbers of people; a record is a picture.

    Columns: person, picture, split.
    """

    seed: int
    size: int
    pictures: int
    wide: float
    items: tuple[int, ...]
    items_per_shard: ClassVar[int] = 32
    fields: ClassVar[dict[str, Kind]] = {
        "image": "rgb",
        **dict.fromkeys(("landmarks_68", "landmarks_98", "identity", "expression", "rotations", "camera"), "array"),
        "action_units": "array",
    }

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look."""
        return {"seed": self.seed, "size": self.size, "pictures": self.pictures, "wide": self.wide}

    def split(self, item: int) -> str:
        """Returns the split of a person."""
        return split_of(item)

    def records(self, item: int) -> recipe.Rows:
        """Draws the pictures of a person."""
        person, built = random_person(item), clip.figure_in_turn(item)
        rows: recipe.Rows = []
        for number in range(self.pictures):
            seed = int(np.random.SeedSequence([self.seed, item, number, 2]).generate_state(1)[0])
            drawn = Clip(person, random_scene(seed), random_snapshot(seed, self.wide))
            frame = clip.draw(drawn, built, 0, _DRAWN)
            square = face_square.around(
                frame.landmarks_68, frame.image.shape, f"person {item}, picture {number}", widen=WIDEN
            )
            known = clip.parameters(drawn, 0, _DRAWN)
            record: Record = {
                "image": face_square.encoded(frame.image, square, self.size, recipe.JPEG_QUALITY),
                "landmarks_68": face_square.move(frame.landmarks_68, square, self.size).astype(np.float32),
                "landmarks_98": face_square.move(frame.landmarks_98, square, self.size).astype(np.float32),
                **known,
                "camera": camera_of_square(known["camera"], square, self.size),
            }
            rows.append((record, {"person": item, "picture": number, "split": self.split(item)}))
        return rows


def plan(count: int = 1500, seed: int = 0, size: int = 176, pictures: int = 8, wide: float = 0.25) -> SnapshotsRecipe:
    """Numbers the people.

    Args:
      count: people in all.
      seed: of faces, poses and light; who people are depends on their number alone.
      size: side of the pictures.
      pictures: of a person.
      wide: share of the faces whose mouth is thrown open.
    """
    if min(count, pictures) < 1 or seed < 0:
        raise InputError(f"count and pictures must be positive, seed not negative: {count}, {pictures}, {seed}")
    if not 16 <= size <= _DRAWN:
        raise InputError(f"pictures can have sides of 16 to {_DRAWN} pixels, got {size}")
    check_share("wide", wide)
    return SnapshotsRecipe(seed, size, pictures, wide, tuple(range(count)))


def camera_of_square(camera: np.ndarray, square: Square, size: int) -> np.ndarray:
    """Returns what `clip.parameters` calls the camera, of the square that is cut out and resized."""
    focal, x, y, metres = camera
    centre = face_square.move(np.array([[x, y]]), square, size)[0]
    return np.array([focal * size / square.side, *centre, metres], np.float32)
