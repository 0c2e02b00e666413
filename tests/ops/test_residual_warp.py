"""The residual warp: photos of any size come back whole, residuals follow the flow, once per photo, many frames."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops import pyramid, residual_warp

SMALL = (8, 8)


def still(residuals):
    return jnp.zeros((*residuals.small.shape[:-1], 2), jnp.float32)


@pytest.mark.parametrize(
    ("size", "mode", "fit"),
    [
        ((48, 48), "multiscale", "pad"),
        ((37, 21), "multiscale", "pad"),
        ((40, 24), "vanilla", "anisotropic"),
        ((8, 8), "multiscale", "pad"),
        ((5, 7), "vanilla", "pad"),
    ],
)
def test_what_stands_still_is_the_photo(key, size, mode, fit):
    photo = jax.random.normal(key, (*size, 3))

    @jax.jit
    def there_and_back(photo):
        residuals = residual_warp.take_apart(photo, SMALL, mode=mode, fit=fit)
        assert residuals.small.shape == (*SMALL, 3)
        return residual_warp.assemble(residuals, residuals.small, still(residuals), align_corners=True)

    np.testing.assert_allclose(there_and_back(photo), photo, atol=1e-5)


def test_factors_of_each_fit():
    """32x12 pixels: padded to a square, both sides shrink by 4; each by its own factor, by 4 and 2."""
    photo = jnp.zeros((32, 12, 3))
    assert residual_warp.take_apart(photo, SMALL, mode="vanilla").steps == ((4, 4),)
    assert residual_warp.take_apart(photo, SMALL, mode="multiscale", fit="anisotropic").steps == ((2, 2), (2, 1))


def test_padding_repeats_edges_on_both_sides():
    """3 rows of 8 become 8: 2 above, 3 below."""
    photo = jnp.broadcast_to(jnp.arange(3.0)[:, None, None], (3, 8, 1))
    small = residual_warp.take_apart(photo, SMALL, mode="vanilla").small
    np.testing.assert_array_equal(small[:, 0, 0], [0, 0, 0, 1, 2, 2, 2, 2])


@pytest.mark.parametrize(
    ("align_corners", "growth"),
    [(True, 31 / 7), (False, 32 / 8)],
)
def test_residuals_move_by_the_enlarged_flow(key, align_corners, growth):
    """By (4, 0) pixels of the photo: pixel x shows what was at x + 4, the edge repeated."""
    photo = jax.random.normal(key, (32, 32, 1))
    residuals = jax.jit(lambda photo: residual_warp.take_apart(photo, SMALL, mode="vanilla"))(photo)
    flow_px = np.zeros((8, 8, 2), np.float32) + np.array([4.0 / growth, 0.0], np.float32)
    moved = jax.jit(lambda *given: residual_warp.assemble(*given, align_corners=align_corners))(
        residuals, jnp.zeros((8, 8, 1)), jnp.asarray(flow_px)
    )
    columns = np.minimum(np.arange(32) + 4, 31)
    np.testing.assert_allclose(moved, np.asarray(residuals.bands[0])[:, columns], atol=1e-4)


def test_without_residuals_frames_are_enlarged(key):
    photo, image = jax.random.normal(key, (16, 16, 3)), jax.random.normal(key, (8, 8, 3))
    residuals = residual_warp.take_apart(photo, SMALL, mode="none")
    assert residuals.bands == ()
    result = residual_warp.assemble(residuals, image, jnp.ones((8, 8, 2)), align_corners=True)
    np.testing.assert_allclose(result, pyramid.upsample_bilinear(image), atol=1e-6)
    with_bilinear = residual_warp.enlarge(image, 16, 16, method="bilinear")
    np.testing.assert_allclose(result, with_bilinear, atol=1e-6)


def test_nearest_repeats_pixels():
    result = residual_warp.enlarge(jnp.arange(2.0).reshape(1, 2, 1), 2, 4, method="nearest")
    np.testing.assert_array_equal(result[..., 0], [[0, 0, 1, 1]] * 2)


def test_many_frames_of_one_photo(key):
    """One photo's residuals serve a batch; each frame is what it would be alone."""
    photo = jax.random.normal(key, (24, 24, 3))
    residuals = jax.jit(lambda photo: residual_warp.take_apart(photo, SMALL, mode="multiscale"))(photo)
    images, flows = jax.random.normal(key, (3, 8, 8, 3)), jax.random.normal(key, (3, 8, 8, 2))
    assemble = jax.jit(lambda *given: residual_warp.assemble(*given, align_corners=True))
    together = assemble(residuals, images, flows)
    assert together.shape == (3, 24, 24, 3)
    for image, flow_px, frame in zip(images, flows, together, strict=True):
        alone = assemble(residuals, image, flow_px)
        np.testing.assert_allclose(frame, alone, atol=1e-5)


def test_sizes_that_do_not_fit():
    residuals = residual_warp.take_apart(jnp.zeros((16, 16, 3)), SMALL, mode="vanilla")
    with pytest.raises(ValueError, match=r"image must end in shape \(8, 8, 3\)"):
        residual_warp.assemble(residuals, jnp.zeros((4, 4, 3)), jnp.zeros((4, 4, 2)), align_corners=True)
    with pytest.raises(ValueError, match=r"flow_px must end in shape \(8, 8, 2\)"):
        residual_warp.assemble(residuals, jnp.zeros((8, 8, 3)), jnp.zeros((4, 4, 2)), align_corners=True)
