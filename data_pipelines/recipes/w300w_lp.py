"""300W-LP as it is handed out: faces turned to large poses, each with fitted 3D morphable model parameters.

    AFW/AFW_134212_1_0.jpg   AFW/AFW_134212_1_0.mat   AFW_Flip/...   HELEN/...   IBUG/...   LFPW/...
    landmarks/AFW/AFW_134212_1_0_pts.mat

Records hold what `data_pipelines.fitted_face` says. With `landmarks`, they also hold landmarks_2d and landmarks_3d
(68, 2) of the folder of that name, which knows no mirrored pictures: those are left out. With `size`, the square around
the landmarks is cut out, and the pose follows. Columns: name, subset, photograph (shared by all views and mirrored
pictures of one; split by it), view (0 is the photograph itself) and flipped (0 or 1).
"""

import dataclasses
import re
from pathlib import Path
from typing import Any, ClassVar

from data_pipelines import fitted_face, recipe
from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import Kind

SUBSETS = ("AFW", "HELEN", "IBUG", "LFPW")
_FLIP = "_Flip"
_NAME = re.compile(r"(.+)_(\d+)\.jpg")


@dataclasses.dataclass(frozen=True)
class W300wLpRecipe:
    """Items are the pictures' names, relative to `source`."""

    source: Path
    size: int | None
    landmarks: bool
    items: tuple[str, ...]
    items_per_shard: ClassVar[int] = 2000

    @property
    def fields(self) -> dict[str, Kind]:
        """The names in a record and how each is read."""
        return fitted_face.FIELDS | (dict.fromkeys(("landmarks_2d", "landmarks_3d"), "array") if self.landmarks else {})

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look."""
        return {"size": self.size, "landmarks": self.landmarks}

    def records(self, item: str) -> recipe.Rows:
        """Makes one record of a picture."""
        path = self.source / item
        more = {}
        if self.landmarks:
            points = self.source / "landmarks" / path.parent.name / f"{path.stem}_pts.mat"
            shape = (fitted_face.POINTS, 2)
            read = fitted_face.read_arrays(points, {"pts_2d": shape, "pts_3d": shape})
            more = {"landmarks_2d": read["pts_2d"], "landmarks_3d": read["pts_3d"]}
        record = fitted_face.record(path, path.with_suffix(".mat"), self.size, more_points=more)
        photograph, view = _parts(item)
        folder = path.parent.name
        return [
            (
                record,
                {
                    "name": item,
                    "subset": folder.removesuffix(_FLIP),
                    "photograph": photograph,
                    "view": view,
                    "flipped": int(folder.endswith(_FLIP)),
                },
            )
        ]


def plan(source: Path, size: int | None = None, landmarks: bool = False) -> W300wLpRecipe:
    """Lists the pictures."""
    folders = [folder for subset in SUBSETS for folder in (subset, subset + _FLIP) if (source / folder).is_dir()]
    if not folders:
        raise InputError(f"{source}: has none of the folders {', '.join(SUBSETS)} of 300W-LP")
    if landmarks:
        folders = [folder for folder in folders if not folder.endswith(_FLIP)]
        for folder in folders:
            if not (source / "landmarks" / folder).is_dir():
                raise InputError(f"{source / 'landmarks' / folder}: no such folder; build without --landmarks")
    items = fitted_face.list_pictures(source, folders)
    for item in items:
        _parts(item)
    return W300wLpRecipe(source, size, landmarks, items)


def _parts(item: str) -> tuple[str, int]:
    """Returns the photograph a picture was made of and the number of the view."""
    folder, name = item.split("/")
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(f"{item}: is not named as 300W-LP's pictures are, such as {folder}/AFW_134212_1_0.jpg")
    return match[1], int(match[2])
