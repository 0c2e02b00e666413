"""Every backend at the sizes at which the warp really occurs, and at 200 random ones, against float64.

A few of them run in `make test`; all of them in `make sweep`.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.pallas import tpu as pltpu

from jaxanim.ops.grid_sample import pallas_gpu, pallas_tpu, xla
from jaxanim.ops.grid_sample.positions import resolve
from jaxanim.ops.grid_sample.shapes import SHAPES, WarpShape
from tests.ops.grid_sample import exact, kernel_contract

# Plain interpretation copies whole arrays in every step; the simulator of the TPU's memories does not, but is slow.
INTERPRETED_PIXELS = range(2**18 + 1, 2**21)
RANDOM_CASES = 200


def _read_tpu(image: jax.Array, position: jax.Array) -> jax.Array:
    simulate = position.size // 2 not in INTERPRETED_PIXELS
    return pallas_tpu.read(image, position, pltpu.InterpretParams() if simulate else True)


BACKENDS = {
    "xla": xla.read_stacked,
    "pallas_tpu": _read_tpu,
    "pallas_gpu": functools.partial(pallas_gpu.read_triton, interpret=True),
}


def check(backend: str, shape: WarpShape, make_positions, padding: str, *, align_corners: bool, seed: int) -> None:
    """Compares pixels and both gradients with float64, relative to the largest of each."""
    size = (*shape.image().shape, shape.rows, shape.columns)
    keys = jax.random.split(jax.random.key(seed), 3)
    image = jax.random.normal(keys[0], size[:4]).astype(shape.dtype)
    cotangent = jax.random.normal(keys[1], shape.output().shape).astype(shape.dtype)
    # The same positions for both: at 1000 pixels, XLA's fusions differ from plain float32 by more than the tolerance.
    position = resolve(
        make_positions(keys[2], size), *size[1:3], padding=padding, align_corners=align_corners, units="pixel"
    ).stacked()

    @jax.jit
    def run(image, position, cotangent):
        out, pullback = jax.vjp(BACKENDS[backend], image, position)
        return (out, *pullback(cotangent))

    results = run(image, position, cotangent)
    arrays = (np.asarray(array, np.float32) for array in (image, position, cotangent))
    for name, result, expected in zip(
        ("pixels", "image", "positions"), results, exact.everything(*arrays), strict=True
    ):
        kernel_contract.assert_close(result, expected, jnp.dtype(shape.dtype).type, f"{backend} {shape.name} {name}")


def _real_cases() -> list:
    quick = ("gdpw-64", "gdpw-64-bf16")
    return [
        pytest.param(backend, name, marks=() if name in quick else pytest.mark.sweep)
        for name in SHAPES
        for backend in BACKENDS
    ]


@pytest.fixture
def optimised():
    """Large programs that run for long are worth the time of compiling them well."""
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.mark.usefixtures("optimised")
@pytest.mark.parametrize(("backend", "name"), _real_cases())
def test_real_sizes(backend, name):
    check(backend, SHAPES[name], kernel_contract.smooth_positions, "border", align_corners=False, seed=0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(s, marks=pytest.mark.sweep) for s in range(2, RANDOM_CASES))])
def test_random_sizes(backend, seed):
    rng = np.random.default_rng(seed)
    height, width, rows, columns = (int(2 ** rng.uniform(0.0, 6.7)) for _ in range(4))
    channels = int(rng.choice([1, 2, 3, 4, 5, 8, 15, 16, 17, 24, 33, 64, 130]))
    dtype = str(rng.choice(["float32", "bfloat16"]))
    shape = WarpShape(f"random {seed}", int(rng.integers(1, 4)), height, width, channels, rows, columns, dtype, "")
    make_positions = kernel_contract.GRIDS[int(rng.integers(len(kernel_contract.GRIDS)))]
    padding = str(rng.choice(["zeros", "border", "reflect"]))
    check(backend, shape, make_positions, padding, align_corners=bool(rng.integers(2)), seed=seed)
