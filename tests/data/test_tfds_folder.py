"""Datasets that others wrote with TFDS: nested, with texts, of odd pictures, and damaged."""

import io
import json

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError, Loader
from jaxanim.data.tfds_folder import TfdsFolder

COUNT = 8


def png(mode, color):
    data = io.BytesIO()
    Image.new(mode, (5, 4), color).save(data, "PNG")
    return data.getvalue()


FEATURES = tfds.features.FeaturesDict(
    {
        "image": tfds.features.Image(shape=(None, None, 3)),
        "grey": tfds.features.Image(shape=(4, 5, 1)),
        "cut": tfds.features.Image(shape=(None, None, 4)),
        "attributes": {"Smiling": np.bool_, "pose": tfds.features.Tensor(shape=(2, 3), dtype=np.float32)},
        "label": tfds.features.ClassLabel(num_classes=COUNT),
        "packed": tfds.features.Tensor(shape=(2,), dtype=np.float64, encoding="zlib"),
        "name": tfds.features.Text(),
        "frames": tfds.features.Sequence(tfds.features.Image(shape=(None, None, 3))),
    }
)


class Handmade(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("2.1.0")

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=FEATURES, disable_shuffling=True)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(COUNT), "test": self._generate_examples(2)}

    def _generate_examples(self, count):
        for number in range(count):
            yield (
                number,
                {
                    # a transparent picture, which TFDS would return with 4 channels
                    "image": png("RGBA", (number, 0, 0, 0)) if number == 1 else png("RGB", (number, 0, 0)),
                    "grey": png("L", 9),
                    "cut": png("RGB", (1, 2, 3)) if number == 2 else png("RGBA", (1, 2, 3, 4)),
                    "attributes": {"Smiling": number % 2 == 1, "pose": np.full((2, 3), number, np.float32)},
                    "label": number,
                    "packed": np.array([0.1, number]),
                    "name": f"picture {number}",
                    "frames": [png("RGB", 0)] * number,
                },
            )


@pytest.fixture
def folder(tmp_path):
    builder = Handmade(data_dir=tmp_path, file_format="array_record")
    builder.download_and_prepare(download_dir=tmp_path / "nothing")
    return tmp_path / "handmade" / "2.1.0"


def test_records(folder):
    source = TfdsFolder(folder)
    assert source.fields == ("attributes/Smiling", "attributes/pose", "cut", "grey", "image", "label", "packed")
    assert source.left_out == ("frames", "name")
    record = source[3]
    assert {name: (array.shape, str(array.dtype)) for name, array in record.items()} == {
        "attributes/Smiling": ((), "bool"),
        "attributes/pose": ((2, 3), "float32"),
        "cut": ((4, 5, 4), "uint8"),
        "grey": ((4, 5, 3), "uint8"),
        "image": ((4, 5, 3), "uint8"),
        "label": ((), "int64"),
        "packed": ((2,), "float64"),
    }
    assert (record["attributes/Smiling"], record["label"], record["image"][0, 0, 0]) == (True, 3, 3)
    np.testing.assert_array_equal(record["packed"], [0.1, 3])
    np.testing.assert_array_equal(source[1]["image"][0, 0], [255, 255, 255])


def test_a_picture_without_the_transparency_that_is_said(folder):
    with pytest.raises(CorruptRecordError, match="record 2, cut: is a RGB picture without transparency"):
        TfdsFolder(folder)[2]
    batches = Loader(TfdsFolder(folder), seed=0, batch_size=COUNT).batches(0)
    with batches:
        batch = next(batches)
        assert batches.corrupt.keys() == {2}
    assert 2 not in batch["label"].tolist()


def test_splits_and_fields(folder):
    assert TfdsFolder(folder, "train[5:]", fields=["label"])[0] == {"label": 5}
    assert len(TfdsFolder(folder, "train+test")) == COUNT + 2
    assert TfdsFolder(folder, "test", fields=["image"]).left_out[:2] == ("attributes/Smiling", "attributes/pose")
    with pytest.raises(InputError, match="has no split 'valid', but test, train"):
        TfdsFolder(folder, "valid")
    with pytest.raises(InputError, match="has no picture or number 'name', but attributes/Smiling, "):
        TfdsFolder(folder, fields=["label", "name"])


def test_flipped_bytes(folder):
    """A record is what it was, or is damaged, or the file's index is."""
    (path,) = folder.glob("*train*")
    data = path.read_bytes()
    damaged, unreadable = {}, 0
    for position in range(len(data) // 16, len(data), len(data) // 16):
        path.write_bytes(data[:position] + bytes([data[position] ^ 255]) + data[position + 1 :])
        source = TfdsFolder(folder, fields=["label"])
        for record in range(COUNT):
            try:
                assert source[record]["label"] == record
            except CorruptRecordError as error:
                damaged[record] = str(error)
            except InputError:
                unreadable += 1
    assert len(damaged) > 1
    assert {record for record, error in damaged.items() if f"1.0, train, record {record}: " in error} == set(damaged)
    assert unreadable < 2 * COUNT


def test_damaged_folders(folder):
    with pytest.raises(InputError, match=r"dataset_info\.json: no such file; is this the folder of a version"):
        TfdsFolder(folder.parent)
    (test,) = folder.glob("*test*")
    test.unlink()
    with pytest.raises(InputError, match=r"1 of 2 files are missing, first handmade-test\.array_record"):
        TfdsFolder(folder)
    (folder / "dataset_info.json").write_text("{")
    with pytest.raises(InputError, match=r"dataset_info\.json: damaged"):
        TfdsFolder(folder)
    (folder / "dataset_info.json").write_text('{"name": 3}')
    with pytest.raises(InputError, match="TFDS cannot read it"):
        TfdsFolder(folder)


@pytest.mark.parametrize("spelling", ["pythonClassName", "python_class_name"])
def test_a_description_that_names_code(folder, tmp_path, monkeypatch, spelling):
    """TFDS imports the module of a feature it does not know."""
    (tmp_path / "foreign_code.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    path = folder / "features.json"
    content = json.loads(path.read_text())
    label = content["featuresDict"]["features"]["label"]
    del label["pythonClassName"]
    label[spelling] = "foreign_code.Feature"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"has a feature of type foreign_code\.Feature; only TFDS's own can be read"):
        TfdsFolder(folder)


def test_another_file_format(folder):
    path = folder / "dataset_info.json"
    path.write_text(path.read_text().replace("array_record", "tfrecord"))
    with pytest.raises(InputError, match="is stored as tfrecord, array_record can be read"):
        TfdsFolder(folder)
