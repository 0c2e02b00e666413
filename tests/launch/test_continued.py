"""What may differ between the runs that one training is made of."""

import json
import shutil

import pytest

from jaxanim.core.errors import InputError
from launch import continued, settings

DATASET = {"format": 1, "name": "posed_faces", "shards": 1, "items_sha256": "a", "options": {"size": 64}}


@pytest.fixture
def config(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dataset.json").write_text(json.dumps(DATASET))
    (tmp_path / "data" / "00000-of-00001.json").write_text(json.dumps({"records": 7}))
    made = settings.run("atw", steps=4, batch_size=2)
    made.update({"data": {"folder": "", "pairs": (1, 2)}, "start_from": "old.safetensors"})
    return made


def changed(config, **changes):
    new = config.copy_and_resolve_references()
    new.update_from_flattened_dict(changes)
    return new


def test_a_run_goes_on_with_other_intervals_and_data_in_another_place(config, tmp_path):
    before = json.loads(json.dumps(continued.noted(config, tmp_path)))
    shutil.copytree(tmp_path / "data", tmp_path / "moved")
    moved = str(tmp_path / "moved")
    now = changed(config, **{"log_every": 7, "fsdp": 2, "data.folder": moved, "start_from": ""})
    continued.check_same(before, continued.noted(now, tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("changes", "dataset", "said"),
    [
        ({"seed": 3}, {}, "seed was 0, is 3"),
        ({"data.pairs": (1, 3)}, {}, r"data.pairs was \[1, 2\], is \[1, 3\]"),
        ({"start_from": "new.safetensors"}, {}, "start_from was old.safetensors, is new"),
        ({}, {"items_sha256": "b"}, "dataset.items_sha256 was a, is b"),
        ({}, {"options": {"size": 32}}, "dataset.options.size was 64, is 32"),
    ],
)
def test_anything_else_is_refused(config, tmp_path, changes, dataset, said):
    before = continued.noted(config, tmp_path)
    (tmp_path / "data" / "dataset.json").write_text(json.dumps({**DATASET, **dataset}))
    with pytest.raises(InputError, match=f"begun with other settings .{said}.*; choose another --workdir"):
        continued.check_same(before, continued.noted(changed(config, **changes), tmp_path), tmp_path)


def test_data_of_which_more_were_damaged_are_refused(config, tmp_path):
    before = continued.noted(config, tmp_path)
    (tmp_path / "data" / "00000-of-00001.json").write_text(json.dumps({"records": 6}))
    with pytest.raises(InputError, match=r"dataset\.records_sha256 was"):
        continued.check_same(before, continued.noted(config, tmp_path), tmp_path)


def test_what_an_older_version_did_not_note_does_not_count(config, tmp_path):
    before = continued.noted(config, tmp_path)
    del before["dataset"], before["data"]["pairs"]
    continued.check_same(before, continued.noted(config, tmp_path), tmp_path)
