"""ATW as a system: one source, many drives; what a row of drives means; flow in pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.system import System
from jaxanim.ops import flow
from jaxanim.systems.atw import Atw, Design

SOURCE = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (64, 64, 3)).astype(np.float32))


@pytest.fixture(scope="module")
def render(system, variables):
    code = system.encode_source(variables, SOURCE)
    compiled = jax.jit(system.render)
    return lambda drive: compiled(variables, code, jnp.asarray(drive, jnp.float32))


@pytest.fixture(scope="module")
def frames(render):
    return render([[0, 1, 0], [0, 0.5, 0], [0, 0, 0], [0, 0, 1]])


def test_is_a_system(system):
    assert isinstance(system, System)


def test_amounts_scale_the_motion(frames):
    """Half of a class goes half of the way, nothing stays where it is."""
    assert np.abs(frames.flow_px[0]).max() > 0.01
    np.testing.assert_allclose(frames.flow_px[1], 0.5 * frames.flow_px[0], atol=1e-5)
    np.testing.assert_array_equal(frames.flow_px[2], 0.0)
    np.testing.assert_allclose(frames.warped[2], SOURCE, atol=1e-6)
    assert not np.allclose(frames.flow_px[3], frames.flow_px[0], atol=1e-4)


def test_flow_is_in_pixels(frames):
    """At most a fifth of the distance of the corners' centres, and it is what moved the source."""
    np.testing.assert_allclose(frames.flow_px, 0.2 * 63 * frames.motion, atol=1e-5)
    moved = flow.warp(SOURCE, frames.flow_px[0], padding="zeros")
    np.testing.assert_allclose(frames.warped[0], moved, atol=1e-5)


def test_frames_do_not_depend_on_their_neighbours(render, frames):
    again = render([[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(again.image[1], frames.image[0], atol=1e-5)
    assert frames.image.shape == (4, 64, 64, 3)
    assert np.abs(frames.image).max() <= 1.0


def test_intensities_of_action_units(variables):
    """OpenFace's units go in; the networks see twice that, and the whole motion is used."""
    plain, doubled = (Atw(Design("action units", 3, 4, 0.2, size=64, drive_scale=scale)) for scale in (1.0, 2.0))
    code = plain.encode_source(variables, SOURCE)
    drive = jnp.asarray([[0.5, 2.0, 0.0]])
    ours = jax.jit(doubled.render)(variables, code, drive)
    np.testing.assert_allclose(ours.flow_px, jax.jit(plain.render)(variables, code, 2 * drive).flow_px, atol=1e-6)


def test_wrong_sizes(system, variables):
    with pytest.raises(ValueError, match=r"source must end in shape \(64, 64, 3\)"):
        system.encode_source(variables, jnp.zeros((32, 32, 3)))
    code = system.encode_source(variables, SOURCE)
    with pytest.raises(ValueError, match=r"drive must end in shape \(3\)"):
        system.render(variables, code, jnp.zeros((1, 4)))
