"""The GPU kernels, interpreted."""

import jax.numpy as jnp
import pytest

from jaxanim.ops import grid_sample as ops
from jaxanim.ops.grid_sample import pallas_gpu
from tests.ops.grid_sample.kernel_contract import KernelContract


class TestPallasGpu(KernelContract):
    def read(self, image, position):
        return pallas_gpu.read_triton(image, position, True)


def test_asked_for_elsewhere():
    image, grid = jnp.zeros((1, 4, 4, 3)), jnp.zeros((1, 4, 4, 2))
    with pytest.raises(NotImplementedError, match="'pallas_gpu' runs on GPUs only, not on cpu"):
        ops.grid_sample(image, grid, padding="zeros", align_corners=False, units="pixel", implementation="pallas_gpu")


def test_too_many_elements():
    import jax

    image, position = (
        jax.ShapeDtypeStruct((1, 2**15, 2**15, 3), jnp.float32),
        jax.ShapeDtypeStruct((1, 4, 4, 2), jnp.float32),
    )
    with pytest.raises(NotImplementedError, match=r"fewer than 2\^31 elements"):
        jax.eval_shape(pallas_gpu.read_triton, image, position)
