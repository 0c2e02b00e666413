"""Every THA4 network and pipeline agrees with the official code within ten times its rounding noise.

The goldens here hold every fourth row and column of the full ones (`tests.parity.shrink`). `tests.parity.run` is the
same comparison as a command, for full goldens and other checkpoints.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.parity import checkpoints as rule
from tests.parity import goldens, run
from tests.parity.conftest import NETWORKS
from tests.systems.tha4 import released

GOLDENS = Path(__file__).parents[1] / "golden" / "tha4"
# SHA-256 of the checkpoints that the official code was recorded with.
FINGERPRINTS = {
    "student_face_morpher": "5113d1882aff9d7a2a92bd3fb8885f77926e960c1956c5c3536070e49d360d87",
    "student_body_morpher": "dc73bd7c2f4152ae4c6d925f1e5290e4aaa1cb3d9b61625751fcd9739a02e1cb",
    "eyebrow_decomposer": "9c97a89ee87a7f61b4402aab8a7e89bbafba637cc49162f35f19e7d6cc49d963",
    "upscaler": "0ba6303e91cd508ae1eece4a57e95115255e5eabd3ad178147f5b6614272880c",
}


@pytest.mark.parametrize("network", FINGERPRINTS)
def test_checkpoints_are_those_of_the_goldens(network):
    """Tells a change of numpy's random streams from a mistake in a network."""
    assert rule.fingerprint(released.state_dict(network)) == FINGERPRINTS[network]


@pytest.mark.parametrize("name", NETWORKS)
def test_network(checkpoints, name):
    report = run.evaluate(f"tha4/{name}", checkpoints / f"{name}.npz", GOLDENS / f"{name}.npz")
    assert {output: deviation for output, deviation in report.items() if not deviation.ok} == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mode_07", "mode_14"])
def test_pipeline(checkpoints, name):
    report = run.evaluate(f"tha4/{name}", checkpoints, GOLDENS / f"{name}.npz")
    assert {output: deviation for output, deviation in report.items() if not deviation.ok} == {}


def test_distillation_loss_gradients_and_step(checkpoints):
    report = run.evaluate("tha4/distill_face", checkpoints / "student_face_morpher.npz", GOLDENS / "distill_face.npz")
    assert {output: deviation for output, deviation in report.items() if not deviation.ok} == {}


def test_command_prints_json_last(checkpoints, capsys):
    arguments = ["--checkpoint", str(checkpoints / "student_face_morpher.npz")]
    golden = str(GOLDENS / "student_face_morpher.npz")
    assert run.main(["tha4/student_face_morpher", *arguments, "--golden", golden]) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(rows) == {"image"}
    assert set(rows["image"]) == {"max_abs", "p999", "mean_abs"}
    assert 0 < rows["image"]["mean_abs"] < rows["image"]["p999"] < rows["image"]["max_abs"]


def test_command_fails_for_another_checkpoint(checkpoints, tmp_path, capsys):
    np.savez(tmp_path / "other.npz", **released.state_dict("student_face_morpher", "another salt"))
    arguments = ["--checkpoint", str(tmp_path / "other.npz"), "--golden", str(GOLDENS / "student_face_morpher.npz")]
    assert run.main(["tha4/student_face_morpher", *arguments]) == 1
    printed = capsys.readouterr()
    assert "over tolerance: image" in printed.err
    assert json.loads(printed.out.splitlines()[-1])["image"]["max_abs"] > 0.01


def test_command_says_what_it_cannot_read(checkpoints, tmp_path, capsys):
    golden = str(GOLDENS / "student_face_morpher.npz")
    missing = ["--checkpoint", str(tmp_path / "nothing.npz"), "--golden", golden]
    assert run.main(["tha4/student_face_morpher", *missing]) == 2
    assert "nothing.npz" in capsys.readouterr().err
    swapped = ["--checkpoint", str(checkpoints / "student_body_morpher.npz"), "--golden", golden]
    assert run.main(["tha4/student_face_morpher", *swapped]) == 2
    assert "missing in the file: siren.sine_layers.0.linear.weight" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "ok"),
    [([1.0, 0.0], True), ([1.1, 0.0], False), ([0.9, 0.9], False), ([np.nan, 0.0], False)],
)
def test_deviation_holds_maximum_and_mean_against_their_limits(error, ok):
    """Limits: maximum 1, 99.9th percentile 1, mean 0.6; a NaN is never near."""
    assert goldens.deviation(np.array(error), (1.0, 1.0, 0.6)).ok is ok


def test_statistics_over_the_full_resolution_count():
    """An error between the sampled rows would go unseen without them."""
    ours = np.zeros((1, 8, 8, 1))
    golden = {
        "meta": {"outputs": ["x"]},
        "out00_x_b0_s4": np.zeros((1, 2, 2)),
        "stat00_x": np.zeros((1, 1, 2)),
        "f32_noise_max_p999_mean": np.full((1, 3), 1e-3),
    }
    assert goldens.compare(golden, {"x": ours})["x"].ok
    ours[0, 1, 1, 0] = 10.0
    assert not goldens.compare(golden, {"x": ours})["x"].ok
