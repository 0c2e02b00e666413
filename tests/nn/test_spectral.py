"""The spectral norm is PyTorch's: one step of the power method per call in training, none otherwise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.nn import spectral
from jaxanim.nn.spectral import SpectralConv

RNG = np.random.default_rng(0)
IMAGE = jnp.asarray(RNG.standard_normal((2, 6, 5, 3)), jnp.float32)
CONV = SpectralConv(4)


@pytest.fixture(scope="module")
def variables():
    """Vectors that are far from the largest singular value, of a kernel that is not small."""
    kernel, bias = RNG.standard_normal((3, 3, 3, 4)), RNG.standard_normal(4)
    u, v = (x / np.linalg.norm(x) for x in (RNG.standard_normal(4), np.abs(RNG.standard_normal(27))))
    found = {"params": {"kernel": kernel, "bias": bias}, "stats": {"u": u, "v": v}}
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), found)


def numbers(variables):
    """Kernel (output channels, the rest), u and v, as PyTorch has them but for the order of the rest."""
    kernel = np.asarray(variables["params"]["kernel"], np.float64)
    return kernel.reshape(27, 4).T, *(np.asarray(variables["stats"][name], np.float64) for name in "uv")


def convolve(kernel, bias, image):
    """A loop over pixels."""
    padded = np.pad(np.asarray(image, np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    result = np.zeros((*image.shape[:3], kernel.shape[-1]))
    for row in range(image.shape[1]):
        for column in range(image.shape[2]):
            window = padded[:, row : row + 3, column : column + 3]
            result[:, row, column] = np.tensordot(window, kernel, axes=3) + bias
    return result


def test_evaluation_divides_by_the_vectors_as_they_are(variables):
    matrix, u, v = numbers(variables)
    kernel = np.asarray(variables["params"]["kernel"], np.float64) / (u @ matrix @ v)
    want = convolve(kernel, np.asarray(variables["params"]["bias"], np.float64), IMAGE)
    ours, changed = CONV.apply(variables, IMAGE, train=False, mutable=["stats"])
    np.testing.assert_allclose(ours, want, rtol=2e-5, atol=2e-5 * np.abs(want).max())
    np.testing.assert_array_equal(changed["stats"]["u"], variables["stats"]["u"])
    np.testing.assert_array_equal(changed["stats"]["v"], variables["stats"]["v"])


def test_training_takes_one_step_first(variables):
    matrix, u, _ = numbers(variables)
    right = matrix.T @ u
    right /= np.linalg.norm(right)
    left = matrix @ right
    left /= np.linalg.norm(left)
    kernel = np.asarray(variables["params"]["kernel"], np.float64) / (left @ matrix @ right)
    want = convolve(kernel, np.asarray(variables["params"]["bias"], np.float64), IMAGE)
    ours, changed = CONV.apply(variables, IMAGE, train=True, mutable=["stats"])
    np.testing.assert_allclose(ours, want, rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(changed["stats"]["u"], left, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(changed["stats"]["v"], right, rtol=1e-5, atol=1e-6)


def test_many_steps_find_the_largest_singular_value(variables):
    step = jax.jit(lambda variables: CONV.apply(variables, IMAGE, train=True, mutable=["stats"])[1]["stats"])
    stats = variables["stats"]
    for _ in range(60):
        stats = step({"params": variables["params"], "stats": stats})
    matrix, u, v = numbers({"params": variables["params"], "stats": stats})
    assert u @ matrix @ v == pytest.approx(np.linalg.svd(matrix, compute_uv=False)[0], rel=1e-5)


def test_gradients_pass_by_the_vectors(variables):
    """sum(a * W / (u'Wv)) with u and v held: a / s - (a . W) u v' / s^2."""
    matrix, u, _ = numbers(variables)
    right = matrix.T @ u / np.linalg.norm(matrix.T @ u)
    left = matrix @ right / np.linalg.norm(matrix @ right)
    image = jnp.asarray(RNG.standard_normal((1, 3, 3, 3)), jnp.float32)

    def middle(kernel):
        params = {"kernel": kernel, "bias": jnp.zeros(4)}
        made, _ = CONV.apply({"params": params, "stats": variables["stats"]}, image, train=True, mutable=["stats"])
        return made[0, 1, 1, 2]

    a = np.zeros((4, 27))
    a[2] = np.asarray(image, np.float64).ravel()
    scale = left @ matrix @ right
    want = a / scale - (a * matrix).sum() * np.outer(left, right) / scale**2
    ours = np.asarray(jax.grad(middle)(variables["params"]["kernel"])).reshape(27, 4).T
    np.testing.assert_allclose(ours, want, rtol=1e-4, atol=1e-5)


def test_folded_kernels_do_the_same(variables):
    network = {kind: {"inner": {"conv": leaves}} for kind, leaves in variables.items()}
    network["params"]["inner"]["plain"] = {"kernel": jnp.ones((1, 1, 2, 2)), "bias": jnp.ones(2)}
    network["stats"]["inner"]["norm"] = {"mean": jnp.ones(3)}
    folded = spectral.fold(network["params"], network["stats"])
    ours = SpectralConv(4, spectral=False).apply({"params": folded["inner"]["conv"]}, IMAGE, train=False)
    np.testing.assert_allclose(ours, CONV.apply(variables, IMAGE, train=False), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(folded["inner"]["plain"]["kernel"], np.ones((1, 1, 2, 2)))
    assert jax.tree.map(np.shape, spectral.without_vectors(network["stats"])) == {"inner": {"norm": {"mean": (3,)}}}


def test_folded_kernels_are_unfolded(variables):
    """A network with norms again that computes the same, and whose vectors are those of the largest singular value."""
    many = {"params": {"a": {"conv": variables["params"]}}, "stats": {"a": {"conv": variables["stats"]}}}
    exact = spectral.unfold(many["params"], {}, many["stats"])
    folded = spectral.fold(many["params"], exact)
    stats = spectral.unfold(folded, {"a": {}}, many["stats"])
    matrix, u, v = numbers({"params": folded["a"]["conv"], "stats": stats["a"]["conv"]})
    assert u @ matrix @ v == pytest.approx(1.0, rel=1e-5)
    params, found = (jax.tree.map(jnp.asarray, tree["a"]["conv"]) for tree in (folded, stats))
    again = CONV.apply({"params": params, "stats": found}, IMAGE, train=False)
    plain = SpectralConv(4, spectral=False).apply({"params": params}, IMAGE, train=False)
    np.testing.assert_allclose(again, plain, rtol=1e-4, atol=1e-5)
    kept = spectral.unfold({"a": {"conv": variables["params"]}}, {"b": 3}, {**many["stats"], "b": 0})
    assert kept["b"] == 3
