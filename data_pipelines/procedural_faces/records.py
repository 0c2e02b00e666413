"""Drawn people as sources that need nothing on disk, and as a recipe for a dataset that is drawn once.

Records are pure functions of their numbers on one kind of processor; on another one pixels may differ by one level and
positions by a thousandth of a pixel, as sums are taken in another order.
"""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from data_pipelines import recipe
from data_pipelines.procedural_faces import clip, ground_truth
from data_pipelines.procedural_faces.clip import Clip, Frame
from data_pipelines.procedural_faces.figure import Figure
from jaxanim.core.errors import InputError
from jaxanim.data import pictures
from jaxanim.data.contract import Field, by_role
from jaxanim.data.record_folder import Kind, Record

_FRAMES = 48  # of the clips that sources draw from


def split_of(person: int) -> str:
    """Returns which split somebody belongs to: of twenty people in a row, one is for validation and one for tests."""
    return {18: "validation", 19: "test"}.get(person % 20, "train")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Drawn:
    """Numbered records that are drawn when they are asked for: record n is a pure function of (seed, n, people).

    Attributes:
      count: how many there are.
      seed: of everything but the people.
      size: side of the pictures.
      people: who is shown, by number. Each is made at the first need, which takes longer than to draw them, and the
        256 last ones are kept.
    """

    count: int
    seed: int
    size: int
    people: range

    def __post_init__(self) -> None:
        _check(self.count, self.seed, self.size, self.people)

    def __len__(self) -> int:
        return self.count

    def _choose(self, record: int) -> tuple[Clip, Figure, np.random.Generator]:
        """Draws a clip, and the numbers that choose frames of it."""
        if not 0 <= record < self.count:
            raise IndexError(f"record {record} of {self.count}")
        rng = np.random.default_rng([self.seed, record])
        person = self.people[int(rng.integers(len(self.people)))]
        return clip.random_clip(person, _clip_seed(self.seed, record), _FRAMES), clip.figure_of(person), rng


class DrawnFaces(_Drawn):
    """Records of single pictures; see `frame_contract`."""

    def __getitem__(self, record: int) -> dict[str, np.ndarray]:
        """Draws one picture."""
        drawn, built, rng = self._choose(record)
        number = int(rng.integers(_FRAMES))
        return _arrays(drawn, clip.draw(drawn, built, number, self.size), number, self.size)


class DrawnFacePairs(_Drawn):
    """Records of two pictures of a clip: those of `DrawnFaces` twice, as `source_...` and `driving_...`, and the flow.

    `flow_px` (size, size, 2) says for each pixel of the driving picture how far away in the source the same place is;
    `visible` (size, size) whether it is seen there. See `pair_contract`.
    """

    def __getitem__(self, record: int) -> dict[str, np.ndarray]:
        """Draws one pair."""
        drawn, built, rng = self._choose(record)
        numbers = rng.choice(_FRAMES, 2, replace=False)
        source, driving = (clip.draw(drawn, built, int(number), self.size) for number in numbers)
        flow_px, visible = ground_truth.flow(built, driving.view, source.view)
        pair: dict[str, np.ndarray] = {"flow_px": flow_px, "visible": visible}
        for role, drawn_frame, number in (("source", source, numbers[0]), ("driving", driving, numbers[1])):
            arrays = _arrays(drawn, drawn_frame, int(number), self.size)
            pair |= {f"{role}_{name}": value for name, value in arrays.items()}
        return pair


def frame_contract(size: int) -> dict[str, Field]:
    """Returns what a batch of `DrawnFaces` holds."""
    return {
        "image": Field((size, size, 3), "uint8"),
        "labels": Field((size, size), "uint8", 0, len(ground_truth.LABELS) - 1),
        "landmarks_68": Field((68, 2), "float32"),
        "landmarks_98": Field((98, 2), "float32"),
        "identity": Field((None,), "float32", -3, 3),
        "expression": Field((None,), "float32", 0, 1),
        "rotations": Field((None, 3), "float32", -np.pi, np.pi),
        "camera": Field((4,), "float32"),
        "action_units": Field((17,), "float32", 0, 5),
    }


