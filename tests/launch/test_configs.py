"""Every configuration can be trained: its job is complete, and its networks fit its data."""

import importlib
from pathlib import Path

import jax
import numpy as np
import pytest
import safetensors.numpy

from jaxanim.core.errors import InputError
from jaxanim.losses import vgg_weights
from jaxanim.weights import name_table
from launch import training
from launch.jobs import gdpw
from tests.geometry import synthetic_flame

CONFIGS = Path(__file__).parents[2] / "configs"


def names(system):
    return sorted(path.stem for path in (CONFIGS / system).glob("[a-z]*.py"))


def config_of(system, name):
    return importlib.import_module(f"configs.{system}.{name}").get_config().lock()


@pytest.mark.parametrize("name", names("atw"))
def test_a_configuration_of_atw(name):
    config = config_of("atw", name)
    job = training.make_job(config)
    state = jax.eval_shape(training.make_state(job, config.seed))
    assert set(state.params) == {"generator", "discriminator", "warp_discriminator"}
    assert set(state.average) == {"generator"}
    assert job.batch["source_image"].shape == (config.batch_size, 128, 128, 3)
    assert job.batch["driving_drive"].shape[1] == config.design.drives
    assert ("driving_image" in job.batch) == config.data.paired


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What the released GDPW was trained with, in the official formats: FLAME (made up) and VGG-19 (random)."""
    folder = tmp_path_factory.mktemp("files")
    synthetic_flame.write(folder, "public")
    params = name_table.flatten(vgg_weights.random_vgg19())
    state = {row.source: params[row.path] for row in vgg_weights.vgg19()}
    for name, array in state.items():
        state[name] = np.ascontiguousarray(array.transpose(3, 2, 0, 1)) if array.ndim == 4 else array
    safetensors.numpy.save_file(state, folder / "vgg19.safetensors")
    return {"model": str(folder / "generic_model.pkl"), "features_from": str(folder / "vgg19.safetensors")}


ON_FLAME = ("official", "paper")


@pytest.mark.parametrize("name", names("gdpw"))
def test_a_configuration_of_gdpw(name, files):
    config = config_of("gdpw", name)
    if name in ON_FLAME:
        config.update(files)
        config.data.flip = False  # the made-up model is not symmetric
    job = training.make_job(config)
    state = jax.eval_shape(training.make_state(job, config.seed))
    assert set(state.params) == {"generator", "discriminator"}
    assert ("discriminator" in {phase.wrt for phase in job.phases}) == (config.objective.adversary != "none")
    vertices = state.params["generator"]["codes"].shape[0]
    assert vertices == (5023 if name in ON_FLAME else 6128)
    assert job.batch["driving_image"].shape == (config.batch_size, config.design.size, config.design.size, 3)
    assert ("driving_vertices" in job.batch) == (name in ON_FLAME)
    assert bool(job.frozen["features"]) == (config.objective.features != "none")


@pytest.mark.parametrize("name", ON_FLAME)
def test_configurations_on_flame_ask_for_its_files(name, files):
    config = config_of("gdpw", name)
    with pytest.raises(InputError, match=r"config\.model=generic_model\.pkl"):
        training.make_job(config)
    config.model = files["model"]
    config.data.flip = False
    with pytest.raises(InputError, match=r"config\.features_from"):
        training.make_job(config)


def test_the_papers_losses_and_rates():
    """Section 3.4."""
    config = config_of("gdpw", "paper")
    assert config.objective.adversary == "hinge"
    rate = gdpw.OptimizerSettings(drops=tuple(config.optimizer.drops)).rate(
        config.optimizer.learning_rate, config.steps
    )
    np.testing.assert_allclose([rate(79_999), rate(80_000), rate(160_000)], [2e-4, 2e-5, 2e-6], rtol=1e-5)


@pytest.mark.parametrize("name", names("tracking"))
def test_a_configuration_of_tracking(name):
    config = config_of("tracking", name)
    job = training.make_job(config)
    state = jax.eval_shape(training.make_state(job, config.seed))
    assert set(state.params) == set(state.average) == {"network"}
    assert job.batch["points"].shape == (config.batch_size, 166, 2)
