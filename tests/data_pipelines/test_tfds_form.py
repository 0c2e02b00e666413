"""A recipe becomes a dataset that TFDS opens, with the same records as in our own form, and without TensorFlow."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from data_pipelines import build, shards, tfds_form
from data_pipelines.recipes import celeba, rafd
from jaxanim.core.errors import InputError
from jaxanim.data import Loader, pictures
from jaxanim.data.record_folder import RecordFolder
from jaxanim.data.tfds_folder import TfdsFolder
from tests.data_pipelines.recipes.layouts import save

NAMES = [f"Rafd090_{number:02d}_Caucasian_male_happy_frontal" for number in range(6)]


@pytest.fixture
def raw(tmp_path):
    for number, name in enumerate(NAMES):
        save(tmp_path / "raw" / f"{name}.png", (number, 0, 0), size=(12, 12))
    return tmp_path / "raw"


def run(tmp_path, name, *options):
    arguments = [name, "--source", str(tmp_path / "raw"), "--data-dir", str(tmp_path / "out"), "--form", "tfds"]
    assert build.main([*arguments, *options]) == 0
    return tmp_path / "out" / name / "1.0.0"


def same_records(folder, mine, split="train"):
    theirs = TfdsFolder(folder, split)
    assert len(theirs) == len(mine)
    for record in range(len(mine)):
        a, b = mine[record], theirs[record]
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], strict=True)
    return theirs


def test_rafd(tmp_path, raw):
    folder = run(tmp_path, "rafd")
    shards.build("rafd", rafd.plan(raw), tmp_path / "mine")
    theirs = same_records(folder, RecordFolder(tmp_path / "mine"))
    assert theirs.fields == ("camera", "identity", "image", "label")
    assert theirs.left_out == ("emotion", "ethnicity", "gaze", "gender", "name")
    batch = Loader(theirs, seed=0, batch_size=6).global_batch(0)
    assert sorted(batch["identity"].tolist()) == sorted(batch["image"][:, 0, 0, 0].tolist()) == [0, 1, 2, 3, 4, 5]


def test_tfds_opens_it_by_name(tmp_path, raw):
    run(tmp_path, "rafd")
    assert not (tmp_path / "out" / "downloads").exists()
    source = tfds.data_source("rafd", data_dir=tmp_path / "out", split="train[2:4]")
    assert [example["name"] for example in source] == [f"{name}.png".encode() for name in NAMES[2:4]]
    assert source[0]["image"].shape == (12, 12, 3)
    info = tfds.builder("rafd", data_dir=tmp_path / "out").info
    assert info.metadata["options"]["emotions"] == list(rafd.EMOTIONS)


def test_without_tensorflow(tmp_path, raw):
    """A process of its own, as other tests may have loaded TensorFlow."""
    code = f"""
import sys
from pathlib import Path

