"""GDPW's networks, operators and losses agree with the official code.

The goldens here are samples of the full ones (`tests.golden.make_gdpw_networks`). One generator of full size, the one
with both kinds of guidance, takes long enough; the other two are part of `make sweep`.
"""

import jax
import numpy as np
import pytest

from jaxanim.systems.gdpw import presets
from tests.geometry import synthetic_flame
from tests.parity import checkpoints, gdpw, goldens, run
from tests.systems.gdpw import released

# Of the checkpoint that the official code was recorded with.
FINGERPRINT = "8046c43b85779796c6ef2183acd289ca13c0946d6032ca3be2c6a710b7ecd584"


@pytest.fixture(scope="module")
def both():
    return gdpw.variables_of(released.state_dict("generator_both"), presets.RELEASED["both"])


def failed(report):
    assert report
    return {output: deviation for output, deviation in report.items() if not deviation.ok}


def test_checkpoints_are_those_of_the_goldens():
    """Tells a change of numpy's random streams from a mistake in a network."""
    assert checkpoints.fingerprint(released.state_dict("vgg19")) == FINGERPRINT


@pytest.mark.slow
def test_generator(both):
    golden = goldens.read_golden(released.FOLDER / "generator_both.npz")
    with jax.default_matmul_precision("highest"):
        report = gdpw.compare_generator(both, presets.RELEASED["both"], golden)
    assert len(report) == 78
    assert failed(report) == {}


@pytest.mark.sweep
def test_end_to_end(both, tmp_path):
    synthetic_flame.write(tmp_path, "public")
    golden = goldens.read_golden(released.FOLDER / "end_to_end.npz")
    with jax.default_matmul_precision("highest"):
        report = gdpw.compare_end_to_end(both, presets.RELEASED["both"], tmp_path, golden)
    assert len(report) == 6
    assert failed(report) == {}


@pytest.mark.parametrize(
    ("name", "of", "outputs"), [("discriminator", "discriminator", 12), ("ops_losses", "vgg19", 25)]
)
def test_discriminator_and_losses(tmp_path, name, of, outputs):
    np.savez(tmp_path / "x.npz", **released.state_dict(of))
    report = run.evaluate(f"gdpw/gdpw_{name}", tmp_path / "x.npz", released.FOLDER / f"{name}.npz")
    assert len(report) == outputs
    assert failed(report) == {}


@pytest.mark.sweep
@pytest.mark.parametrize("guidance", ["geom_disp", "neural_codes"])
def test_other_generators(guidance):
    golden = goldens.read_golden(released.FOLDER / f"generator_{guidance}.npz")
    design = presets.RELEASED[guidance]
    variables = gdpw.variables_of(released.state_dict(f"generator_{guidance}"), design)
    with jax.default_matmul_precision("highest"):
        assert failed(gdpw.compare_generator(variables, design, golden)) == {}
