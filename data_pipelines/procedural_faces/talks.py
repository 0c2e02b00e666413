"""People who talk, look around and turn: each item is a clip, of which every frame shows the same person and place.

This is what reenactment is trained and judged on: the same person in another pose and expression is known, not
guessed. One square holds the head in all frames, so that the background holds still. In some frames the mouth is thrown
open, wider than speech opens it: people on film laugh, shout and yawn.
"""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from data_pipelines import face_square, recipe
from data_pipelines.procedural_faces import clip
from data_pipelines.procedural_faces.clip import Clip
from data_pipelines.procedural_faces.expressions import thrown_open
from data_pipelines.procedural_faces.records import check_share, split_of
from data_pipelines.procedural_faces.snapshots import camera_of_square
from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import Kind, Record

WIDEN = 1.8  # side of the square, in sides of the box around the 68 landmarks of all frames
_DRAWN = 256  # side of the picture that the square is cut from
_EVERY = 5  # frames of a film for one that is kept: 25 a second become 5


@dataclasses.dataclass(frozen=True)
class TalksRecipe:
    """Items are numbers of clips; a record is a frame.

    Columns: person, clip, frame, split.
    """

    seed: int
    size: int
    frames: int
    clips: int
    wide: float
    items: tuple[int, ...]
    items_per_shard: ClassVar[int] = 24
    fields: ClassVar[dict[str, Kind]] = {
        "image": "rgb",
        **dict.fromkeys(("landmarks_68", "identity", "expression", "rotations", "camera"), "array"),
    }

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look."""
        return {"seed": self.seed, "size": self.size, "frames": self.frames, "clips": self.clips, "wide": self.wide}

    def split(self, item: int) -> str:
        """Returns the split of a clip's person."""
        return split_of(item // self.clips)

    def records(self, item: int) -> recipe.Rows:
        """Draws a clip."""
        person = item // self.clips
        seed = int(np.random.SeedSequence([self.seed, item, 3]).generate_state(1)[0])
        numbers = range(0, _EVERY * self.frames, _EVERY)
        drawn, built = self._clip(person, seed), clip.figure_in_turn(person)
        frames = [clip.draw(drawn, built, number, _DRAWN) for number in numbers]
        points = np.stack([frame.landmarks_68 for frame in frames])
        square = face_square.around(points, frames[0].image.shape, f"clip {item}", widen=WIDEN)
        rows: recipe.Rows = []
        for index, (number, frame) in enumerate(zip(numbers, frames, strict=True)):
            known = clip.parameters(drawn, number, _DRAWN)
            record: Record = {
                "image": face_square.encoded(frame.image, square, self.size, recipe.JPEG_QUALITY),
                "landmarks_68": face_square.move(points[index], square, self.size).astype(np.float32),
                **{name: known[name] for name in ("identity", "expression", "rotations")},
                "camera": camera_of_square(known["camera"], square, self.size),
            }
            columns: dict[str, int | str] = {"person": person, "clip": item, "frame": index}
            rows.append((record, columns | {"split": self.split(item)}))
        return rows

    def _clip(self, person: int, seed: int) -> Clip:
        """Draws how somebody moves; mouths are thrown open frame by frame, as frames are looked at one by one."""
        drawn = clip.random_clip(person, seed, _EVERY * self.frames)
        faces = [thrown_open(seed + number, self.wide, face) for number, face in enumerate(drawn.motion.expression)]
        return dataclasses.replace(drawn, motion=dataclasses.replace(drawn.motion, expression=np.stack(faces)))


def plan(
    count: int = 1500, seed: int = 0, size: int = 128, frames: int = 12, clips: int = 1, wide: float = 0.25
) -> TalksRecipe:
    """Numbers the clips: so many of person 0, then of person 1 and so on.

    Args:
      count: clips in all.
      seed: of faces, poses and light; who people are depends on their number alone.
      size: side of the pictures.
      frames: of a clip, five a second.
      clips: of a person.
      wide: share of the frames in which the mouth is thrown open.
    """
    if min(count, clips) < 1 or seed < 0 or frames < 2:
        raise InputError(
            f"count and clips must be positive, frames 2 or more, seed not negative: {count}, {clips}, {frames}, {seed}"
        )
    if not 16 <= size <= _DRAWN:
        raise InputError(f"pictures can have sides of 16 to {_DRAWN} pixels, got {size}")
    check_share("wide", wide)
    return TalksRecipe(seed, size, frames, clips, wide, tuple(range(count)))
