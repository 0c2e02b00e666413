"""GDPW's rasterised maps agree with the recorded ones. The golden here holds every second row and column, or eighth."""

from pathlib import Path

import numpy as np
import pytest

from tests.parity import checkpoints as rule
from tests.parity import run

FOLDER = Path(__file__).parents[1] / "golden" / "gdpw"


def write_checkpoint(path: Path, salt: str = "public") -> Path:
    """Writes what the maps need of a generator: the codes of the vertices and the triangles."""
    with np.load(FOLDER / "faces.npz") as archive:
        faces = archive["faces"].astype(np.int32)
    np.savez(path, **{"embeds": rule.draw(salt, "embeds", (5023, 16)), "mesh_renderer.tri": faces})
    return path


@pytest.fixture(scope="module")
def golden():
    return FOLDER / "raster_e2e.npz"


def test_maps(tmp_path, golden):
    report = run.evaluate("gdpw/gdpw_raster_e2e", write_checkpoint(tmp_path / "public.npz"), golden)
    assert len(report) == 7
    assert {output: deviation for output, deviation in report.items() if not deviation.ok} == {}


@pytest.mark.slow
def test_other_codes_are_noticed(tmp_path, golden):
    report = run.evaluate("gdpw/gdpw_raster_e2e", write_checkpoint(tmp_path / "other.npz", "other"), golden)
    failed = {output for output, deviation in report.items() if not deviation.ok}
    assert failed == {"tem_s_s4", "tem_d_s4", "tem_d_sum"}
