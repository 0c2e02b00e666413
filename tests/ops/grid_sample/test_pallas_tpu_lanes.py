"""The TPU kernels for few channels, interpreted; the windows they walk; the way out when a list is too short."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.pallas import tpu as pltpu

from jaxanim.ops.grid_sample import pallas_tpu, xla
from jaxanim.ops.grid_sample.pallas_tpu import calls, choice, lanes, products
from tests.ops.grid_sample import kernel_contract as kernels

WIDE = (1, 48, 600, 2, 24, 140)  # wider and higher than a window of 24 steps x 256 columns, two tiles across


def read(image, position):
    return lanes.read_lanes(image, position, True)


class TestLanes(kernels.KernelContract):
    def read(self, image, position):
        return read(image, position)

    @pytest.mark.parametrize("shape", kernels.first_and_swept([(1, 32, 32, 16, 32, 32), *kernels.SHAPES[1:]]), ids=str)
    def test_equals_xla_on_smooth_flows(self, key, shape):
        """With 16 channels where the contract has 32."""
        kernels.check(self.read, key, shape, kernels.smooth_positions)


@pytest.mark.parametrize(
    "make_positions", kernels.first_and_swept([kernels.random_positions, kernels.integers, kernels.not_finite])
)
def test_flows_that_need_many_windows(key, make_positions):
    position = kernels.resolve(make_positions(key, WIDE), WIDE)
    listed = _windows(position, WIDE)
    assert int(listed.total) > 4 * 3 * 2  # 3 x 2 tiles (two more are padding), in four windows and more
    kernels.check(read, key, WIDE, make_positions)


@pytest.mark.sweep
def test_flipped_and_turned_flows(key):
    """Where neighbours do not look at neighbours: many steps for few pixels."""
    shape = (1, 140, 140, 3, 140, 140)

    def flip(key, shape):
        y, x = jnp.meshgrid(jnp.arange(140.0), jnp.arange(140.0), indexing="ij")
        return jnp.stack([x, 139.5 - y], axis=-1)[None]

    kernels.check(read, key, shape, flip)
    kernels.check(read, key, shape, lambda key, shape: flip(key, shape)[..., ::-1])


def test_lists_that_are_too_short_fall_back(key, monkeypatch):
    """With room for one window and one pair per tile, a random flow does not fit; the result is right all the same."""
    monkeypatch.setattr(lanes, "WINDOWS_PER_TILE", 1)
    monkeypatch.setattr(lanes, "PAIRS_PER_TILE", 1)
    position = kernels.resolve(kernels.random_positions(key, WIDE), WIDE)
    layout = lanes._Windows((1, 48, 640, 2), calls.pad_positions(position, 128))
    assert not bool(layout.parts.fits)
    kernels.check(read, key, WIDE, kernels.random_positions)


def test_flows_that_fit_do_not_fall_back(key, monkeypatch):
    monkeypatch.setattr(calls, "gather", lambda image, position: jnp.full((*position.shape[:3], 3), jnp.nan))
    monkeypatch.setattr(calls, "scatter", lambda image, position, _: (image * jnp.nan, position * jnp.nan))
    kernels.check(read, key, kernels.SHAPES[1], kernels.smooth_positions)


@pytest.mark.sweep
def test_positions_a_hair_from_whole_pixels(key):
    """-1e-9 lies in the cell before 0; a kernel that adds an offset before rounding down forgets it."""
    shape = (1, 40, 40, 2, 4, 40)

    def hairs(key, shape):
        whole = jnp.broadcast_to(jnp.arange(40.0), (1, 4, 40))
        return jnp.stack([jnp.nextafter(whole, -1.0), jnp.nextafter(whole[..., ::-1], -1.0)], axis=-1)

    kernels.check(read, key, shape, hairs)


@pytest.mark.parametrize("bad", [jnp.inf, jnp.nan])
def test_a_bad_pixel_spoils_only_what_reads_it(key, bad):
    shape = (1, 24, 40, 2, 24, 40)
    image = jax.random.normal(key, shape[:4]).at[0, 5, 7, 0].set(bad)
    position = kernels.resolve(kernels.random_positions(key, shape), shape)
    result, expected = jax.jit(read)(image, position), xla.read_stacked(image, position)
    assert 0 < int((~jnp.isfinite(expected)).sum()) < 50
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.sweep
def test_simulated_memories(key):
    """The simulator of the TPU's memories and copies sees races and reads of memory never written."""

    def simulated(image, position):
        return lanes.read_lanes(image, position, pltpu.InterpretParams(detect_races=True))

    kernels.check(simulated, key, (1, 32, 300, 2, 16, 256), kernels.smooth_positions)


