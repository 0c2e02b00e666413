"""Identity grids, units, warping, composition and resizing of flows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops import flow, fused_warp, grid_sample

# Sums of a few float32 products of numbers of order 1 to 10.
TOLERANCE = 2e-5


def smooth_flow(key: jax.Array, height: int, width: int, size: float = 1.5) -> jax.Array:
    """A flow that varies slowly, so that composing it bilinearly is nearly exact."""
    coarse = jax.random.normal(key, (3, 3, 2))
    return size * jax.image.resize(coarse, (height, width, 2), "cubic")


def test_pixel_grid_counts_columns_then_rows():
    grid = flow.pixel_grid(2, 3)
    assert grid.dtype == jnp.float32
    np.testing.assert_array_equal(grid[..., 0], [[0, 1, 2], [0, 1, 2]])
    np.testing.assert_array_equal(grid[..., 1], [[0, 0, 0], [1, 1, 1]])


def test_identity_grid_without_aligned_corners_holds_pixel_centres():
    grid = flow.identity_grid(2, 4, align_corners=False)
    np.testing.assert_allclose(grid[0, :, 0], [-0.75, -0.25, 0.25, 0.75])
    np.testing.assert_allclose(grid[:, 0, 1], [-0.5, 0.5])


def test_identity_grid_with_aligned_corners_reaches_the_ends():
    grid = flow.identity_grid(3, 5, align_corners=True)
    np.testing.assert_allclose(grid[0, :, 0], [-1, -0.5, 0, 0.5, 1])
    np.testing.assert_allclose(grid[:, 0, 1], [-1, 0, 1])


def test_identity_grid_of_one_pixel_is_its_centre():
    for align in (False, True):
        np.testing.assert_array_equal(flow.identity_grid(1, 1, align_corners=align), [[[0.0, 0.0]]])


def test_units_are_half_the_image_size():
    flow_ndc = jnp.asarray([[[1.0, 1.0]] * 4] * 2)  # half the width and half the height
    np.testing.assert_allclose(flow.ndc_to_px(flow_ndc)[0, 0], [2.0, 1.0])
    np.testing.assert_allclose(flow.px_to_ndc(flow.ndc_to_px(flow_ndc)), flow_ndc)


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_units_take_any_batch(key, batch):
    flow_px = jax.random.normal(key, (*batch, 4, 6, 2))
    np.testing.assert_allclose(flow.ndc_to_px(flow.px_to_ndc(flow_px)), flow_px, rtol=1e-6)


def test_zero_flow_leaves_the_image(key):
    image = jax.random.normal(key, (2, 5, 4, 3))
    np.testing.assert_array_equal(flow.warp(image, jnp.zeros((2, 5, 4, 2)), padding="zeros"), image)


def test_warp_is_backward_and_x_comes_first():
    """A flow of (+1, 0) takes every pixel from its right neighbour: the picture moves left."""
    image = jnp.arange(6.0).reshape(2, 3, 1)
    to_right = jnp.zeros((2, 3, 2)).at[..., 0].set(1.0)
    np.testing.assert_allclose(flow.warp(image, to_right, padding="border")[..., 0], [[1, 2, 2], [4, 5, 5]])
    np.testing.assert_allclose(flow.warp(image, to_right, padding="zeros")[..., 0], [[1, 2, 0], [4, 5, 0]])
    below = jnp.zeros((2, 3, 2)).at[..., 1].set(1.0)
    np.testing.assert_allclose(flow.warp(image, below, padding="border")[..., 0], [[3, 4, 5], [3, 4, 5]])


def test_warp_equals_normalised_sampling(key):
    """The same as adding a normalised flow to the identity grid and sampling with corners not aligned."""
    image, flow_ndc = jax.random.normal(key, (6, 8, 2)), 0.3 * jax.random.normal(key, (6, 8, 2))
    grid = flow.identity_grid(6, 8, align_corners=False) + flow_ndc
    expected = grid_sample.grid_sample(image, grid, padding="border", align_corners=False, units="normalised")
    result = flow.warp(image, flow.ndc_to_px(flow_ndc), padding="border")
    np.testing.assert_allclose(result, expected, atol=TOLERANCE)


def test_warp_refuses_a_flow_of_another_size():
    with pytest.raises((ValueError, TypeError), match=r"flow_px"):
        flow.warp(jnp.zeros((4, 4, 1)), jnp.zeros((2, 2, 2)), padding="border")


def test_compose_whole_pixels_adds_displacements():
    one, two = jnp.full((4, 4, 2), 1.0), jnp.full((4, 4, 2), 2.0)
    np.testing.assert_allclose(flow.compose(one, two), np.full((4, 4, 2), 3.0))


def test_composition_equals_warping_twice(key):
    """On a picture that is linear in x and y, bilinear warping is exact, so the two ways agree inside."""
    keys = jax.random.split(key, 2)
    outer, inner = smooth_flow(keys[0], 24, 24), smooth_flow(keys[1], 24, 24)
    ramp = flow.pixel_grid(24, 24)
    twice = flow.warp(flow.warp(ramp, inner, padding="border"), outer, padding="border")
    once = flow.warp(ramp, flow.compose(outer, inner), padding="border")
    inside = np.s_[8:-8, 8:-8]
    np.testing.assert_allclose(once[inside], twice[inside], atol=1e-4)


def test_composition_is_not_commutative(key):
    keys = jax.random.split(key, 2)
    a, b = smooth_flow(keys[0], 16, 16), smooth_flow(keys[1], 16, 16)
    assert np.abs(flow.compose(a, b) - flow.compose(b, a)).max() > 1e-2


def test_resize_scales_displacements_with_the_image():
    """A quarter of the width stays a quarter of the width."""
    flow_px = jnp.full((4, 8, 2), 2.0)
    resized = flow.resize(flow_px, 8, 4)
    assert resized.shape == (8, 4, 2)
    np.testing.assert_allclose(resized[..., 0], 1.0)
    np.testing.assert_allclose(resized[..., 1], 4.0)


def test_resize_keeps_normalised_flow_in_the_mean(key):
    flow_px = smooth_flow(key, 16, 16)[None]
    resized = flow.resize(flow_px, 32, 32)
    np.testing.assert_allclose(
        flow.px_to_ndc(resized).mean(axis=(1, 2)), flow.px_to_ndc(flow_px).mean(axis=(1, 2)), atol=1e-5
    )


def test_gradient_flows_to_the_flow(key):
    """Moving a ramp by dx changes every inner pixel by dx."""
    ramp = flow.pixel_grid(6, 6)[..., :1]
    gradient = jax.grad(lambda f: flow.warp(ramp, f, padding="border").sum())(jnp.full((6, 6, 2), 0.25))
    np.testing.assert_allclose(gradient[:, :5, 0], 1.0, atol=TOLERANCE)
    np.testing.assert_allclose(gradient[..., 1], 0.0, atol=TOLERANCE)


def test_warp_refuses_a_flow_in_half_precision():
    image, short = jnp.zeros((4, 4, 1)), jnp.zeros((4, 4, 2), jnp.bfloat16)
    with pytest.raises(TypeError, match=r"flow_px must be float32 .*, got bfloat16"):
        flow.warp(image, short, padding="border")
    with pytest.raises(TypeError, match=r"flow_px must be float32 .*, got bfloat16"):
        fused_warp.warp_by_small_flow(image, short, padding="border")
