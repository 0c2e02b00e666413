"""H3R and PIPNet agree with the official ones, on the goldens' own picture."""

import numpy as np
import pytest

from tests.parity import landmarks, run
from tests.tracking import released

pytestmark = pytest.mark.usefixtures("compile_fast")


def evaluate(name, folder):
    np.savez(folder / "golden.npz", **released.golden(name))
    np.savez(folder / "network.npz", **released.state_dict(name))
    report = run.evaluate(f"stylegan2/{name}", folder / "network.npz", folder / "golden.npz")
    (folder / "network.npz").unlink()
    return report


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        (released.MOBILENET, 3),
        pytest.param(released.HRNET, 3, marks=pytest.mark.slow),  # 300 convolutions take long to compile
        (released.PIPNET, 7),
    ],
)
def test_agrees(name, outputs, tmp_path):
    report = evaluate(name, tmp_path)
    assert len(report) == outputs
    assert {name: deviation for name, deviation in report.items() if not deviation.ok} == {}


def test_what_is_a_little_off_is_seen():
    golden = {"img_u8": np.zeros(1), "coords": np.full((1, 98, 2), 250.0, np.float32)}
    for shift, ok in ((0.0, True), (0.01, False)):
        report = landmarks._report(golden, {"coords": (golden["coords"] + np.float32(shift), landmarks.PIXELS)})
        assert report["coords"].ok is ok


def test_outputs_that_nobody_compares_are_named():
    with pytest.raises(ValueError, match="unheard_of"):
        landmarks._report({"unheard_of": np.zeros(1)}, {})
