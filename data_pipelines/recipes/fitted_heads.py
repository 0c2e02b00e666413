"""Real people who talk: clips laid out like VoxCeleb, with what `jaxanim fit` found in them.

    jaxanim fit VOX -o FITS
    VOX/id10001/VIDEO/CLIP.mp4   FITS/id10001/VIDEO/CLIP.npz

Records are those of `talking_heads`: one square for a whole clip, around all its landmarks, the landmarks (68, 2) in
its pixels, parameters of the open head (`jaxanim.signals.face_track`), and the camera of the square. Columns: person
and clip (names), frame (its number in the clip), split (`voxceleb_splits`).

Frames in which the face was not found, or with too little confidence, are left out. How many clips have no fit stands
in the options and is no damage; a clip that is damaged, is not that of its fit, or has fewer than two frames left is
left out and named.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, UInt8

from data_pipelines import face_square, films, recipe
from data_pipelines.procedural_faces.snapshots import camera_of_square
from data_pipelines.procedural_faces.talks import WIDEN
from data_pipelines.recipes import voxceleb, voxceleb_splits
from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError, pictures
from jaxanim.data.record_folder import Columns, Kind, Record
from jaxanim.signals import face_track
from jaxanim.signals.face_track import FaceTrack


@dataclasses.dataclass(frozen=True)
class FittedHeadsRecipe:
    """Items are the clips' paths, relative to `source`, each with its fit, relative to `fits`, and its split."""

    source: Path
    fits: Path
    size: int
    stride: int
    min_confidence: float
    unfitted: int
    items: tuple[tuple[str, str, str], ...]
    fields: ClassVar[dict[str, Kind]] = {
        "image": "rgb",
        **dict.fromkeys(("landmarks_68", "identity", "expression", "rotations", "camera"), "array"),
    }
    items_per_shard: ClassVar[int] = 20

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look, and how many clips have no fit."""
        names = ("size", "stride", "min_confidence", "unfitted")
        return {name: getattr(self, name) for name in names}

    def split(self, item: tuple[str, str, str]) -> str:
        """Returns the split of a clip's person."""
        return item[2]

    def records(self, item: tuple[str, str, str]) -> recipe.Rows:
        """Makes one record of every `stride`-th frame of a clip that shows the face."""
        clip, fit, split = item
        track, path = _track(self.fits / fit), self.source / clip
        kept = self._kept(track)
        if kept.sum() < 2:
            raise CorruptRecordError(f"{path}: {int(kept.sum())} of its {len(kept)} frames can be used, two are needed")
        height, width = (int(side) for side in track.size)
        square = face_square.around(track.landmarks68[kept], (height, width), str(path), widen=WIDEN)
        person = voxceleb_splits.person_of(clip)
        rows: recipe.Rows = []
        count = 0
        for frame, picture in enumerate(_pictures(path)):
            count += 1
            if picture.shape[:2] != (height, width):
                has = f"{picture.shape[1]}x{picture.shape[0]}"
                raise CorruptRecordError(f"{path}: has frames of {has} pixels, its fit is of {width}x{height}")
            if frame < len(kept) and kept[frame]:
                columns: Columns = {"person": person, "clip": clip, "frame": frame, "split": split}
                rows.append((self._record(picture, track, frame, square), columns))
        if count != len(kept):
            raise CorruptRecordError(
                f"{path}: has {count} frames, its fit {len(kept)}; one for each is what --on-missing hold writes"
            )
        return rows

    def _kept(self, track: FaceTrack) -> Bool[np.ndarray, " n"]:
        turn = np.arange(len(track.time)) % self.stride == 0
        return turn & track.found & (track.confidence >= self.min_confidence)

    def _record(self, picture: np.ndarray, track: FaceTrack, frame: int, square: face_square.Square) -> Record:
        points = face_square.move(track.landmarks68[frame], square, self.size)
        return {
            "image": face_square.encoded(picture, square, self.size, recipe.JPEG_QUALITY),
            "landmarks_68": points.astype(np.float32),
            "identity": track.identity,
            "expression": track.expression[frame],
            "rotations": track.rotations[frame],
            "camera": camera_of_square(track.camera[frame], square, self.size),
        }


def plan(
    source: Path, fits: Path | None = None, size: int = 256, stride: int = 1, min_confidence: float = 0.5
) -> FittedHeadsRecipe:
    """Finds the clips that have a fit.

    Args:
      source: the clips.
      fits: what `jaxanim fit` wrote for that folder.
      size: side of the pictures.
      stride: keeps every n-th frame.
      min_confidence: of the face, from 0 to 1.
    """
    if fits is None:
        raise InputError("fitted_heads needs the folder that `jaxanim fit` wrote: --fits FOLDER")
    if not fits.is_dir():
        raise InputError(f"{fits}: no such folder; `jaxanim fit {source} -o {fits}` makes it")
    if size < 16 or stride < 1 or not 0 <= min_confidence <= 1:
        raise InputError(
            "size must be 16 or more, stride 1 or more, min_confidence lie in [0, 1], got "
            f"{size}, {stride}, {min_confidence}"
        )
    clips = _clips(source)
    names = {clip: _fit_name(clip, is_folder=(source / clip).is_dir()) for clip in clips}
    fitted = [clip for clip in clips if (fits / names[clip]).is_file()]
    if not fitted:
        raise InputError(f"{fits}: holds a fit of none of {len(clips)} clips, such as {next(iter(names.values()))}")
    splits = voxceleb_splits.splits(clips)
    items = tuple((clip, names[clip], splits[clip]) for clip in fitted)
    return FittedHeadsRecipe(source, fits, size, stride, min_confidence, len(clips) - len(fitted), items)


def _clips(source: Path) -> list[str]:
    """Lists the clips, of all splits if the folder has some."""
    if not source.is_dir():
        raise InputError(f"{source}: no such folder")
    return sorted(
        (base / clip).relative_to(source).as_posix()
        for base in voxceleb_splits.bases(source)
        for clip in voxceleb.list_clips(base)
    )


def _fit_name(clip: str, *, is_folder: bool) -> str:
    """Returns what `jaxanim fit` calls the fit of a clip; a folder's name may have dots."""
    path = Path(clip)
    return path.with_name(f"{path.name if is_folder else path.stem}.npz").as_posix()


def _track(path: Path) -> FaceTrack:
    try:
        return face_track.load(path)
    except InputError as error:
        raise CorruptRecordError(str(error)) from error


def _pictures(path: Path) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Yields all frames of a clip."""
    if path.is_file():
        yield from films.frames(path)
        return
    for each in voxceleb.list_frames(path):
        yield pictures.decode_rgb(recipe.read(each), str(each))