def test_a_smooth_flow_needs_one_window_per_tile_and_few_steps(key):
    """Shifted by 5 rows and 70 columns: two blocks of columns, and two steps where eight rows would need nine."""
    shape = (1, 64, 384, 1, 64, 256)
    y, x = jnp.meshgrid(jnp.arange(64.0), jnp.arange(256.0), indexing="ij")
    listed = _windows(jnp.stack([x + 70.25, y + 5.5], axis=-1)[None], shape)
    tiles = 8 * 2
    assert int(listed.total) == tiles
    np.testing.assert_array_equal(listed.tile[:tiles], np.arange(tiles))
    first, end = listed.state[:tiles] >> 16, listed.state[:tiles] >> 1 & 0x7FFF
    np.testing.assert_array_equal(end - first, 2)
    np.testing.assert_array_equal(listed.state[:tiles] & 1, 1)


def test_windows_cover_every_pixel_needed_once(key):
    """Counts, for a random flow, in how many windows and steps each row of a tile meets each pixel of the image."""
    position = np.asarray(kernels.resolve(kernels.random_positions(key, WIDE), WIDE))
    listed = _windows(jnp.asarray(position), WIDE)
    height, width = WIDE[1:3]
    seen = np.zeros((4 * 2, 8, height + 100, width + 600), int)  # the margin of 8 rows is part of it
    for k in range(int(listed.total)):
        row, column = int(listed.origin[k]) >> 16, (int(listed.origin[k]) & 0xFFFF) * 128
        assert row % 8 == 0
        assert row + 32 <= 48 + 8 + 24
        assert column + 256 <= 640 + 128
        for step in range(int(listed.state[k]) >> 16, int(listed.state[k]) >> 1 & 0x7FFF):
            for s in range(8):
                seen[int(listed.tile[k]), s, row + step + s, column : column + 256] += 1
    assert seen.max() == 1
    inside = (position > -1).all(-1) & (position[..., 0] < width) & (position[..., 1] < height)
    assert inside.sum() > 100
    for _, i, j in np.argwhere(inside):
        x, y = np.floor(position[0, i, j]).astype(int)
        for column in range(max(x, 0), min(x + 2, width)):
            for row in range(max(y, 0), min(y + 2, height)):
                assert seen[i // 8 * 2 + j // 128, i % 8, row + 8, column] == 1


def test_long_lists_are_cut_into_parts(key, monkeypatch):
    monkeypatch.setattr(lanes, "MAX_TILES", 4)
    monkeypatch.setattr(lanes, "MAX_SMALL_TILES", 10)
    kernels.check(read, key, (1, 32, 48, 2, 40, 64), kernels.smooth_positions)


@pytest.mark.parametrize(("channels", "by_lanes"), [(1, True), (16, True), (17, False), (64, False)])
def test_the_choice_goes_by_channels(monkeypatch, channels, by_lanes):
    monkeypatch.setattr(lanes, "read_lanes", lambda image, position, interpret: jnp.ones_like(image))
    monkeypatch.setattr(products, "read_products", lambda image, position, interpret: jnp.zeros_like(image))
    out = pallas_tpu.read(jnp.zeros((1, 4, 4, channels)), jnp.zeros((1, 4, 4, 2)))
    np.testing.assert_array_equal(out, float(by_lanes))
    assert choice.MAX_LANE_CHANNELS <= lanes.MAX_CHANNELS


def test_too_many_channels_are_refused():
    with pytest.raises(NotImplementedError, match=r"up to 16 channels, got shape \(1, 4, 4, 17\)"):
        read(jnp.zeros((1, 4, 4, 17)), jnp.zeros((1, 4, 4, 2)))


def _windows(position, shape):
    """The windows of a flow over an image of a shape, both padded as the kernels want them."""
    height, width = -(-shape[1] // 16) * 16, -(-shape[2] // 128) * 128
    box = lanes.boxes(calls.pad_positions(position, 128), height, width)
    return lanes.list_windows(box, 0, 200)
