"""Clips of people who talk: one square for all frames, and mouths that are thrown open in some."""

import numpy as np
import pytest

from data_pipelines import build
from data_pipelines.procedural_faces import talks
from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import RecordFolder
from jaxanim.geometry.open_head import load_open_head

JAW = load_open_head().expression_names.index("jawOpen")


def test_a_dataset(tmp_path):
    options = ["--count", "2", "--frames", "3", "--size", "64", "--wide", "1", "--workers", "0"]
    assert build.main(["talking_heads", "--data-dir", str(tmp_path), *options]) == 0
    folder = RecordFolder(tmp_path)
    assert folder.columns["clip"].tolist() == [0, 0, 0, 1, 1, 1]
    clip = [folder[number] for number in range(3)]
    assert {record["image"].shape for record in clip} == {(64, 64, 3)}
    points = np.concatenate([record["landmarks_68"] for record in clip])
    assert np.ptp(points, axis=0).max() == pytest.approx(64 / talks.WIDEN, rel=0.05)
    assert min(record["expression"][JAW] for record in clip) >= 0.25


def test_some_mouths_are_thrown_open():
    """What else moves is the same; who speaks opens the jaw by 0.46 at most."""
    plain, some = (talks.plan(count=1, wide=wide)._clip(0, 5).motion for wide in (0.0, 0.5))
    np.testing.assert_array_equal(plain.rotations, some.rotations)
    changed = (plain.expression != some.expression).any(axis=1)
    assert 0.3 < changed.mean() < 0.7
    assert plain.expression[:, JAW].max() < 0.6 < some.expression[:, JAW].max() <= 1.2


@pytest.mark.parametrize("wrong", [{"size": 300}, {"count": 0}, {"frames": 1}, {"seed": -1}, {"wide": 1.5}])
def test_what_cannot_be_planned_is_refused(wrong):
    with pytest.raises(InputError):
        talks.plan(**wrong)
