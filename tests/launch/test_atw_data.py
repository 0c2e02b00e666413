"""What ATW is driven by in each kind of dataset: each record's class or action units."""

import numpy as np
import pytest

from data_pipelines.procedural_faces.records import split_of
from data_pipelines.recipes import celeba, image_folder, rafd
from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import RecordFolder
from jaxanim.systems.atw import Design
from launch.jobs import atw_data
from launch.jobs.atw_data import DataSettings
from tests.launch import drawn_noise

SIZE, PEOPLE = 64, 120
RNG = np.random.default_rng(0)


def of_classes(count):
    return Design("classes", count, 4, 0.2, size=SIZE, labels=tuple(f"c{n}" for n in range(count)))


def written(tmp_path, fields, rows):
    picture = drawn_noise.picture(RNG, SIZE)
    return drawn_noise.write(tmp_path, "x", fields, [({"image": picture, **record}, row) for record, row in rows])


def rafd_folder(tmp_path):
    """Person n shows emotion n modulo 8, and all of a person are in one split."""
    rows = [({"label": np.asarray(n % 8)}, {"name": f"{n}", "identity": 7 + n}) for n in range(PEOPLE)]
    return written(tmp_path, rafd.RafdRecipe.fields, rows), np.arange(PEOPLE) % 8


def celeba_folder(tmp_path):
    """Every third smiles; all the other attributes are there."""
    smiling = np.arange(PEOPLE) % 3 == 0
    rows = []
    for number, smiles in enumerate(smiling):
        attributes = np.ones(40, np.uint8)
        attributes[31] = smiles  # in CelebA's list, from 0
        split = "train" if number % 2 else ("valid", "test")[number // 2 % 2]
        rows.append(({"attributes": attributes}, {"name": f"{number}", "identity": number, "split": split}))
    return written(tmp_path, celeba.CelebaRecipe.fields, rows), smiling.astype(int)


def class_folders(tmp_path):
    """Folders in another order than their classes."""
    names = [("happy", "calm", "angry")[n % 3] for n in range(PEOPLE)]
    rows = [({}, {"name": f"{name}/{n}.png"}) for n, name in enumerate(names)]
    return written(tmp_path, image_folder.ImageFolderRecipe.fields, rows), [2 - n % 3 for n in range(PEOPLE)]


KINDS = {"rafd": (rafd_folder, 8), "celeba": (celeba_folder, 2), "class_folders": (class_folders, 3)}


@pytest.mark.parametrize("kind", KINDS)
def test_classes(tmp_path, kind):
    make, count = KINDS[kind]
    path, classes = make(tmp_path)
    settings, design, folder = DataSettings(kind=kind, folder=str(path)), of_classes(count), RecordFolder(path)
    drive_of = atw_data.drives(folder, settings, design)
    for record, wanted in enumerate(classes):
        np.testing.assert_array_equal(drive_of(record, folder[record]), np.eye(count, dtype=np.float32)[wanted])
    parts = [set(atw_data.usable(folder, settings, design, split)) for split in ("train", "validation", "test")]
    assert set.union(*parts) == set(range(PEOPLE))
    assert sum(map(len, parts)) == PEOPLE
    loader = atw_data.open_loader(folder, settings, design, seed=0, batch_size=4, rows=slice(None))
    batch = loader.global_batch(0)
    assert batch["driving_drive"].shape == (4, count)
    assert "driving_image" not in batch
    with pytest.raises(InputError, match=f"the dataset has {count} classes, the design 5 classes"):
        atw_data.drives(folder, settings, of_classes(5))


def test_people_are_in_one_split(tmp_path):
    rows = [({"label": np.asarray(0)}, {"name": f"{n}", "identity": n // 2}) for n in range(PEOPLE)]
    path = written(tmp_path, rafd.RafdRecipe.fields, rows)
    settings, folder = DataSettings(kind="rafd", folder=str(path)), RecordFolder(path)
    train = atw_data.usable(folder, settings, of_classes(8), "train")
    assert train.tolist() == [n for n in range(PEOPLE) if split_of(n // 2) == "train"]


def test_action_units(tmp_path):
    units = RNG.uniform(0, 5, (PEOPLE, 17)).astype(np.float32)
    rows = [({"action_units": units[n]}, {"name": f"{n}"}) for n in range(PEOPLE)]
    path = written(tmp_path, {"image": "rgb", "action_units": "array"}, rows)
    settings, folder = DataSettings(kind="action_units", folder=str(path)), RecordFolder(path)
    drive_of = atw_data.drives(folder, settings, Design("action units", 17, 4, 0.2, size=SIZE))
    np.testing.assert_array_equal([drive_of(n, folder[n]) for n in range(PEOPLE)], units)
    with pytest.raises(InputError, match="action units drive no design by classes"):
        atw_data.drives(folder, settings, of_classes(2))
