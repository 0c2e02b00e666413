"""SPADE blocks: modulated norms around convolutions, compared with the formula on numpy arrays."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.nn.spade import Spade, SpadeBlock
from jaxanim.nn.spectral import SpectralConv

RNG = np.random.default_rng(2)
FEATURES = jnp.asarray(RNG.standard_normal((1, 4, 4, 6)), jnp.float32)
MAP = jnp.asarray(RNG.standard_normal((1, 4, 4, 2)), jnp.float32)


def drawn(module):
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), FEATURES, MAP, train=False))
    draw = lambda leaf: jnp.asarray(np.abs(RNG.standard_normal(leaf.shape)) + 0.1, jnp.float32)  # noqa: E731
    return jax.tree.map(draw, shapes)


def inside(variables, name):
    return {kind: variables[kind][name] for kind in ("params", "stats") if name in variables[kind]}


def lrelu(x):
    return np.where(x > 0, x, 0.1 * x)


def run(module, variables, *given):
    return jax.jit(lambda variables, *given: module.apply(variables, *given, train=False))(variables, *given)


def convolution(features, variables, name, x, size=3):
    return np.asarray(run(SpectralConv(features, size, size // 2), inside(variables, name), jnp.asarray(x)))


def test_spade_is_norm_times_one_plus_gamma_plus_beta():
    variables = drawn(Spade(3))
    shared = lrelu(convolution(3, variables, "shared_conv", MAP))
    gamma, beta = (convolution(6, variables, f"{name}_conv", shared) for name in ("gamma", "beta"))
    stats = variables["stats"]["norm"]
    normed = (FEATURES - stats["mean"][None, None, None]) / np.sqrt(stats["var"] + 1e-5)[None, None, None]
    ours = run(Spade(3), variables, FEATURES, MAP)
    np.testing.assert_allclose(ours, normed * (1 + gamma) + beta, rtol=1e-4, atol=1e-4)
    assert "norm" not in variables["params"]


def test_a_map_of_zeros_changes_nothing_but_by_biases():
    variables = drawn(Spade(3))
    variables["params"] = jax.tree.map(
        lambda leaf: leaf if leaf.ndim > 1 else jnp.zeros_like(leaf), variables["params"]
    )
    stats = {"mean": jnp.zeros(6), "var": jnp.ones(6)}
    variables["stats"]["norm"] = stats
    ours = run(Spade(3), variables, FEATURES, jnp.zeros_like(MAP))
    np.testing.assert_allclose(ours, FEATURES / np.sqrt(np.float32(1 + 1e-5)), rtol=1e-6)


def test_block_adds_a_projection_of_its_input():
    """Both modulated norms see the same map; nothing comes behind the sum."""
    module = SpadeBlock(3)
    variables = drawn(module)
    y = FEATURES
    for index, channels in enumerate((6, 3)):
        assert y.shape[-1] == channels
        y = lrelu(np.asarray(run(Spade(3), inside(variables, f"spade{index}"), jnp.asarray(y), MAP)))
        y = convolution(3, variables, f"conv{index}", y)
    want = y + convolution(3, variables, "shortcut_conv", FEATURES, size=1)
    ours = run(module, variables, FEATURES, MAP)
    np.testing.assert_allclose(ours, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())
