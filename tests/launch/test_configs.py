"""Every configuration can be trained: its job is complete, and its networks fit its data."""

import importlib
from pathlib import Path

import jax
import pytest

from launch import training

CONFIGS = sorted(path.stem for path in (Path(__file__).parents[2] / "configs" / "atw").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_of_atw(name):
    config = importlib.import_module(f"configs.atw.{name}").get_config().lock()
    job = training.make_job(config)
    state = jax.eval_shape(training.make_state(job, config.seed))
    assert set(state.params) == {"generator", "discriminator", "warp_discriminator"}
    assert set(state.average) == {"generator"}
    assert job.batch["source_image"].shape == (config.batch_size, 128, 128, 3)
    assert job.batch["driving_drive"].shape[1] == config.design.drives
    assert ("driving_image" in job.batch) == config.data.paired
