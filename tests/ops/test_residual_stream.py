"""The residual warp in bands of rows against the plain one: sizes, modes, fits, flows that lead far out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops import residual_stream, residual_warp

SMALL = (8, 8)
LEVEL = 0.1  # of 255; what float16 may cost before rounding


def make(size, *, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (*size, 3), dtype=np.uint8)


def both(photo, image, flow_px, *, mode, fit="pad", align_corners=True):
    """Returns our frame and the plain one, 0 to 255 and not rounded."""

    @jax.jit
    def run(photo, image, flow_px):
        residuals = residual_stream.take_apart(photo, SMALL, mode=mode, fit=fit)
        plain = residual_warp.take_apart(photo.astype(jnp.float32) / 127.5 - 1, SMALL, mode=mode, fit=fit)
        ours = residual_stream.assemble(residuals, image, flow_px, align_corners=align_corners)
        wanted = residual_warp.assemble(plain, image, flow_px, align_corners=align_corners)
        assert residuals.steps == plain.steps
        assert (residuals.corner, residuals.size) == (plain.corner, plain.size)
        return ours, wanted, residuals.small - plain.small

    ours, wanted, difference = run(photo, image, flow_px)
    np.testing.assert_allclose(difference, 0.0, atol=1e-6)
    return np.asarray(ours, np.float32), np.clip((np.asarray(wanted) + 1) * 127.5, 0, 255)


@pytest.mark.parametrize(
    ("size", "mode", "fit"),
    [
        ((32, 32), "multiscale", "pad"),
        ((48, 48), "multiscale", "pad"),  # halvings, then 3
        ((56, 56), "multiscale", "pad"),  # 7 at once: by a product
        ((150, 70), "multiscale", "pad"),  # more rows than a band, columns padded
        ((70, 150), "vanilla", "pad"),  # rows padded, more than a band of them unused
        ((33, 71), "multiscale", "anisotropic"),
        ((16, 8), "multiscale", "anisotropic"),  # one axis does not shrink
        ((24, 24), "none", "pad"),
        ((8, 8), "multiscale", "pad"),
        ((5, 7), "vanilla", "pad"),  # smaller than what the network sees
    ],
)
def test_equals_the_plain_one(size, mode, fit):
    rng = np.random.default_rng(1)
    image = rng.uniform(-1, 1, (*SMALL, 3)).astype(np.float32)
    flow_px = rng.uniform(-3, 3, (*SMALL, 2)).astype(np.float32)
    ours, wanted = both(make(size), image, flow_px, mode=mode, fit=fit)
    assert ours.shape == (*size, 3)
    assert np.abs(ours - wanted).max() <= 0.5 + LEVEL


def test_displacements_without_aligned_corners():
    flow_px = np.full((*SMALL, 2), 1.5, np.float32)
    ours, wanted = both(make((40, 40)), np.zeros((*SMALL, 3), np.float32), flow_px, mode="vanilla", align_corners=False)
    assert np.abs(ours - wanted).max() <= 0.5 + LEVEL


@pytest.mark.parametrize("mode", ["vanilla", "multiscale"])
@pytest.mark.parametrize("size", [(40, 40), (130, 37)])
def test_what_stands_still_is_the_photo_exactly(size, mode):
    photo = make(size)

    @jax.jit
    def there_and_back(photo):
        residuals = residual_stream.take_apart(photo, SMALL, mode=mode)
        return residual_stream.assemble(residuals, residuals.small, jnp.zeros((*SMALL, 2)), align_corners=True)

    np.testing.assert_array_equal(there_and_back(photo), photo)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_hostile_flows_stay_inside_the_photo(value):
    """What is not finite reads something of the photo, and nothing else."""
    photo = np.full((32, 32, 3), 200, np.uint8)
    residuals = jax.jit(lambda photo: residual_stream.take_apart(photo, SMALL, mode="vanilla"))(photo)
    flow_px = np.full((*SMALL, 2), value, np.float32)
    frame = jax.jit(lambda *given: residual_stream.assemble(*given, align_corners=True))(
        residuals, residuals.small, flow_px
    )
    np.testing.assert_array_equal(frame, photo)


def test_sizes_that_do_not_fit():
    residuals = residual_stream.take_apart(jnp.zeros((16, 16, 3), jnp.uint8), SMALL, mode="vanilla")
    with pytest.raises(ValueError, match=r"image must end in shape \(8, 8, 3\)"):
        residual_stream.assemble(residuals, jnp.zeros((4, 4, 3)), jnp.zeros((4, 4, 2)), align_corners=True)
    with pytest.raises(ValueError, match=r"flow_px must end in shape \(8, 8, 2\)"):
        residual_stream.assemble(residuals, jnp.zeros((8, 8, 3)), jnp.zeros((4, 4, 2)), align_corners=True)
