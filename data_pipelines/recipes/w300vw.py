"""300-VW as it is handed out: films of faces with 68 landmarks on every frame.

    001/vid.avi   001/annot/000001.pts ...

The first frame's landmarks are 000001.pts; frames without any are left out. Records hold the picture and the landmarks
(68, 2) in its pixels, the first pixel's centre at (0.5, 0.5). With `size`, one square for the whole film is cut out
around all its landmarks, so that the head still moves in it. Columns: clip, frame (from 0), split ('train' or 'test')
and category (of the test films: 1 well lit, 2 real world, 3 anything; 0 in training).

A film is left out whole where one of its landmark files is damaged, or where it ends before its landmarks do.
"""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from data_pipelines import face_square, films, pts_file, recipe
from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError, pictures
from jaxanim.data.record_folder import Columns, Kind, Record

POINTS = 68
FILMS = (  # of the training set, then of the three categories of the test set
    "001 002 003 004 007 009 010 011 013 015 016 017 018 019 020 022 025 027 028 029 031 033 034 035 037 039 041 043 "
    "044 046 047 048 049 053 057 059 112 113 115 119 120 123 138 143 144 160 204 205 223 225",
    "114 124 125 126 150 158 401 402 505 506 507 508 509 510 511 514 515 518 519 520 521 522 524 525 537 538 540 541 "
    "546 547 548",
    "203 208 211 212 213 214 218 224 403 404 405 406 407 408 409 412 550 551 553",
    "410 411 516 517 526 528 529 530 531 533 557 558 559 562",
)
_CATEGORY = {name: category for category, names in enumerate(FILMS) for name in names.split()}


@dataclasses.dataclass(frozen=True)
class W300vwRecipe:
    """Items are the films' names."""

    source: Path
    size: int | None
    stride: int
    items: tuple[str, ...]
    fields: ClassVar[dict[str, Kind]] = {"image": "rgb", "landmarks": "array"}
    items_per_shard: ClassVar[int] = 1

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look."""
        return {"size": self.size, "stride": self.stride}

    def split(self, item: str) -> str:
        """Returns the official split a film belongs to."""
        return "test" if _CATEGORY[item] else "train"

    def records(self, item: str) -> recipe.Rows:
        """Makes one record of every `stride`-th frame of a film that has landmarks."""
        film = self.source / item / "vid.avi"
        landmarks = {frame: _landmarks(path) for frame, path in self._annotated(item).items()}
        if not landmarks:
            raise CorruptRecordError(f"{film}: none of its frames has landmarks")
        square: face_square.Square | None = None
        rows: recipe.Rows = []
        count = 0
        for frame, picture in enumerate(films.frames(film)):
            count += 1
            if frame not in landmarks or frame % self.stride:
                continue
            if self.size is not None and square is None:
                square = face_square.around(np.concatenate([*landmarks.values()]), picture.shape, str(film))
            rows.append((self._record(picture, landmarks[frame], square), self._columns(item, frame)))
        if count <= max(landmarks):
            raise CorruptRecordError(f"{film}: has {count} frames, but landmarks up to frame {max(landmarks) + 1}")
        return rows

    def _annotated(self, item: str) -> dict[int, Path]:
        """Returns the landmark files by the number of their frame, which counts from 0."""
        paths = {path.stem: path for path in (self.source / item / "annot").glob("*.pts")}
        if wrong := sorted(stem for stem in paths if not (stem.isdecimal() and int(stem))):
            raise CorruptRecordError(f"{paths[wrong[0]]}: is not named by the number of a frame, from 1")
        return {int(stem) - 1: path for stem, path in paths.items()}

    def _record(self, picture: np.ndarray, points: np.ndarray, square: face_square.Square | None) -> Record:
        if square is None or self.size is None:
            data = pictures.encode(picture, quality=recipe.JPEG_QUALITY)
        else:
            data = face_square.encoded(picture, square, self.size, recipe.JPEG_QUALITY)
            points = face_square.move(points, square, self.size)
        return {"image": data, "landmarks": points.astype(np.float32)}

    def _columns(self, item: str, frame: int) -> Columns:
        return {"clip": item, "frame": frame, "split": self.split(item), "category": _CATEGORY[item]}


def plan(source: Path, size: int | None = None, stride: int = 1) -> W300vwRecipe:
    """Finds the films."""
    if not source.is_dir():
        raise InputError(f"{source}: no such folder")
    if stride < 1:
        raise InputError(f"stride must be 1 or more, got {stride}")
    names = sorted(path.parent.name for path in source.glob("*/annot") if path.is_dir())
    if not names:
        raise InputError(f"{source}: no films of 300-VW; 001/vid.avi and 001/annot/000001.pts are expected")
    for name in names:
        if name not in _CATEGORY:
            raise InputError(f"{source / name}: is none of the {len(_CATEGORY)} films of 300-VW")
        if not (source / name / "vid.avi").is_file():
            raise InputError(f"{source / name}: has landmarks, but no vid.avi")
    return W300vwRecipe(source, size, stride, tuple(names))


def _landmarks(path: Path) -> np.ndarray:
    return pts_file.parse(recipe.read(path), str(path), POINTS)
