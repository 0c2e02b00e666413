"""Sine networks against their definition, layer by layer in numpy, and their exactness on windows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.nn import siren
from jaxanim.nn.apply import apply
from jaxanim.ops import flow, pyramid
from jaxanim.ops.sine import fast_sin

TOLERANCE = 2e-4  # sin(30 x) multiplies rounding by 30 in every layer
WIDTHS = ((8, 6), (5, 4), (3, 3))


def dense(params, x):
    return x @ np.asarray(params["kernel"], np.float64) + np.asarray(params["bias"], np.float64)


def joined(features, positions, code):
    """Features, position and code as planes of one picture, the way the released code computes."""
    planes = np.broadcast_to(code, (*positions.shape[:2], code.shape[-1]))
    parts = [positions, planes] if features is None else [features, positions, planes]
    return np.concatenate(parts, axis=-1)


def numpy_pyramid(params, positions, code):
    """One example, float64, features doubled before the next layer."""
    x = None
    for level, widths in enumerate(WIDTHS):
        if x is not None:
            x = np.asarray(pyramid.upsample_bilinear(jnp.asarray(x, jnp.float32)), np.float64)
        x = joined(x, np.asarray(positions[level], np.float64), np.asarray(code, np.float64))
        for index in range(len(widths)):
            x = np.sin(30.0 * dense(params[f"level{level}_sine{index}"]["dense"], x))
    return dense(params["last"], x)


def grids(sizes=(4, 8, 16)):
    return tuple(flow.identity_grid(size, size, align_corners=False) for size in sizes)


@pytest.fixture
def pyramid_and_params(key):
    module = siren.SirenPyramid(WIDTHS, 2)
    return module, module.init(key, grids(), jnp.zeros((1, 3)))["params"]


def test_sine_layer(key):
    x = jax.random.normal(key, (5, 4))
    module = siren.SineLayer(3)
    params = module.init(key, x)["params"]
    expected = np.sin(30.0 * dense(params["dense"], np.asarray(x, np.float64)))
    np.testing.assert_allclose(apply(module, params, x), expected, atol=TOLERANCE)


def test_siren_equals_its_definition(key):
    positions, code = flow.identity_grid(3, 5, align_corners=False), jax.random.normal(key, (2, 4))
    module = siren.Siren((6, 5), 3)
    params = module.init(key, positions, code)["params"]
    result = apply(module, params, positions, code)
    assert result.shape == (2, 3, 5, 3)
    for example, one_code in enumerate(np.asarray(code)):
        x = joined(None, np.asarray(positions, np.float64), one_code.astype(np.float64))
        for index in range(2):
            x = np.sin(30.0 * dense(params[f"sine{index}"]["dense"], x))
        np.testing.assert_allclose(result[example], dense(params["last"], x), atol=TOLERANCE)


def test_pyramid_equals_its_definition(key, pyramid_and_params):
    module, params = pyramid_and_params
    code = jax.random.normal(key, (2, 3))
    result = apply(module, params, grids(), code)
    assert result.shape == (2, 16, 16, 2)
    for example in range(2):
        expected = numpy_pyramid(params, grids(), code[example])
        np.testing.assert_allclose(result[example], expected, atol=TOLERANCE)


def test_fast_sine_gives_the_same_network(key, pyramid_and_params):
    module, params = pyramid_and_params
    code = jax.random.normal(key, (1, 3))
    fast = siren.SirenPyramid(WIDTHS, 2, fast_sin)
    np.testing.assert_allclose(apply(fast, params, grids(), code), apply(module, params, grids(), code), atol=TOLERANCE)


def window(positions: jax.Array, start: int, size: int, margin: int) -> jax.Array:
    index = jnp.clip(jnp.arange(start - margin, start + size + margin), 0, positions.shape[0] - 1)
    return positions[index][:, index]


@pytest.mark.parametrize("start", [0, 1, 2])
def test_a_window_equals_that_part_of_the_whole(key, pyramid_and_params, start):
    """With one more pixel on each side at the coarser levels, also at the borders of the picture."""
    module, params = pyramid_and_params
    code = jax.random.normal(key, (1, 3))
    whole = apply(module, params, grids(), code)
    parts = tuple(
        window(grid, start * 2**level, 2 * 2**level, margin)
        for level, (grid, margin) in enumerate(zip(grids(), (1, 1, 0), strict=True))
    )
    part = apply(module, params, parts, code)
    first = 4 * start
    np.testing.assert_allclose(part, whole[:, first : first + 8, first : first + 8], atol=TOLERANCE)


def test_crop_centre():
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(siren.crop_centre(x, 2, 4)[0, ..., 0], [[4, 5, 6, 7], [8, 9, 10, 11]])
    np.testing.assert_array_equal(siren.crop_centre(x, 4, 4), x)


@pytest.mark.parametrize("size", [(3, 4), (4, 1), (6, 4)])
def test_crop_centre_refuses_unequal_margins(size):
    with pytest.raises(ValueError, match=f"cannot cut 4x4 to {size[0]}x{size[1]} with equal margins"):
        siren.crop_centre(jnp.zeros((1, 4, 4, 1)), *size)


def test_initial_weights_are_within_the_published_bounds(key):
    module = siren.Siren((128, 128), 4)
    params = module.init(key, flow.identity_grid(2, 2, align_corners=False), jnp.zeros((1, 39)))["params"]
    first, second = (np.asarray(params[f"sine{i}"]["dense"]["kernel"]) for i in (0, 1))
    for kernel, bound in ((first, 1 / 41), (second, np.sqrt(6 / 128) / 30)):
        assert np.abs(kernel).max() <= bound
        np.testing.assert_allclose(kernel.std(), bound / np.sqrt(3), rtol=0.05)  # uniform
    bias = np.asarray(params["sine1"]["dense"]["bias"])
    assert 0.5 / np.sqrt(128) < np.abs(bias).max() <= 1 / np.sqrt(128)


def test_gradients_reach_every_parameter(key, pyramid_and_params):
    module, params = pyramid_and_params
    code = jax.random.normal(key, (2, 3))
    gradients = jax.grad(lambda p: (apply(module, p, grids(), code) ** 2).sum())(params)
    assert all(np.abs(np.asarray(leaf)).max() > 0 for leaf in jax.tree.leaves(gradients))