def pair_contract(size: int) -> dict[str, Field]:
    """Returns what a batch of `DrawnFacePairs` holds."""
    frames = by_role(frame_contract(size), ("source", "driving"))
    return frames | {"flow_px": Field((size, size, 2), "float32"), "visible": Field((size, size), "bool")}


@dataclasses.dataclass(frozen=True)
class FacesRecipe:
    """Items are numbers of clips; a record is a frame, its flow that to the clip's first.

    Columns: person, clip, frame, split, emotion.
    """

    seed: int
    size: int
    frames: int
    clips: int
    items: tuple[int, ...]
    items_per_shard: ClassVar[int] = 8
    fields: ClassVar[dict[str, Kind]] = {
        "image": "rgb",
        **dict.fromkeys(
            ("labels", "landmarks_68", "landmarks_98", "identity", "expression", "rotations", "camera"), "array"
        ),
        **dict.fromkeys(("action_units", "flow_px", "visible"), "array"),
    }

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look."""
        return {"seed": self.seed, "size": self.size, "frames": self.frames, "clips": self.clips}

    def split(self, item: int) -> str:
        """Returns the split of a clip's person."""
        return split_of(item // self.clips)

    def records(self, item: int) -> recipe.Rows:
        """Draws a clip."""
        person = item // self.clips
        drawn, built = clip.random_clip(person, _clip_seed(self.seed, item), self.frames), clip.figure_in_turn(person)
        rows: recipe.Rows = []
        first: Frame | None = None
        for number in range(self.frames):
            drawn_frame = clip.draw(drawn, built, number, self.size)
            first = first or drawn_frame
            flow_px, visible = ground_truth.flow(built, drawn_frame.view, first.view)
            arrays = _arrays(drawn, drawn_frame, number, self.size)
            image = pictures.encode(arrays.pop("image"), quality=recipe.JPEG_QUALITY)
            record: Record = {"image": image, **arrays, "flow_px": flow_px.astype(np.float16), "visible": visible}
            columns: dict[str, int | str] = {"person": person, "clip": item, "frame": number, "split": split_of(person)}
            rows.append((record, columns | {"emotion": drawn.motion.emotion}))
        return rows


def plan(count: int = 1000, seed: int = 0, size: int = 256, frames: int = 32, clips: int = 4) -> FacesRecipe:
    """Numbers the clips: so many of person 0, then of person 1 and so on; the seed decides how they move, and where."""
    _check(count, seed, size, range(1))
    if frames < 2 or clips < 1:
        raise InputError(f"a clip needs 2 frames or more and a person a clip, got {frames} and {clips}")
    return FacesRecipe(seed, size, frames, clips, tuple(range(count)))


def check_share(name: str, value: float) -> None:
    """Raises InputError unless a value is a share."""
    if not 0 <= value <= 1:
        raise InputError(f"{name} is a share, 0 to 1, got {value}")


def _check(count: int, seed: int, size: int, people: range) -> None:
    if seed < 0:
        raise InputError(f"seed must not be negative, got {seed}")
    if count < 1 or not len(people) or people[0] < 0 or people[-1] < 0:
        raise InputError(f"count must be positive and people numbers from 0 on, got {count} and {people}")
    if size not in clip.SIZES:
        raise InputError(f"pictures can have sides of {', '.join(map(str, clip.SIZES))} pixels, got {size}")


def _clip_seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _arrays(drawn: Clip, drawn_frame: Frame, number: int, size: int) -> dict[str, np.ndarray]:
    return {
        "image": drawn_frame.image,
        "labels": drawn_frame.labels,
        "landmarks_68": drawn_frame.landmarks_68,
        "landmarks_98": drawn_frame.landmarks_98,
        **clip.parameters(drawn, number, size),
    }
