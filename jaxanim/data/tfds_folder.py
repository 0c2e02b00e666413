"""A dataset of TensorFlow Datasets as a source, if it is stored as array_record; TensorFlow is not needed.

Records hold what can be in a batch: pictures and numbers. Nested features are named with slashes (attributes/Smiling).
Pictures become uint8 (h, w, 3), also where the file is grey or transparent and TFDS would return other channels, or
(h, w, 4) where the feature says so.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core import example_parser

from jaxanim.core import files
from jaxanim.core.errors import InputError
from jaxanim.data import pictures, record_folder
from jaxanim.data.source import CorruptRecordError

_RGBA = 4
_WHAT = "a version of a TFDS dataset"


class TfdsFolder:
    """The records of a split.

    Args:
      folder: of one version of a dataset, with a dataset_info.json in it.
      split: which records, as TFDS writes it: 'train', 'test[:10%]', 'train+valid' ...
      fields: names of those to read; by default all pictures and numbers.

    Attributes:
      fields: the names in a record.
      left_out: the names of what can be no part of a batch (texts, sequences) or was not asked for.
    """

    def __init__(self, folder: Path, split: str = "train", *, fields: Sequence[str] | None = None):
        builder = _open(folder)
        features = dict(sorted(_flatten(builder.info.features)))  # TFDS's order is another in every process
        readable = [name for name, feature in features.items() if _is_picture(feature) or _is_number(feature)]
        if wrong := sorted(set(fields or ()) - set(readable)):
            raise InputError(f"{folder}: has no picture or number {wrong[0]!r}, but {', '.join(readable)}")
        self.fields = tuple(readable if fields is None else fields)
        self.left_out = tuple(name for name in features if name not in self.fields)
        self._features = {name: features[name] for name in self.fields}
        self._name = f"{folder}, {split}"
        self._parser = _parser(self._features)
        self._data = _data(builder, folder, split)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"TfdsFolder({self._name})"

    def __getitem__(self, record: int) -> dict[str, np.ndarray]:
        """Reads and decodes one record."""
        name = f"{self._name}, record {record}"
        try:
            data = self._data[record]
        except RuntimeError as error:
            raise record_folder.as_user_error(error, name) from error
        try:
            values = self._parser.parse_example(data)
        except Exception as error:  # protobuf's and TFDS's errors have no common base
            raise CorruptRecordError(f"{name}: not an example of this dataset ({error})") from error
        return {key: self._read(key, values[key], name) for key in self.fields}

    def _read(self, key: str, value: Any, name: str) -> np.ndarray:
        feature = self._features[key]
        where = f"{name}, {key}"
        if _is_picture(feature):
            decode = pictures.decode_rgba if feature.shape[-1] == _RGBA else pictures.decode_rgb
            return decode(value, where)
        try:
            return np.asarray(feature.decode_example_np(value), feature.np_dtype)
        except Exception as error:
            raise CorruptRecordError(f"{where}: cannot be decoded ({error})") from error


def _open(folder: Path) -> Any:
    """Opens a dataset after checking that it asks for no code but TFDS's own."""
    files.read_json(folder / "dataset_info.json", what=_WHAT)
    for kind in _classes(files.read_json(folder / "features.json", what=_WHAT)):
        if not kind.startswith("tensorflow_datasets.core.features."):  # TFDS imports whatever stands here
            raise InputError(f"{folder}: has a feature of type {kind}; only TFDS's own can be read")
    try:
        builder = tfds.builder_from_directory(folder)
    except Exception as error:  # TFDS raises nearly anything on damaged descriptions
        raise InputError(f"{folder}: TFDS cannot read it ({type(error).__name__}: {error})") from error
    stored = builder.info.file_format.value if builder.info.file_format else "an unknown format"
    if stored != "array_record":
        raise InputError(f"{folder}: is stored as {stored}, array_record can be read")
    return builder


def _classes(content: Any) -> Iterator[str]:
    """Yields the types that are named in a description of features."""
    children: Sequence[Any] = ()
    if isinstance(content, dict):
        children = list(content.values())
        # Protocol buffers take names in either spelling.
        names = (value for key, value in content.items() if _plain(key) in ("pythonclassname", "type"))
        yield from (str(name) for name in names if isinstance(name, str))
    elif isinstance(content, list):
        children = content
    for child in children:
        yield from _classes(child)


def _plain(key: str) -> str:
    return key.replace("_", "").lower()


def _data(builder: Any, folder: Path, split: str) -> Any:
    """Returns the encoded examples of a split."""
    try:
        paths = [Path(path) for info in builder.info.splits.values() for path in info.filepaths]
        data = builder.as_data_source(split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES)
    except Exception as error:
        raise InputError(
            f"{folder}: has no split {split!r}, but {', '.join(sorted(builder.info.splits))} ({type(error).__name__})"
        ) from error
    if missing := [path.name for path in paths if not path.exists()]:
        raise InputError(f"{folder}: {len(missing)} of {len(paths)} files are missing, first {missing[0]}")
    return data


def _parser(features: dict[str, Any]) -> Any:
    return example_parser.ExampleParserNp({name: feature.get_serialized_info() for name, feature in features.items()})


def _flatten(features: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the features that hold no others, with their whole names."""
    for name, feature in features.items():
        if isinstance(feature, tfds.features.FeaturesDict):
            yield from _flatten(feature, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", feature


def _is_picture(feature: Any) -> bool:
    return isinstance(feature, tfds.features.Image) and feature.np_dtype == np.uint8


def _is_number(feature: Any) -> bool:
    return isinstance(feature, tfds.features.Tensor) and np.dtype(feature.np_dtype).kind in "biuf"
