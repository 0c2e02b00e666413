"""A folder of pictures as a source: all pictures in it and below, in the order of their names."""

from pathlib import Path

import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.data import pictures


def list_pictures(folder: Path) -> list[Path]:
    """Returns the pictures in a folder and below, by their endings, relative to it, in an order all machines share."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    found = [
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.suffix.lower() in pictures.SUFFIXES and path.is_file()
    ]
    if not found:
        raise InputError(f"{folder}: holds no pictures ({', '.join(pictures.SUFFIXES)})")
    return sorted(found, key=lambda path: path.as_posix())


class ImageFolder:
    """Records {"image": uint8 (h, w, 3)}.

    Args:
      folder: where the pictures are.
      size: side of the central square every picture is cut and resized to; None leaves them as they are.
      background: what transparent pixels show.

    Attributes:
      names: of the pictures, by record, relative to the folder.
    """

    def __init__(self, folder: Path, *, size: int | None = None, background: pictures.Color = pictures.WHITE):
        self.names = list_pictures(folder)
        self._folder, self._size, self._background = folder, size, background

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, record: int) -> dict[str, np.ndarray]:
        """Reads and decodes one picture."""
        path = self._folder / self.names[record]
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:  # not a damaged record: the order of all others would be another
            raise InputError(f"{path}: was there when the folder was listed and is gone") from error
        picture = pictures.decode_rgb(data, str(path), background=self._background)
        return {"image": picture if self._size is None else pictures.square(picture, self._size)}
