"""VoxCeleb and datasets laid out like it: people, their videos, and clips as frames or films.

    id10001/VIDEO/CLIP.mp4     a clip as a film
    id10001/VIDEO/CLIP/*.jpg   a clip as frames, in the order of their names
    id10001/VIDEO/*.jpg        a video that is one clip

Columns: identity and clip (names), frame (its number in the clip). A clip is left out whole where a frame
that would be kept is damaged.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from data_pipelines import films, recipe
from jaxanim.core import files
from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError, pictures
from jaxanim.data.record_folder import Kind


@dataclasses.dataclass(frozen=True)
class VoxcelebRecipe:
    """Items are the clips' paths, relative to `source`: a film, or a folder of frames."""

    source: Path
    size: int | None
    stride: int
    items: tuple[str, ...]
    fields: ClassVar[dict[str, Kind]] = {"image": "rgb"}
    items_per_shard: ClassVar[int] = 20

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look."""
        return {"size": self.size, "stride": self.stride}

    def records(self, item: str) -> recipe.Rows:
        """Makes one record of every `stride`-th frame of a clip."""
        path = self.source / item
        frames = _film(path, self.size, self.stride) if path.is_file() else _frames(path, self.size, self.stride)
        identity, clip = item.split("/", 1)[0], item
        rows: recipe.Rows = [
            ({"image": data}, {"identity": identity, "clip": clip, "frame": number}) for number, data in frames
        ]
        if not rows:
            raise CorruptRecordError(f"{path}: holds no frames")
        return rows


def plan(source: Path, size: int | None = None, stride: int = 1) -> VoxcelebRecipe:
    """Finds the clips."""
    if stride < 1:
        raise InputError(f"stride must be 1 or more, got {stride}")
    return VoxcelebRecipe(source, size, stride, list_clips(source))


def list_clips(source: Path) -> tuple[str, ...]:
    """Lists the clips of all people, films and folders of frames, by their paths in the folder.

    Raises:
      InputError: there are none.
    """
    if not source.is_dir():
        raise InputError(f"{source}: no such folder")
    clips = set()
    for path in source.glob("*/*/*"):
        if path.suffix.lower() in films.SUFFIXES or path.is_dir():
            clips.add(path)
        elif path.suffix.lower() in pictures.SUFFIXES:
            clips.add(path.parent)
    if not clips:
        raise InputError(f"{source}: no clips; PERSON/VIDEO/CLIP.mp4, PERSON/VIDEO/CLIP/*.jpg or PERSON/VIDEO/*.jpg")
    return tuple(sorted(path.relative_to(source).as_posix() for path in clips))


def list_frames(folder: Path) -> list[Path]:
    """Lists the pictures of a clip, in the order of the numbers in their names."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in pictures.SUFFIXES)
    return sorted((path for path in found if not path.name.startswith(".")), key=files.by_number)


def _frames(folder: Path, size: int | None, stride: int) -> Iterator[tuple[int, bytes]]:
    """Reads a clip that is a folder of pictures."""
    paths = list_frames(folder)
    for number in range(0, len(paths), stride):
        yield number, recipe.face_picture(recipe.read(paths[number]), str(paths[number]), size)


def _film(path: Path, size: int | None, stride: int) -> Iterator[tuple[int, bytes]]:
    """Decodes a clip that is a film."""
    for number, picture in enumerate(films.frames(path)):
        if number % stride == 0:
            cut = picture if size is None else pictures.square(picture, size)
            yield number, pictures.encode(cut, quality=recipe.JPEG_QUALITY)
