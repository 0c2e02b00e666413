"""The Radboud Faces Database: every picture's name says what it shows.

    Rafd090_01_Caucasian_female_angry_frontal.jpg, in any folders

Records hold the picture and, as label, the emotion's number in `EMOTIONS` (the order of "Animating Through Warping").
Columns: name, identity, camera (degrees: 90 is frontal, 0 and 180 are profiles), ethnicity, gender, emotion, gaze.
"""

import dataclasses
import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from data_pipelines import recipe
from jaxanim.core.errors import InputError
from jaxanim.data import image_folder
from jaxanim.data.record_folder import Kind, Record

EMOTIONS = ("angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral", "contemptuous")
_FRONTAL = 90
_NAME = re.compile(
    r"Rafd(?P<camera>000|045|090|135|180)_(?P<identity>\d+)_(?P<ethnicity>[A-Za-z]+)_(?P<gender>female|male)_"
    rf"(?P<emotion>{'|'.join(EMOTIONS)})_(?P<gaze>frontal|left|right)"
)


@dataclasses.dataclass(frozen=True)
class RafdRecipe:
    """Items are the pictures' names, relative to `source`."""

    source: Path
    size: int | None
    frontal: bool
    items: tuple[str, ...]
    fields: ClassVar[dict[str, Kind]] = {"image": "rgb", "label": "array"}
    items_per_shard: ClassVar[int] = 1000

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look, and the names of the emotions."""
        return {"size": self.size, "frontal": self.frontal, "emotions": list(EMOTIONS)}

    def records(self, item: str) -> recipe.Rows:
        """Makes one record of a picture."""
        path = self.source / item
        said = _said(item)
        record: Record = {
            "image": recipe.face_picture(recipe.read(path), str(path), self.size),
            "label": np.array(EMOTIONS.index(str(said["emotion"])), np.int32),
        }
        return [(record, {"name": item, **said})]


def plan(source: Path, size: int | None = None, frontal: bool = False) -> RafdRecipe:
    """Lists the pictures; with `frontal` those of the camera in front alone, whichever way the eyes look."""
    items = [path.as_posix() for path in image_folder.list_pictures(source)]
    cameras = {item: _said(item)["camera"] for item in items}
    chosen = tuple(item for item in items if not frontal or cameras[item] == _FRONTAL)
    if not chosen:
        raise InputError(f"{source}: none of the {len(items)} pictures is frontal (Rafd090_...)")
    return RafdRecipe(source, size, frontal, chosen)


def _said(item: str) -> dict[str, int | str]:
    """Returns what a picture's name says."""
    match = _NAME.fullmatch(Path(item).stem)
    if match is None:
        raise InputError(f"{item}: is not named as RaFD's pictures are: Rafd090_01_Caucasian_female_angry_frontal.jpg")
    said: dict[str, int | str] = match.groupdict()
    return said | {"camera": int(match["camera"]), "identity": int(match["identity"])}
