"""FLAME agrees with the official layer to a micrometre, and the comparison sees what is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.geometry import synthetic_flame
from tests.parity import run

GOLDEN = Path(__file__).parents[1] / "golden" / "gdpw" / "flame_lbs.npz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flame")
    synthetic_flame.write(folder, "public")
    return folder


def test_agrees(folder, capsys):
    assert run.main(["gdpw/flame_lbs", "--checkpoint", str(folder), "--golden", str(GOLDEN)]) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(rows) == 13
    assert max(row["max_abs"] for row in rows.values()) < 1e-6


def test_another_pose_is_seen(folder, tmp_path):
    """A jaw that is a thousandth of a radian off moves vertices by some ten micrometres."""
    with np.load(GOLDEN) as archive:
        golden = {name: archive[name] for name in archive.files}
    golden["full_pose"][:, 6] += 1e-3
    np.savez(tmp_path / "changed.npz", **golden)
    report = run.evaluate("gdpw/flame_lbs", folder, tmp_path / "changed.npz")
    assert not report["verts_s7"].ok
    assert not report["landmarks2d_world_synth"].ok
    assert report["verts400_s7"].ok


def test_outputs_that_nobody_compares_are_named(folder, tmp_path):
    with np.load(GOLDEN) as archive:
        np.savez(tmp_path / "more.npz", unheard_of=np.zeros(1), **{name: archive[name] for name in archive.files})
    with pytest.raises(ValueError, match="unheard_of"):
        run.evaluate("gdpw/flame_lbs", folder, tmp_path / "more.npz")
