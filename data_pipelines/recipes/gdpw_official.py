"""Clips with fitted meshes as GDPW's authors lay them out: every frame has been cut out, and FLAME fitted to it.

    PERSON/VIDEO/CLIP/0000001_img.jpg           256x256
    PERSON/VIDEO/CLIP/0000001_posed_vertx.lz4   (5023, 3): x and y in pixels of the picture, and a depth

Records hold the picture and vertices (5023, 3), float32: x right and y down from -1 to 1 between the picture's edges,
whatever its size, and the depth as it is in the file, larger is farther: rasterised, only its order counts. Columns:
person and clip (names), frame (the number in its name), split. A frame that lacks one of its two files is left out; a
clip of fewer than two frames, or with a damaged one, is left out whole.
"""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from data_pipelines import lz4_array, recipe
from data_pipelines.recipes import voxceleb_splits
from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError, pictures
from jaxanim.data.record_folder import Kind, Record

SIDE = 256
VERTICES = 5023
_PICTURE, _MESH = "_img.jpg", "_posed_vertx.lz4"
_FARTHEST = 8.0  # halves of the picture's side from its middle: no head that a picture was cut out around


@dataclasses.dataclass(frozen=True)
class GdpwOfficialRecipe:
    """Items are the clips' paths, relative to `source`, each with the split of its person."""

    source: Path
    size: int | None
    items: tuple[tuple[str, str], ...]
    fields: ClassVar[dict[str, Kind]] = {"image": "rgb", "vertices": "array"}
    items_per_shard: ClassVar[int] = 20

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look."""
        return {"size": self.size}

    def split(self, item: tuple[str, str]) -> str:
        """Returns the split of a clip's person."""
        return item[1]

    def records(self, item: tuple[str, str]) -> recipe.Rows:
        """Makes one record of every frame that has a mesh."""
        name, split = item
        folder = self.source / name
        found = [{path.name[: -len(end)]: path for path in folder.glob(f"[0-9]*{end}")} for end in (_PICTURE, _MESH)]
        both = sorted((stem for stem in found[0].keys() & found[1].keys() if stem.isdecimal()), key=int)
        if len(both) < 2:
            raise CorruptRecordError(f"{folder}: {len(both)} frames have a picture and a mesh, a clip needs two")
        rows: recipe.Rows = []
        for stem in both:
            record: Record = {"image": self._picture(found[0][stem]), "vertices": _vertices(found[1][stem])}
            person = voxceleb_splits.person_of(name)
            rows.append((record, {"person": person, "clip": name, "frame": int(stem), "split": split}))
        return rows

    def _picture(self, path: Path) -> bytes:
        data = recipe.read(path)
        shape = pictures.decode_rgb(data, str(path)).shape
        if shape[:2] != (SIDE, SIDE):
            raise CorruptRecordError(f"{path}: has {shape[1]}x{shape[0]} pixels, {SIDE}x{SIDE} are expected")
        return recipe.face_picture(data, str(path), self.size)


def plan(source: Path, size: int | None = None) -> GdpwOfficialRecipe:
    """Finds the clips."""
    if not source.is_dir():
        raise InputError(f"{source}: no such folder")
    clips = {
        path.parent.relative_to(source).as_posix()
        for base in voxceleb_splits.bases(source)
        for path in base.glob(f"*/*/*/*{_MESH}")
    }
    if not clips:
        raise InputError(f"{source}: no clips; PERSON/VIDEO/CLIP/0000001{_PICTURE} and ...{_MESH} are expected")
    splits = voxceleb_splits.splits(sorted(clips))
    return GdpwOfficialRecipe(source, size, tuple(splits.items()))


def _vertices(path: Path) -> np.ndarray:
    """Reads a mesh, and changes its pixels to a range of -1 to 1."""
    mesh = lz4_array.parse(recipe.read(path), str(path))
    if mesh.shape != (VERTICES, 3) or mesh.dtype.kind != "f":
        raise CorruptRecordError(f"{path}: holds {mesh.dtype} {mesh.shape}, FLAME's ({VERTICES}, 3) are expected")
    vertices = mesh.astype(np.float32)
    vertices[:, :2] = vertices[:, :2] * np.float32(2 / SIDE) - np.float32(1)
    if not np.isfinite(vertices).all() or np.abs(vertices[:, :2]).max() > _FARTHEST:
        raise CorruptRecordError(f"{path}: vertices are not finite, or far outside the picture")
    return vertices
