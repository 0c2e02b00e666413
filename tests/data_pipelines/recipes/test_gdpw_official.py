"""GDPW's own layout: pictures and meshes, frame by frame; a clip with a damaged file is left out."""

import lz4.frame
import numpy as np
import pytest

from data_pipelines.recipes import gdpw_official
from jaxanim.core.errors import InputError
from jaxanim.data import Loader, sampling
from tests.data_pipelines.recipes.layouts import run, save, skipped

PIXELS = np.random.default_rng(0).uniform(0, 256, (5023, 3)).astype(np.float16)
PIXELS[:3] = [[0, 256, -40.5], [128, 64, 3.25], [192, 0, 7]]
NUMBERS = {"float16": 23, "float32": 11, "int16": 3}


def mesh(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = np.array([NUMBERS[array.dtype.name], array.ndim, *array.shape], "<i4")
    path.write_bytes(lz4.frame.compress(header.tobytes() + array.tobytes()))


def frame(folder, number, *, array=PIXELS, size=(256, 256)):
    save(folder / f"{number:07d}_img.jpg", (number, 10, 20), size)
    mesh(folder / f"{number:07d}_posed_vertx.lz4", array)


@pytest.fixture
def raw(tmp_path):
    """Two people of VoxCeleb1, one of its test set."""
    for number in (2, 5, 11):
        frame(tmp_path / "raw" / "id10001" / "v" / "00001", number)
    for number in (1, 2):
        frame(tmp_path / "raw" / "id10270" / "v" / "00001", number, array=PIXELS.astype(np.float32))
    return tmp_path / "raw"


def test_pictures_and_meshes(tmp_path, raw):
    built = run(tmp_path, "gdpw_official")
    assert built.columns["person"].tolist() == ["id10001"] * 3 + ["id10270"] * 2
    assert built.columns["clip"].tolist() == ["id10001/v/00001"] * 3 + ["id10270/v/00001"] * 2
    assert built.columns["frame"].tolist() == [2, 5, 11, 1, 2]
    assert built.columns["split"].tolist() == ["train"] * 3 + ["test"] * 2
    np.testing.assert_allclose([built[n]["image"].mean(axis=(0, 1))[0] for n in range(5)], [2, 5, 11, 1, 2], atol=1.5)
    for record in (0, 3):
        vertices = built[record]["vertices"]
        assert (vertices.shape, vertices.dtype) == ((5023, 3), np.float32)
        np.testing.assert_array_equal(vertices[:3], [[-1, 1, -40.5], [0, -0.5, 3.25], [0.5, -1, 7]])
        np.testing.assert_allclose((vertices[:, :2] + 1) * 128, PIXELS[:, :2], atol=1e-4)
    sampler = sampling.OneClipOfIdentity(built.columns["person"], built.columns["clip"])
    batch = Loader(built, seed=0, batch_size=2, sampler=sampler).global_batch(0)
    assert batch["driving_vertices"].shape == (2, 5023, 3)


def test_small_pictures(tmp_path, raw):
    """Vertices do not change: they are shares of the picture."""
    built = run(tmp_path, "gdpw_official", "--size", "64")
    assert built[0]["image"].shape == (64, 64, 3)
    np.testing.assert_array_equal(built[0]["vertices"][0], [-1, 1, -40.5])


def test_frames_that_lack_a_file_are_left_out(tmp_path, raw):
    folder = raw / "id10001" / "v" / "00001"
    (folder / "0000005_posed_vertx.lz4").unlink()
    save(folder / "0000009_img.jpg", (0, 0, 0), (256, 256))
    save(folder / "preview_img.jpg", (0, 0, 0), (256, 256))
    assert run(tmp_path, "gdpw_official").columns["frame"].tolist() == [2, 11, 1, 2]


def change(pixels, value):
    changed = pixels.astype(np.float32)
    changed[7, 0] = value
    return changed


DAMAGE = {
    "another mesh": ({"array": PIXELS[:35]}, "holds float16 (35, 3), FLAME's (5023, 3) are expected"),
    "whole numbers": ({"array": PIXELS.astype(np.int16)}, "holds int16 (5023, 3)"),
    "not finite": ({"array": change(PIXELS, np.nan)}, "are not finite, or far outside"),
    "far outside": ({"array": change(PIXELS, 5000)}, "are not finite, or far outside"),
    "another size": ({"size": (224, 256)}, "has 224x256 pixels, 256x256 are expected"),
}


@pytest.mark.parametrize(("changed", "said"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_clips(tmp_path, raw, changed, said):
    frame(raw / "id10001" / "v" / "00001", 5, **changed)
    frame(raw / "id10001" / "w" / "00001", 1)
    built = run(tmp_path, "gdpw_official", "--shards", "1")
    assert set(built.columns["person"].tolist()) == {"id10270"}
    first, second = skipped(tmp_path)
    assert said in first
    assert "w/00001: 1 frames have a picture and a mesh, a clip needs two" in second


def test_other_folders(tmp_path, raw):
    with pytest.raises(InputError, match="no such folder"):
        gdpw_official.plan(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no clips; PERSON/VIDEO/CLIP"):
        gdpw_official.plan(raw / "id10001")
    (raw.parent / "all").mkdir()
    raw.rename(raw.parent / "all" / "test")
    items = gdpw_official.plan(raw.parent / "all").items
    assert items == (("test/id10001/v/00001", "test"), ("test/id10270/v/00001", "test"))
