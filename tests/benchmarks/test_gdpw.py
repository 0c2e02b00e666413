"""The PyTorch generator that GDPW is timed against makes the same pictures."""

import numpy as np
import pytest

from benchmarks import gdpw
from jaxanim.systems.gdpw import generator as generators
from jaxanim.systems.gdpw.presets import GUIDANCES, Design
from tests.geometry import meshes


@pytest.mark.parametrize("guidance", GUIDANCES)
def test_both_make_the_same_picture(guidance):
    pytest.importorskip("torch")
    vertices, faces = meshes.ball()
    design = Design(guidance, len(vertices), size=32, levels=3, width=4, widest=16, code_size=5)
    source = gdpw.picture(32)
    poses = (0.7 * vertices, 0.6 * vertices + np.array([[0.1, -0.2, 0.0]], np.float32))
    runs = gdpw.pair(design, generators.mesh_faces(faces), source, poses)
    ours, theirs = runs["jaxanim"](), runs["torch"]()
    assert np.ptp(theirs) > 0.1
    np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_measure_takes_medians_of_all():
    calls = []
    found = gdpw.measure({name: lambda name=name: calls.append(name) for name in ("a", "b")}, rounds=3)
    assert calls == ["a", "b"] * 4  # in turns, after a round of warming up
    assert found["a"]["least_ms"] <= found["a"]["ms"]
    assert found["a"]["frames_per_second"] == pytest.approx(1e3 / found["a"]["ms"])
