"""A folder of faces, such as FFHQ or CelebA-HQ: every picture in it and below. Columns: name."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from data_pipelines import recipe
from jaxanim.data import image_folder
from jaxanim.data.record_folder import Kind


@dataclasses.dataclass(frozen=True)
class ImageFolderRecipe:
    """Items are the pictures' names, relative to `source`."""

    source: Path
    size: int | None
    items: tuple[str, ...]
    fields: ClassVar[dict[str, Kind]] = {"image": "rgb"}
    items_per_shard: ClassVar[int] = 1000

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look."""
        return {"size": self.size}

    def records(self, item: str) -> recipe.Rows:
        """Makes one record of a picture."""
        path = self.source / item
        return [({"image": recipe.face_picture(recipe.read(path), str(path), self.size)}, {"name": item})]


def plan(source: Path, size: int | None = None) -> ImageFolderRecipe:
    """Lists the pictures."""
    return ImageFolderRecipe(source, size, tuple(path.as_posix() for path in image_folder.list_pictures(source)))
