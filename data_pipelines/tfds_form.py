"""Any recipe as a dataset of TensorFlow Datasets, written and read without TensorFlow.

The folder DATA_DIR/NAME/1.0.0 can be opened by `tfds.builder_from_directory`, `tfds.data_source(NAME, data_dir=...)`
and `jaxanim.data.tfds_folder.TfdsFolder`. Columns become features beside the fields; splits are the recipe's, or all
is 'train'. Pictures are plain PNG or JPEG with as many channels as the feature says, as TFDS does not check that.
Options and what was damaged stand in metadata.json.

TFDS writes a dataset in one go: there is no resuming and no sharding over machines. It is complete, or not there.
"""

import io
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from data_pipelines import recipe as recipes
from data_pipelines.recipe import Recipe
from jaxanim.core.errors import InputError, OutputError
from jaxanim.data import CorruptRecordError, pictures
from jaxanim.data.record_folder import Kind

VERSION = "1.0.0"
_ORIENTATION = 0x0112  # the EXIF tag
_PLAIN = {"rgb": "RGB", "rgba": "RGBA"}
_CHANNELS = {"rgb": 3, "rgba": 4}
Example = dict[str, Any]


def build(name: str, recipe: Recipe, folder: Path, *, max_corrupt: int = 100) -> Path:
    """Builds a dataset in this process.

    Args:
      name: of the dataset.
      recipe: what to build.
      folder: TFDS's data_dir; the dataset goes to a folder in it.
      max_corrupt: how many items may be damaged before the build stops; they are left out and noted.

    Returns:
      The folder of the dataset.
    """
    out = folder / name / VERSION
    if out.exists():
        raise InputError(f"{out}: is there already; delete it to build it anew, or choose another folder")
    try:
        builder = RecipeBuilder(name, recipe, folder, max_corrupt)
        with tempfile.TemporaryDirectory() as nothing:  # else TFDS makes a folder for what it never downloads
            builder.download_and_prepare(download_dir=nothing)
    except OSError as error:
        raise OutputError(f"{error.filename or out}: cannot be written or read ({error.strerror or error})") from error
    return out


class RecipeBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Generates the examples of a recipe, in its order."""

    VERSION = tfds.core.Version(VERSION)

    def __init__(self, name: str, recipe: Recipe, folder: Path, max_corrupt: int):
        self.name = name
        self._recipe, self._max_corrupt = recipe, max_corrupt
        self._corrupt: dict[int, str] = {}  # by the number of the item
        super().__init__(data_dir=folder, file_format="array_record")

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{self.name}, built by jaxanim's data_pipelines from a user's own files.",
            features=_features(self._recipe.fields, self._first_example()),
            disable_shuffling=True,
            metadata=tfds.core.MetadataDict(options=dict(self._recipe.options), skipped=[]),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, Example]]]:
        del dl_manager  # nothing is downloaded
        splits: dict[str, list[int]] = {}
        for number, item in enumerate(self._recipe.items):
            name = self._recipe.split(item) if isinstance(self._recipe, recipes.HasSplits) else "train"
            splits.setdefault(name, []).append(number)
        return {name: self._generate_examples(name, numbers) for name, numbers in splits.items()}

    def _generate_examples(self, split: str, numbers: list[int]) -> Iterator[tuple[int, Example]]:
        """Yields numbered examples of a split."""
        shapes = {name: feature.shape for name, feature in self.info.features.items() if None not in feature.shape}
        count = 0
        for number in numbers:
            for example in self._examples(number):
                for name, shape in shapes.items():
                    if np.shape(example[name]) != shape:
                        raise InputError(
                            f"{self._recipe.items[number]}: {name} has shape {np.shape(example[name])}, that of the "
                            f"first record is {shape}; TFDS needs the same for all"
                        )
                yield count, example
                count += 1
        self.info.metadata["skipped"] = list(self._corrupt.values())
        if not count:
            raise InputError(f"all {len(numbers)} items of the split {split!r} are damaged; {self._last_corrupt()}")

    def _first_example(self) -> Example:
        for number in range(len(self._recipe.items)):
            for example in self._examples(number):
                return example
        raise InputError(f"all {len(self._recipe.items)} items are damaged; {self._last_corrupt()}")

    def _examples(self, number: int) -> list[Example]:
        """Returns the examples of an item, none where it is damaged."""
        try:
            rows = self._recipe.records(self._recipe.items[number])
            return [self._example(record, columns) for record, columns in rows]
        except CorruptRecordError as error:
            self._corrupt[number] = str(error)
        if len(self._corrupt) > self._max_corrupt:
            raise InputError(
                f"{len(self._corrupt)} items are damaged, at most {self._max_corrupt} may be; {self._last_corrupt()}"
            )
        return []

    def _example(self, record: Mapping[str, Any], columns: Mapping[str, int | str]) -> Example:
        if both := sorted(record.keys() & columns.keys()):
            raise ValueError(f"{both[0]} is a field and a column")
        kinds = self._recipe.fields
        fields = {
            name: value if kinds[name] == "array" else _plain(value, kinds[name], name)
            for name, value in record.items()
        }
        return {**fields, **columns}

    def _last_corrupt(self) -> str:
        return f"the last: {list(self._corrupt.values())[-1]}"


def _features(kinds: Mapping[str, Kind], example: Example) -> tfds.features.FeaturesDict:
    """Describes examples by the first one."""
    return tfds.features.FeaturesDict({name: _feature(kinds.get(name), value) for name, value in example.items()})


def _feature(kind: Kind | None, value: Any) -> tfds.features.FeatureConnector:
    if kind in _CHANNELS:
        return tfds.features.Image(shape=(None, None, _CHANNELS[kind]))
    if isinstance(value, str):
        return tfds.features.Text()
    if isinstance(value, int):
        return tfds.features.Scalar(dtype=np.int64)
    encoding = "bytes" if value.ndim else "none"  # TFDS's own form has no float64 and takes four bytes for a float16
    return tfds.features.Tensor(shape=value.shape, dtype=value.dtype, encoding=encoding)


def _plain(data: bytes, kind: Kind, name: str) -> bytes:
    """Returns a picture as PNG or JPEG of the channels that are said; one that is so already stays as it is."""
    with Image.open(io.BytesIO(data), formats=pictures.FORMATS) as image:
        turned = image.getexif().get(_ORIENTATION, 1) != 1
        fits = image.mode == _PLAIN[kind] and "transparency" not in image.info and image.format in ("PNG", "JPEG")
    if fits and not turned:
        return data
    decode = pictures.decode_rgb if kind == "rgb" else pictures.decode_rgba
    return pictures.encode(decode(data, name))
