"""Every joined warp equals its plain composition, values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops import flow as flows
from jaxanim.ops import fused_warp
from jaxanim.ops.grid_sample import grid_sample

TOLERANCE = 2e-5


def images(key, *shapes):
    return [jax.random.normal(k, shape) for k, shape in zip(jax.random.split(key, len(shapes)), shapes, strict=True)]


def assert_same(one, other, *arguments):
    """Compares values and the gradients with respect to every argument."""
    result, pullback = jax.vjp(jax.jit(one), *arguments)
    expected, plain_pullback = jax.vjp(jax.jit(other), *arguments)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=TOLERANCE), result, expected)
    cotangent = jax.tree.map(lambda leaf: jnp.cos(7.0 * leaf), expected)
    for ours, theirs in zip(pullback(cotangent), plain_pullback(cotangent), strict=True):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=20 * TOLERANCE), ours, theirs)


@pytest.mark.parametrize("padding", ["zeros", "border"])
def test_warp_blend(key, padding):
    image, color, flow, alpha = images(key, (2, 9, 7, 4), (2, 9, 7, 4), (2, 9, 7, 2), (2, 9, 7, 1))

    def plain(image, flow, color, alpha):
        warped = flows.warp(image, flow, padding=padding)
        return alpha * color + (1.0 - alpha) * warped, warped

    def joined(image, flow, color, alpha):
        return fused_warp.warp_blend(image, flow, color, alpha, padding=padding)

    assert_same(joined, plain, image, 3.0 * flow, color, alpha)


def test_sample_blend_of_a_part(key):
    """The grid may be of another size than the image: THA4 computes windows of its picture."""
    image, color, grid, alpha = images(key, (1, 9, 7, 4), (1, 3, 5, 4), (1, 3, 5, 2), (1, 3, 5, 1))
    options = {"padding": "border", "align_corners": False, "units": "normalised"}

    def plain(image, grid, color, alpha):
        warped = grid_sample(image, grid, **options)
        return alpha * color + (1.0 - alpha) * warped, warped

    assert_same(lambda *arrays: fused_warp.sample_blend(*arrays, **options), plain, image, grid, color, alpha)


def test_warp_many(key):
    first, second, third, flow = images(key, (2, 6, 5, 3), (2, 6, 5, 1), (2, 6, 5, 8), (2, 6, 5, 2))

    def plain(first, second, third, flow):
        return tuple(flows.warp(image, flow, padding="border") for image in (first, second, third))

    def joined(first, second, third, flow):
        return fused_warp.warp_many((first, second, third), flow, padding="border")

    assert_same(joined, plain, first, second, third, flow)


@pytest.mark.parametrize("size", [(130, 90), (64, 50), (33, 200)], ids=str)
@pytest.mark.parametrize("batch", [(), (2,)], ids=str)
def test_warp_by_small_flow(key, size, batch):
    """Sizes of several bands, of exactly one, and of less than one."""
    image, base, flow = images(key, (*batch, *size, 3), (*batch, *size, 3), (*batch, 8, 12, 2))

    def plain(image, base, flow):
        return base + flows.warp(image, flows.resize(flow, *size), padding="border")

    def joined(image, base, flow):
        return fused_warp.warp_by_small_flow(image, flow, padding="border", base=base)

    # Positions are float32 of up to 200, known to 1e-5 pixels.
    result, expected = jax.jit(joined)(image, base, flow), jax.jit(plain)(image, base, flow)
    np.testing.assert_allclose(result, expected, atol=2e-4)
    for index in range(3):
        ours, theirs = (
            jax.jit(jax.grad(lambda *a, f=f: (f(*a) ** 2).mean(), argnums=index))(image, base, flow)
            for f in (joined, plain)
        )
        np.testing.assert_allclose(ours, theirs, atol=1e-3 * float(np.abs(theirs).max()))


def test_small_flow_never_becomes_large():
    """No array of the size of the full grid is in the compiled program, forward or backward."""
    image, flow = jnp.zeros((256, 512, 3)), jnp.zeros((16, 16, 2))

    def loss(image, flow):
        return fused_warp.warp_by_small_flow(image, flow, padding="border").sum()

    text = jax.jit(jax.grad(loss, argnums=(0, 1))).lower(image, flow).compile().as_text()
    assert "f32[256,512,3]" in text
    assert "[256,512,2]" not in text
    assert "[256,512]{" not in text


def test_without_base(key):
    image, flow = images(key, (70, 20, 1), (4, 4, 2))
    plain = flows.warp(image, flows.resize(flow, 70, 20), padding="zeros")
    np.testing.assert_allclose(fused_warp.warp_by_small_flow(image, flow, padding="zeros"), plain, atol=1e-4)


def test_wrong_arguments():
    image, flow = jnp.zeros((1, 4, 4, 3)), jnp.zeros((1, 4, 4, 2))
    with pytest.raises(ValueError, match="at least one image"):
        fused_warp.warp_many((), flow, padding="border")
    with pytest.raises(TypeError, match="of one type, got float32 and bfloat16"):
        fused_warp.warp_many((image, image.astype(jnp.bfloat16)), flow, padding="border")
    with pytest.raises(ValueError, match="image and base"):
        # The annotations refuse this too while tests run; users call without that check.
        fused_warp.warp_by_small_flow.__wrapped__(image, flow, padding="border", base=jnp.zeros((1, 4, 5, 3)))
