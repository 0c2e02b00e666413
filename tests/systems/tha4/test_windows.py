"""Windows of the body student give exactly what the whole picture gives there, at every border."""

import functools

import jax
import numpy as np
import pytest

from jaxanim.nn import siren
from jaxanim.nn.apply import apply
from jaxanim.systems.tha4 import networks, windows

# Matrix products of other shapes add in another order; three sines of 30 times that make some float32 steps of it.
TOLERANCE = 2e-5
LAST = 128 - 16  # first column or row of the last window
CORNERS = [(0, 0), (LAST, 0), (0, LAST), (LAST, LAST)]
BORDERS = [(50, 0), (50, LAST), (0, 37), (LAST, 37)]
SMALL = siren.SirenPyramid(((12, 8), (10,), (6,)), 7)


CODES = np.array([[0.9, -0.4, 0.1], [-0.8, 0.3, 0.7]], np.float32)
evaluate = jax.jit(functools.partial(apply, SMALL))


@functools.partial(jax.jit, static_argnums=2)
def window(column, row, size):
    return windows.body_window(column, row, size)


@pytest.fixture(scope="module")
def small_params():
    return jax.jit(SMALL.init)(jax.random.key(0), window(0, 0, 1), CODES)["params"]


@pytest.fixture(scope="module")
def whole(small_params):
    return np.asarray(evaluate(small_params, networks.student_positions(), CODES))


@pytest.mark.parametrize(("column", "row"), [*CORNERS, *BORDERS, (61, 17), (1, 111)])
def test_window_equals_the_same_part_of_the_whole(small_params, whole, column, row):
    part = evaluate(small_params, window(column, row, 16), CODES)
    assert part.shape == (2, 64, 64, 7)
    expected = whole[:, 4 * row : 4 * row + 64, 4 * column : 4 * column + 64]
    assert np.ptp(expected) > 0.5  # there is something to compare
    np.testing.assert_allclose(part, expected, atol=TOLERANCE)


@pytest.mark.parametrize(("column", "row", "size"), [(0, 0, 1), (127, 127, 1), (0, 0, 128)])
def test_windows_of_other_sizes(small_params, whole, column, row, size):
    part = evaluate(small_params, window(column, row, size), CODES)
    expected = whole[:, 4 * row : 4 * (row + size), 4 * column : 4 * (column + size)]
    np.testing.assert_allclose(part, expected, atol=TOLERANCE)


def test_a_window_without_its_margin_is_wrong_at_its_border(small_params, whole):
    """The pixel more on each side is needed: without it the doubling repeats the window's own edge."""
    coarse, middle, fine = window(40, 40, 16)
    bare = (coarse[1:-1, 1:-1], middle[1:-1, 1:-1], fine)
    off = np.abs(evaluate(small_params, bare, CODES) - whole[:, 160:224, 160:224]).max(axis=(0, 3))
    assert off[0].max() > 100 * TOLERANCE
    np.testing.assert_allclose(off[8:-8, 8:-8], 0, atol=TOLERANCE)


def test_warped_picture_is_sampled_from_the_whole_image(small_params, whole):
    """Colours of a window come from anywhere in the picture, as the flow says."""
    image = np.random.default_rng(0).uniform(-1, 1, (1, 512, 512, 4)).astype(np.float32)
    compose = jax.jit(networks.compose_student)
    positions = window(90, 3, 16)
    part = compose(evaluate(small_params, positions, CODES)[:1], image, positions[-1])
    full = compose(whole[:1], image, networks.student_positions()[-1])
    # Noise changes by 2 from pixel to pixel and a flow of 1 is 256 pixels: errors of the flow count 500 times.
    for name, slack in (("flow_ndc", 1), ("color", 1), ("alpha", 1), ("warped", 500), ("image", 1000)):
        expected = getattr(full, name)[:, 12:76, 360:424]
        np.testing.assert_allclose(getattr(part, name), expected, atol=slack * TOLERANCE, err_msg=name)


def test_positions_are_pixel_centres():
    coarse, middle, fine = window(10, 20, 2)
    assert [grid.shape for grid in (coarse, middle, fine)] == [(4, 4, 2), (6, 6, 2), (8, 8, 2)]
    # Column 10 of 128 has its centre at 21 / 128 - 1; one column of margin stands before it.
    np.testing.assert_allclose(coarse[0, :, 0], np.array([19, 21, 23, 25]) / 128 - 1)
    np.testing.assert_allclose(coarse[:, 0, 1], np.array([39, 41, 43, 45]) / 128 - 1)
    np.testing.assert_allclose(middle[0, :, 0], np.array([39, 41, 43, 45, 47, 49]) / 256 - 1)
    np.testing.assert_allclose(fine[0, :, 0], (2 * np.arange(40, 48) + 1) / 512 - 1)
    np.testing.assert_allclose(fine[:, 0, 1], (2 * np.arange(80, 88) + 1) / 512 - 1)


def test_margins_beyond_the_picture_repeat_the_last_pixel():
    coarse, _, fine = window(0, 126, 2)
    np.testing.assert_allclose(coarse[0, :, 0], np.array([1, 1, 3, 5]) / 128 - 1)
    np.testing.assert_allclose(coarse[:, 0, 1], np.array([251, 253, 255, 255]) / 128 - 1)
    assert fine[0, 0, 0] == 1 / 512 - 1


def test_whole_window_is_the_whole_picture():
    for part, level in zip(window(0, 0, 128), networks.student_positions(), strict=True):
        margin = (part.shape[0] - level.shape[0]) // 2
        inner = part[margin : part.shape[0] - margin, margin : part.shape[1] - margin]
        np.testing.assert_array_equal(inner, level)


def test_corner_may_be_traced():
    """One compiled program serves all windows."""
    traced = []

    @jax.jit
    def fine(column, row):
        traced.append(None)
        return windows.body_window(column, row, 4)[-1]

    for column, row in ((3, 5), (100, 0)):
        np.testing.assert_array_equal(fine(column, row), window(column, row, 4)[-1])
    assert len(traced) == 1
