"""RaFD: the names say everything."""

import numpy as np
import pytest

from data_pipelines import build
from data_pipelines.recipes import rafd
from jaxanim.core.errors import InputError
from jaxanim.data import Loader, sampling
from tests.data_pipelines.recipes.layouts import run, save, skipped

NAMES = [
    "Rafd045_01_Caucasian_female_angry_left",
    "Rafd090_01_Caucasian_female_angry_frontal",
    "Rafd090_40_Kid_male_contemptuous_right",
    "Rafd180_72_Moroccan_male_neutral_frontal",
]


@pytest.fixture
def raw(tmp_path):
    for number, name in enumerate(NAMES):
        save(tmp_path / "raw" / f"{name}.png", (number, 0, 0))
    return tmp_path / "raw"


def test_rafd(tmp_path, raw):
    built = run(tmp_path, "rafd", "--size", "8")
    columns = built.columns
    assert columns["name"].tolist() == [f"{name}.png" for name in NAMES]
    assert columns["camera"].tolist() == [45, 90, 90, 180]
    assert columns["identity"].tolist() == [1, 1, 40, 72]
    assert columns["ethnicity"].tolist() == ["Caucasian", "Caucasian", "Kid", "Moroccan"]
    assert columns["gender"].tolist() == ["female", "female", "male", "male"]
    assert columns["emotion"].tolist() == ["angry", "angry", "contemptuous", "neutral"]
    assert columns["gaze"].tolist() == ["left", "frontal", "right", "frontal"]
    assert sampling.IdentityTriplet(columns["identity"])(0, np.random.default_rng(0))["positive"] == 1
    batch = Loader(built, seed=0, batch_size=4).global_batch(0)
    order = np.argsort(batch["image"][:, 0, 0, 0])
    assert batch["image"].shape == (4, 8, 8, 3)
    assert (batch["label"][order].tolist(), batch["label"].dtype) == ([0, 0, 7, 6], np.int32)


def test_frontal_pictures_alone(tmp_path, raw):
    built = run(tmp_path, "rafd", "--frontal")
    assert built.columns["name"].tolist() == [f"{name}.png" for name in NAMES[1:3]]


def test_grey_transparent_and_damaged_pictures(tmp_path, raw):
    save(raw / f"{NAMES[0]}.png", (9, 9, 9, 0))  # laid over white
    (raw / f"{NAMES[1]}.png").write_bytes(b"damaged")
    built = run(tmp_path, "rafd")
    assert built[0]["image"][0, 0].tolist() == [255, 255, 255]
    assert len(built) == 3
    assert ["angry_frontal.png: not a readable" in line for line in skipped(tmp_path)] == [True]


def test_another_layout(tmp_path, raw, capsys):
    save(raw / "Rafd090_01_Caucasian_female_bored_frontal.png", (0, 0, 0))
    with pytest.raises(InputError, match=r"bored_frontal\.png: is not named as RaFD's pictures are"):
        rafd.plan(raw)
    assert build.main(["rafd", "--source", str(tmp_path / "none"), "--data-dir", str(tmp_path / "out")]) == 2
    assert "none: no such folder" in capsys.readouterr().err


def test_no_frontal_pictures(tmp_path):
    save(tmp_path / "raw" / f"{NAMES[0]}.png", (0, 0, 0))
    with pytest.raises(InputError, match="none of the 1 pictures is frontal"):
        rafd.plan(tmp_path / "raw", frontal=True)
