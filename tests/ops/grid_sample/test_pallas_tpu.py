"""The TPU kernels, interpreted; the lists they walk, in parts; the way out when a list is too short."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.pallas import tpu as pltpu

from jaxanim.ops import grid_sample as ops
from jaxanim.ops.grid_sample import pallas_tpu
from jaxanim.ops.grid_sample.pallas_tpu import products, tiles
from tests.ops.grid_sample import kernel_contract as kernels


class TestPallasTpu(kernels.KernelContract):
    def read(self, image, position):
        return products.read_products(image, position, True)


@pytest.mark.sweep
def test_simulated_memories(key):
    """The simulator of the TPU's memories and copies sees races and reads of memory never written."""
    kernels.check(
        lambda i, p: products.read_products(i, p, pltpu.InterpretParams(detect_races=True)),
        key,
        kernels.SHAPES[0],
        kernels.smooth_positions,
    )


def test_a_smooth_flow_needs_one_window_per_tile(key):
    shape = (1, 128, 128, 8, 128, 128)
    position = kernels.resolve(0.25 * kernels.smooth_positions(key, shape) + 32.0, shape)
    box = tiles.boxes(position, 128, 128)
    listed = tiles.windows(box, 0, 64 * 12, height=128, width=128, column_step=8)
    assert int(listed.total) == 64
    np.testing.assert_array_equal(listed.tile[:64], np.arange(64))


def test_windows_cover_every_pixel_needed_once(key):
    """Counts, for a random flow, how often each (position, pixel) pair falls into a window that does not skip it."""
    shape = (2, 64, 64, 1, 32, 32)
    position = np.asarray(kernels.resolve(kernels.random_positions(key, shape), shape))
    box = tiles.boxes(jnp.asarray(position), 64, 64)
    listed = tiles.windows(box, 0, 200, height=64, width=64, column_step=8)
    seen = np.zeros((8, 64, 64), int)
    for k in range(int(listed.total)):
        row, column = int(listed.origin[k]) >> 16, int(listed.origin[k]) & 0xFFFF
        skip_rows, skip_columns = int(listed.state[k]) >> 16, int(listed.state[k]) >> 1 & 0x7FFF
        seen[int(listed.tile[k]), row + skip_rows : row + 24, column + skip_columns : column + 32] += 1
    assert seen.max() == 1
    for tile in range(8):
        n, within = divmod(tile, 4)
        rows, columns = slice(within // 2 * 16, within // 2 * 16 + 16), slice(within % 2 * 16, within % 2 * 16 + 16)
        for x, y in position[n, rows, columns].reshape(-1, 2):
            for j, i in np.floor([(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)]).astype(int):
                if -1 < x < 64 and -1 < y < 64 and 0 <= i < 64 and 0 <= j < 64:
                    assert seen[tile, i, j] == 1


def test_lists_that_are_too_short_fall_back(key, monkeypatch):
    """With room for one window per tile, a random flow does not fit; the result is right all the same."""
    shape = (1, 96, 96, 2, 64, 64)
    monkeypatch.setattr(products, "WINDOWS_PER_TILE", 1)
    position = kernels.resolve(kernels.random_positions(key, shape), shape)
    box = tiles.boxes(position, 96, 96)
    assert int(tiles.count_windows(box, column_step=8).sum()) > 16
    kernels.check(lambda i, p: products.read_products(i, p, True), key, shape, kernels.random_positions)


@pytest.mark.parametrize("limit", kernels.first_and_swept([4, 8]))
def test_large_outputs_are_cut_into_calls(key, monkeypatch, limit):
    """4 tiles a call: bands of one image; 8: one image at a time."""
    monkeypatch.setattr(products, "MAX_TILES", limit)
    kernels.check(
        lambda i, p: products.read_products(i, p, True), key, (2, 32, 48, 3, 32, 64), kernels.smooth_positions
    )


def test_asked_for_elsewhere():
    image, grid = jnp.zeros((1, 4, 4, 3)), jnp.zeros((1, 4, 4, 2))
    with pytest.raises(NotImplementedError, match="'pallas_tpu' runs on TPUs only, not on cpu"):
        ops.grid_sample(image, grid, padding="zeros", align_corners=False, units="pixel", implementation="pallas_tpu")


@pytest.mark.parametrize(
    ("shape", "limit"),
    [((1, 20000, 16, 4), "16384x16384"), ((1, 16, 20000, 64), "16384"), ((1, 16, 16, 2048), "1024 channels")],
)
def test_too_large_images_are_refused(shape, limit):
    with pytest.raises(NotImplementedError, match=f"up to {limit}"):
        jax.eval_shape(
            pallas_tpu.read, jax.ShapeDtypeStruct(shape, jnp.float32), jax.ShapeDtypeStruct((1, 4, 4, 2), jnp.float32)
        )