from data_pipelines import build
from jaxanim.data.tfds_folder import TfdsFolder
assert build.main(["rafd", "--source", {str(raw)!r}, "--data-dir", {str(tmp_path)!r}, "--form", "tfds"]) == 0
print(TfdsFolder(Path({str(tmp_path / "rafd" / "1.0.0")!r}))[5]["label"], "tensorflow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == ["3", "False"]


def test_drawn_characters(tmp_path):
    """Transparent pictures and half-precision arrays, bit for bit."""
    options = ["procedural_anime", "--count", "2", "--seed", "3"]
    assert build.main([*options, "--data-dir", str(tmp_path / "mine"), "--workers", "0"]) == 0
    assert build.main([*options, "--data-dir", str(tmp_path / "out"), "--form", "tfds"]) == 0
    theirs = same_records(tmp_path / "out" / "procedural_anime" / "1.0.0", RecordFolder(tmp_path / "mine"))
    assert theirs[0]["flow_px"].dtype == np.float16
    assert tfds.data_source("procedural_anime", data_dir=tmp_path / "out", split="train")[0]["rest"].shape[-1] == 4


def test_splits(tmp_path):
    raw = tmp_path / "raw"
    names = [f"{number:06d}.png" for number in range(1, 5)]
    for number, name in enumerate(names):
        save(raw / "img_align_celeba" / name, (10 * number, 0, 0))
    (raw / "list_attr_celeba.txt").write_text("\n".join(["4", "Bald", *(f"{name} 1" for name in names)]))
    (raw / "list_eval_partition.txt").write_text("\n".join(f"{n} {s}" for n, s in zip(names, "0102", strict=True)))
    (raw / "identity_CelebA.txt").write_text("\n".join(f"{name} 7" for name in names))
    folder = run(tmp_path, "celeba")
    assert {split: len(TfdsFolder(folder, split)) for split in celeba.SPLITS} == {"train": 2, "valid": 1, "test": 1}
    assert [int(TfdsFolder(folder, "train")[n]["image"][0, 0, 0]) for n in range(2)] == [0, 20]
    assert int(TfdsFolder(folder, "test")[0]["image"][0, 0, 0]) == 30


def test_pictures_that_tfds_would_misread(tmp_path, raw):
    """Transparent, grey, with a palette, turned by EXIF, or of a format TensorFlow cannot read."""
    picture = np.random.default_rng(0).integers(0, 256, (12, 12, 4), dtype=np.uint8)
    kinds = {"PNG": ["RGBA", "L", "P"], "WEBP": ["RGB"], "JPEG": ["RGB"]}
    names = iter(NAMES)
    for kind, modes in kinds.items():
        for mode in modes:
            image = Image.fromarray(picture)
            image = image if mode == "RGBA" else image.convert("RGB").convert(mode)
            exif = Image.Exif()
            exif[0x0112] = 6 if kind == "JPEG" else 1
            image.save(raw / f"{next(names)}.png", kind, exif=exif)
    folder = run(tmp_path, "rafd")
    source = tfds.builder_from_directory(folder).as_data_source("train")
    for record, name in enumerate(NAMES):
        want = pictures.decode_rgb((raw / f"{name}.png").read_bytes(), name)
        np.testing.assert_array_equal(source[record]["image"], want)


def test_damaged_items_are_left_out_and_noted(tmp_path, raw, capsys):
    for number in (0, 3):
        (raw / f"{NAMES[number]}.png").write_bytes(b"damaged")
    folder = run(tmp_path, "rafd", "--max-corrupt", "2")
    assert TfdsFolder(folder)[0]["identity"] == 1
    assert len(TfdsFolder(folder)) == 4
    skipped = json.loads((folder / "metadata.json").read_text())["skipped"]
    assert [NAMES[0] in skipped[0], NAMES[3] in skipped[1], len(skipped)] == [True, True, 2]
    arguments = ["rafd", "--source", str(raw), "--data-dir", str(tmp_path / "b"), "--form", "tfds"]
    assert build.main([*arguments, "--max-corrupt", "1"]) == 2
    assert "2 items are damaged, at most 1 may be; the last: " in capsys.readouterr().err
    assert not list((tmp_path / "b").rglob("*.array_record*"))
    for name in NAMES:
        (raw / f"{name}.png").write_bytes(b"damaged")
    assert build.main(arguments) == 2
    assert "all 6 items are damaged; the last: " in capsys.readouterr().err


def test_arrays_of_several_shapes(tmp_path, raw, monkeypatch):
    records = rafd.RafdRecipe.records

    def uneven(self, item):
        ((record, columns),) = records(self, item)
        return [({**record, "label": np.zeros(columns["identity"] // 4 + 1, np.int32)}, columns)]

    monkeypatch.setattr(rafd.RafdRecipe, "records", uneven)
    with pytest.raises(InputError, match=r"Rafd090_04.*: label has shape \(2,\), that of the first record is \(1,\)"):
        tfds_form.build("rafd", rafd.plan(raw), tmp_path / "out")


@pytest.mark.parametrize("option", [["--shards", "2"], ["--shard", "0/2"], ["--workers", "0"]])
def test_options_of_the_other_form_are_refused(tmp_path, raw, capsys, option):
    arguments = ["rafd", "--source", str(raw), "--data-dir", str(tmp_path / "out"), "--form", "tfds", *option]
    assert build.main(arguments) == 2
    assert f"--form tfds does not take {option[0]}:" in capsys.readouterr().err


def test_a_dataset_that_is_there(tmp_path, raw, capsys):
    run(tmp_path, "rafd")
    assert build.main(["rafd", "--source", str(raw), "--data-dir", str(tmp_path / "out"), "--form", "tfds"]) == 2
    assert "1.0.0: is there already; delete it" in capsys.readouterr().err


def test_a_plain_picture_is_kept_byte_for_byte(tmp_path, raw):
    data = io.BytesIO()
    Image.new("RGB", (12, 12), (1, 2, 3)).save(data, "JPEG", quality=20)
    (raw / f"{NAMES[0]}.png").write_bytes(data.getvalue())
    builder = tfds.builder_from_directory(run(tmp_path, "rafd"))
    source = builder.as_data_source("train", decoders={"image": tfds.decode.SkipDecoding()})
    assert source[0]["image"] == data.getvalue()


def test_a_folder_that_cannot_be_made(tmp_path, raw, capsys):
    (tmp_path / "file").write_text("no folder")
    arguments = ["rafd", "--source", str(raw), "--data-dir", str(tmp_path / "file"), "--form", "tfds"]
    assert build.main(arguments) == 2
    assert "cannot be written or read" in capsys.readouterr().err
