"""The GPU kernels, interpreted."""

import jax
import jax.numpy as jnp
import pytest

from jaxanim.ops import grid_sample as ops
from jaxanim.ops.grid_sample import dispatch, pallas_gpu
from tests.ops.grid_sample.kernel_contract import KernelContract


class TestPallasGpu(KernelContract):
    def read(self, image, position):
        return pallas_gpu.read_triton(image, position, True)


def test_asked_for_elsewhere():
    image, grid = jnp.zeros((1, 4, 4, 3)), jnp.zeros((1, 4, 4, 2))
    with pytest.raises(NotImplementedError, match="'pallas_gpu' runs on GPUs only, not on cpu"):
        ops.grid_sample(image, grid, padding="zeros", align_corners=False, units="pixel", implementation="pallas_gpu")


@pytest.mark.parametrize("implementation", ["pallas_gpu", "mosaic_gpu"])
def test_an_empty_batch_needs_no_kernel(monkeypatch, implementation):
    monkeypatch.setattr(dispatch, "target_device", lambda: ("gpu", "NVIDIA H200"))
    image, grid = jnp.zeros((0, 4, 4, 3)), jnp.zeros((0, 4, 4, 2))
    out = ops.grid_sample(
        image, grid, padding="zeros", align_corners=False, units="pixel", implementation=implementation
    )
    assert out.shape == (0, 4, 4, 3)


@pytest.mark.parametrize(("side", "channels", "points"), [(2**15, 3, 4), (4, 1, 2**15)])
def test_too_many_elements(side, channels, points):
    image, position = (
        jax.ShapeDtypeStruct((1, side, side, channels), jnp.float32),
        jax.ShapeDtypeStruct((1, points, points, 2), jnp.float32),
    )
    with pytest.raises(NotImplementedError, match=r"fewer than 2\^31 elements"):
        jax.eval_shape(pallas_gpu.read_triton, image, position)
