"""The XLA reference passes the contract, agrees with PyTorch, and splits over a sharded batch."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxanim.ops import grid_sample as ops
from tests.ops.grid_sample.contract import CONVENTIONS, GRID_TOLERANCE, IDS, GridSampleContract

GOLDEN = Path(__file__).parents[2] / "golden" / "torch" / "grid_sample.npz"


class TestXla(GridSampleContract):
    implementation = "xla"


def test_a_cpu_takes_xla_unasked(key):
    assert ops.dispatch.choose("cpu") == "xla"
    image, grid = jax.random.normal(key, (4, 5, 2)), jax.random.uniform(key, (3, 3, 2))
    unasked, asked = (
        ops.grid_sample(
            image, grid, padding="border", align_corners=False, units="normalised", implementation=implementation
        )
        for implementation in (None, "xla")
    )
    np.testing.assert_array_equal(unasked, asked)


def test_an_unknown_kind_of_device_takes_xla():
    assert ops.dispatch.choose("NVIDIA H999") == "xla"


@pytest.mark.parametrize("convention", [c for c in CONVENTIONS if c["units"] == "normalised"], ids=IDS[::2])
def test_equals_pytorch(convention):
    """Values and both gradients recorded from torch.nn.functional.grid_sample (NCHW there)."""
    with np.load(GOLDEN) as golden:
        image = jnp.asarray(golden["image"].transpose(0, 2, 3, 1))
        grid, cotangent = jnp.asarray(golden["grid"]), jnp.asarray(golden["cotangent"].transpose(0, 2, 3, 1))
        prefix = f"{convention['padding']}_{int(convention['align_corners'])}_"
        want = {name: golden[prefix + name] for name in ("out", "image_gradient", "grid_gradient")}
    out, pullback = jax.vjp(lambda i, g: ops.grid_sample(i, g, **convention), image, grid)
    image_gradient, grid_gradient = pullback(cotangent)
    np.testing.assert_allclose(out, want["out"].transpose(0, 2, 3, 1), atol=GRID_TOLERANCE)
    np.testing.assert_allclose(image_gradient, want["image_gradient"].transpose(0, 2, 3, 1), atol=GRID_TOLERANCE)
    np.testing.assert_allclose(grid_gradient, want["grid_gradient"], atol=1e-3, rtol=1e-4)


def test_sharded_batch_needs_no_all_gather():
    mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,))
    sharding = NamedSharding(mesh, PartitionSpec("data"))
    image = jax.device_put(jax.random.normal(jax.random.key(1), (8, 6, 6, 3)), sharding)
    grid = jax.device_put(jax.random.uniform(jax.random.key(2), (8, 6, 6, 2), minval=-1.0), sharding)

    def loss(image: jax.Array, grid: jax.Array) -> jax.Array:
        out = ops.grid_sample(image, grid, padding="border", align_corners=False, units="normalised")
        return (out**2).sum(axis=(1, 2, 3))

    def both(image: jax.Array, grid: jax.Array) -> tuple[jax.Array, jax.Array]:
        values, pullback = jax.vjp(loss, image, grid)
        return values, pullback(jnp.ones_like(values))[0]

    compiled = jax.jit(both, out_shardings=sharding).lower(image, grid).compile()
    assert "all-gather" not in compiled.as_text()
    values, gradient = compiled(image, grid)
    with jax.default_device(jax.devices()[0]):
        alone, alone_gradient = both(jnp.asarray(np.asarray(image)), jnp.asarray(np.asarray(grid)))
    np.testing.assert_allclose(values, alone, rtol=1e-5)
    np.testing.assert_allclose(gradient, alone_gradient, atol=1e-5)


GOOD = {"padding": "border", "align_corners": False, "units": "pixel"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"padding": "mirror"}, r"padding must be one of .*'border'.*'zeros'.*'mirror'"),
        ({"units": "metres"}, r"units must be one of .*'normalised'.*'pixel'.*'metres'"),
        ({"implementation": "cuda"}, r"implementation must be one of .*'xla'.*'cuda'"),
    ],
)
def test_unknown_options_are_named(change, message):
    # Literal annotations refuse these too while tests run; users call without that check.
    unchecked = ops.api.grid_sample.__wrapped__
    with pytest.raises(ValueError, match=message):
        unchecked(jnp.zeros((2, 2, 1)), jnp.zeros((2, 2, 2)), **{**GOOD, **change})


@pytest.mark.parametrize(
    ("image", "grid", "error", "message"),
    [
        (np.zeros((2, 2, 1), np.int32), np.zeros((2, 2, 2), np.float32), TypeError, "floating point, got int32"),
        (np.zeros((2, 2, 1), np.float32), np.zeros((2, 2, 2), np.float16), TypeError, "float32 .*got float16"),
        (np.zeros((2, 2), np.float32), np.zeros((2, 2, 2), np.float32), ValueError, r"at least 3 axes, got .*\(2, 2\)"),
        (
            np.zeros((2, 2, 1), np.float32),
            np.zeros((2, 2, 3), np.float32),
            ValueError,
            r"any, any, 2\), got \(2, 2, 3\)",
        ),
        (np.zeros((3, 2, 2, 1), np.float32), np.zeros((2, 2, 2, 2), np.float32), ValueError, r"got \(3,\) and \(2,\)"),
        (np.zeros((0, 2, 1), np.float32), np.zeros((2, 2, 2), np.float32), ValueError, r"empty, got shape \(0, 2, 1\)"),
    ],
)
def test_wrong_arrays_are_refused(image, grid, error, message):
    unchecked = ops.api.grid_sample.__wrapped__
    with pytest.raises(error, match=message):
        unchecked(jnp.asarray(image), jnp.asarray(grid), **GOOD)
