"""Sizes of the networks as counted in the released code, and what reaches what."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.systems.atw import Atw, Design, networks, objectives, presets

IMAGE = jnp.zeros((1, 64, 64, 3))


def count(params):
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize(
    ("name", "generator", "discriminator", "warp_discriminator"),
    [
        ("celeba-classes", 2_366_720, 3_809_728, 3_807_424),
        ("rafd", 2_385_536, 3_815_872, 3_813_568),
        ("emotionnet", 2_441_984, 3_834_304, 3_832_000),
        ("celeba-action-units", 9_480_576, 3_825_088, 3_822_784),
    ],
)
def test_parameters(name, generator, discriminator, warp_discriminator):
    params = jax.eval_shape(Atw(presets.DESIGNS[name]).init, jax.random.key(0))["params"]
    assert count(params["generator"]) == generator
    assert count(params["discriminator"]) == discriminator
    assert count(params["warp_discriminator"]) == warp_discriminator


def test_small_pictures_are_judged_by_one_patch():
    judged = jax.eval_shape(networks.Discriminator(5, width=4).init_with_output, jax.random.key(0), IMAGE)[0]
    assert judged.adversarial.shape == (1, 1, 1)
    assert judged.drive.shape == (1, 5)
    assert judged.features.shape == (1, 1, 1, 16)


@pytest.mark.parametrize("shape", [(1, 96, 96, 3), (1, 64, 128, 3)])
def test_pictures_that_cannot_be_judged(shape):
    with pytest.raises(ValueError, match="square, of a multiple of 64"):
        jax.eval_shape(networks.Discriminator(5).init, jax.random.key(0), jnp.zeros(shape))


@pytest.mark.parametrize(("downs", "added"), [(1, 0), (2, 4 * 4 * 4 * 8 * 2 + (64 - 16) * 9 * 8)])
def test_refinement_may_halve_twice(downs, added):
    """Two more layers of 4x4, 4 to 8 channels and back, and eight convolutions of 8 channels in place of 4."""
    made, variables = jax.eval_shape(networks.RefinementNetwork(4, downs).init_with_output, jax.random.key(0), IMAGE)
    assert made.shape == IMAGE.shape
    assert count(variables) == 2 * 4 * 3 * 42.5 + 8 * 4 * 4 * 9 + added  # 7x7 and 6x6 kernels: 42.5 on average


def test_without_refinement_the_warped_picture_is_the_result(key):
    design = Design("classes", 3, 4, 0.2, size=64, refine=False)
    module = objectives.generator(design)
    image = jax.random.uniform(key, IMAGE.shape)
    made, variables = jax.jit(module.init_with_output)(key, image, jnp.eye(3)[:1], jnp.ones(1))
    assert set(variables["params"]) == {"motion"}
    np.testing.assert_array_equal(made.image, made.warped)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 100}, "multiple of 64"),
        ({"refine_downs": 3}, "refine_downs"),
        ({"labels": ("a",)}, "as many labels"),
        ({"drives": 0}, "drives"),
    ],
)
def test_designs_that_cannot_be_built(change, message):
    with pytest.raises(ValueError, match=message):
        Design(**{"drive": "classes", "drives": 3, "width": 4, "reach": 0.2, **change})


def test_a_drive_that_shifts_features_reaches_the_middle_of_an_even_picture(key):
    """Where the network is published, it learns of the drive from the border; these have one more way."""
    image, amount = jnp.zeros((2, 128, 128, 3)), jnp.ones(2)
    drives = jnp.stack([jnp.zeros(3), 100.0 * jnp.ones(3)])
    for modulate in (False, True):
        module = objectives.generator(Design("classes", 3, 4, 0.2, modulate=modulate))
        made, variables = jax.jit(module.init_with_output)(key, image, drives, amount)
        blocks = variables["params"]["motion"]
        assert ("drive" in blocks["block0"]) == modulate
    shape = variables["params"]["motion"]["block3"]["drive"]["kernel"].shape
    assert shape == (3, 8)
    middle = made.motion[:, 64, 64]
    assert jnp.abs(middle[0] - middle[1]).max() > 1e-6
