"""The networks on small designs: sizes, the released code's half pixel, and what training changes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops import flow as flows
from jaxanim.systems.gdpw import files, networks
from jaxanim.systems.gdpw.presets import Design
from tests.systems.gdpw import released

RNG = np.random.default_rng(4)
DESIGN = dataclasses.replace(released.SMALL, size=32, levels=2, widest=8)
SEEN = jnp.asarray(RNG.random((1, 32, 32, 8)), jnp.float32)
GUIDE = jnp.asarray(RNG.standard_normal((1, 32, 32, 7)), jnp.float32)
PICTURE = jnp.asarray(RNG.random((1, 4, 6, 1)) + 1.0, jnp.float32)


@pytest.fixture(scope="module")
def variables():
    """Of encoder and decoder."""
    state = released.small_state_dict(files.GENERATOR, DESIGN)
    found = jax.tree.map(jnp.asarray, files.from_state_dicts({files.GENERATOR: state}, DESIGN))
    kinds = ("params", "stats")
    return {part: {kind: found[kind][files.GENERATOR][part] for kind in kinds} for part in ("encoder", "decoder")}


@pytest.fixture(scope="module")
def made(variables):
    def run(variables):
        encoded = networks.Encoder(DESIGN).apply(variables["encoder"], SEEN, train=False)
        return encoded, networks.Decoder(DESIGN).apply(
            variables["decoder"], encoded, GUIDE, GUIDE[..., 5:], train=False
        )

    return jax.jit(run)(variables)


def test_sizes(made):
    encoded, decoded = made
    assert encoded.bottom.shape == (1, 16, 16, 8)
    assert [features.shape for features in encoded.shortcuts] == [(1, 32, 32, 4)]
    assert [flow.shape for flow in decoded.flows_px] == [(1, 32, 32, 2)]
    assert (decoded.image.shape, decoded.alpha.shape) == ((1, 32, 32, 3), (1, 32, 32, 1))
    assert 0 < decoded.image.min() < decoded.image.max() < 1


def test_training_changes_every_statistic(variables):
    run = jax.jit(lambda own: networks.Encoder(DESIGN).apply(own, SEEN, train=True, mutable=["stats"])[1])
    changed = run(variables["encoder"])
    same = jax.tree.map(lambda a, b: bool((a == b).all()), changed["stats"], variables["encoder"]["stats"])
    assert not any(jax.tree.leaves(same))


def positions(height, width):
    """Where the released code samples without displacement: i n / (n - 1) - 1/2."""
    return np.arange(height) * height / (height - 1) - 0.5, np.arange(width) * width / (width - 1) - 0.5


def test_no_displacement_is_half_a_pixel_off_as_released():
    rows, columns = positions(4, 6)
    sampled = flows.positions_of(networks._sampled(jnp.zeros((1, 4, 6, 2)), exact_grid=False))[0]
    np.testing.assert_allclose(sampled[..., 0], np.broadcast_to(columns, (4, 6)), atol=1e-5)
    np.testing.assert_allclose(sampled[..., 1], np.broadcast_to(rows[:, None], (4, 6)), atol=1e-5)


def test_borders_mix_zeros_as_released():
    """A corner is a quarter of its pixel, an edge half of what is along it."""
    warp = jax.jit(lambda flow: networks.warp_source(jnp.ones((1, 4, 6, 1)), networks._from_released(flow)))
    warped = warp(jnp.zeros((1, 4, 6, 2)))[0, ..., 0]
    np.testing.assert_allclose(warped[[0, 0, -1, -1], [0, -1, 0, -1]], 0.25, atol=1e-5)
    np.testing.assert_allclose(warped[[0, -1], 2], 0.5, atol=1e-5)
    np.testing.assert_allclose(warped[1:-1, 1:-1], 1.0, atol=1e-5)


def test_an_exact_grid_is_the_identity():
    warp = jax.jit(lambda flow: networks.warp_source(PICTURE, networks._sampled(flow, exact_grid=True)))
    np.testing.assert_array_equal(warp(jnp.zeros((1, 4, 6, 2))), PICTURE)


@pytest.mark.parametrize("exact_grid", [True, False])
def test_displacements_count_halves_of_the_picture(exact_grid):
    """Of 6 columns in an exact grid; the released code counts from the first pixel's centre to the last one's."""
    flow = jnp.zeros((1, 4, 6, 2)).at[..., 0].set(1.0)
    moved = networks._sampled(flow, exact_grid) - networks._sampled(jnp.zeros_like(flow), exact_grid)
    np.testing.assert_allclose(moved[..., 0], 3.0, rtol=1e-5)
    np.testing.assert_allclose(moved[..., 1], 0.0, atol=1e-6)


def test_exact_grids_take_the_same_weights(variables, made):
    exact = dataclasses.replace(DESIGN, exact_grid=True)
    encoded, whole = made
    run = jax.jit(lambda v, e: networks.Decoder(exact).apply(v, e, GUIDE, GUIDE[..., 5:], train=False))
    decoded = run(variables["decoder"], encoded)
    assert np.abs(decoded.flows_px[0] - whole.flows_px[0]).max() > 0.4
    assert np.isfinite(decoded.image).all()


def test_without_geometry_the_bottom_is_warped_by_nothing(variables, made):
    """As if every displacement were 0; the map that modulates still has them."""
    encoded, whole = made
    run = jax.jit(lambda v, e, flow: networks.Decoder(DESIGN).apply(v, e, GUIDE, flow, train=False).image)
    still = run(variables["decoder"], encoded, jnp.zeros((1, 32, 32, 2)))
    none = run(variables["decoder"], encoded, None)
    np.testing.assert_allclose(none, still, atol=1e-6)
    assert np.abs(none - whole.image).max() > 1e-3


def test_discriminator():
    network = networks.Discriminator(4)
    image = jnp.asarray(RNG.random((2, 32, 32, 3)), jnp.float32)
    judged, _ = jax.jit(lambda key: network.init_with_output(key, image, train=False))(jax.random.key(0))
    assert judged.realness.shape == (2, 3, 3)
    assert [layer.shape for layer in judged.features] == [(2, 16, 16, 4), (2, 8, 8, 8), (2, 4, 4, 16), (2, 2, 2, 32)]
    assert (np.asarray(judged.realness) < 0).any()  # not squashed


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"levels": 1}, "levels must be 2 or more"),
        ({"size": 40, "levels": 5}, "16 divide it, got 40"),
        ({"codes": "nmfc"}, "have 3 numbers, got code_size=16"),
    ],
)
def test_impossible_designs(fields, message):
    with pytest.raises(ValueError, match=message):
        Design(**fields)
