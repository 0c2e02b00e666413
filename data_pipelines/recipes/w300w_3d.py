"""300W-3D as it is handed out: the photographs of 300-W with fitted 3D morphable model parameters.

    AFW/134212_1.jpg   AFW/134212_1.mat   HELEN/...   IBUG/...   LFPW/...
    and, in the folder 300W-3D-Face, given as `meshes`: AFW/134212_1.mat ...

Records hold what `data_pipelines.fitted_face` says; with `meshes` also the face's vertices (53215, 3) in the picture, x
right, y up, z to the viewer. With `size`, the square around the landmarks is cut out, and pose and vertices follow.
Columns: name, subset.
"""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from data_pipelines import fitted_face, recipe
from data_pipelines.recipes.w300w_lp import SUBSETS
from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import Kind


@dataclasses.dataclass(frozen=True)
class W300w3dRecipe:
    """Items are the pictures' names, relative to `source`."""

    source: Path
    size: int | None
    meshes: Path | None
    items: tuple[str, ...]
    items_per_shard: ClassVar[int] = 500

    @property
    def fields(self) -> dict[str, Kind]:
        """The names in a record and how each is read."""
        return fitted_face.FIELDS | ({} if self.meshes is None else {"vertices": "array"})

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look."""
        return {"size": self.size, "meshes": self.meshes is not None}

    def records(self, item: str) -> recipe.Rows:
        """Makes one record of a picture."""
        path = self.source / item
        mesh = None if self.meshes is None else (self.meshes / item).with_suffix(".mat")
        record = fitted_face.record(path, path.with_suffix(".mat"), self.size, more_points={}, mesh=mesh)
        return [(record, {"name": item, "subset": path.parent.name})]


def plan(source: Path, size: int | None = None, meshes: Path | None = None) -> W300w3dRecipe:
    """Lists the pictures."""
    folders = [subset for subset in SUBSETS if (source / subset).is_dir()]
    if not folders:
        raise InputError(f"{source}: has none of the folders {', '.join(SUBSETS)} of 300W-3D")
    for folder in folders:
        if meshes is not None and not (meshes / folder).is_dir():
            raise InputError(f"{meshes / folder}: no such folder; --meshes is the folder 300W-3D-Face")
    items = fitted_face.list_pictures(source, folders)
    return W300w3dRecipe(source, size, meshes, items)
