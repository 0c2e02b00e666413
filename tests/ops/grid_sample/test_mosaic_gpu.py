"""Mosaic's backward kernel: its thread's program, run by numpy for all threads at once; what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops.grid_sample.pallas_gpu import mosaic, thread
from tests.ops.grid_sample import kernel_contract as kernels


class _Numpy:
    """A `thread.Machine` whose numbers are arrays with one entry per thread."""

    def __init__(self, arrays: dict[str, np.ndarray], count: int):
        self._arrays = arrays
        self._count = count
        self._active = np.ones(count, bool)

    def thread(self):
        return np.arange(self._count, dtype=np.int32)

    def integer(self, value):
        return np.full(self._count, value, np.int32)

    def number(self, value):
        return np.full(self._count, value, np.float32)

    def add(self, a, b):
        assert a.dtype == b.dtype
        return a + b

    def subtract(self, a, b):
        assert a.dtype == b.dtype
        return a - b

    def multiply(self, a, b):
        assert a.dtype == b.dtype
        return a * b[:, None] if a.ndim == 2 else a * b

    def divide(self, a, b):
        assert (a[self._active] >= 0).all()
        return a // np.int32(b), a % np.int32(b)

    def floor(self, a):
        return np.floor(a)

    def to_integer(self, a):
        assert np.isfinite(a[self._active]).all()
        return np.where(self._active, a, 0).astype(np.int32)

    def at_least(self, a, b):
        return a >= b

    def less(self, a, b):
        return a < b

    def both(self, a, b):
        return a & b

    def load(self, array, offset):
        """Reads where the thread is active; elsewhere a hostile number."""
        assert (offset[self._active] >= 0).all()
        return np.where(self._active, self._arrays[array][np.where(self._active, offset, 0)], np.float32(np.nan))

    def load_vector(self, array, offset):
        assert (offset[self._active] % thread.VECTOR == 0).all()  # 128 bits are read at once
        return np.stack([self.load(array, offset + np.int32(k)) for k in range(thread.VECTOR)], axis=1)

    def dot(self, a, b):
        return (a * b).sum(axis=1)

    def add_vector_to(self, array, offset, vector):
        assert (offset[self._active] % thread.VECTOR == 0).all()
        for k in range(thread.VECTOR):
            np.add.at(self._arrays[array], offset[self._active] + k, vector[self._active, k])

    def add_pair_to(self, array, offset, first, second):
        for k, value in enumerate((first, second)):
            np.add.at(self._arrays[array], offset[self._active] + k, value[self._active])

    def when(self, condition, then):
        before, self._active = self._active, self._active & condition
        found = then()
        result = self.number(0.0) if found is None else np.where(self._active, found, np.float32(0.0))
        self._active = before
        return result


def _run(sizes, image, position, cotangent):
    """`mosaic.run` by numpy."""

    def on_host(image, position, cotangent):
        given = {"image": image, "position": position, "cotangent": cotangent}
        arrays = {name: np.array(array) for name, array in given.items()}
        arrays |= {"image_gradient": np.zeros_like(image), "position_gradient": np.zeros_like(position)}
        with np.errstate(invalid="ignore"):  # inactive threads compute on, as on the device
            thread.pull(_Numpy(arrays, sizes.blocks * thread.THREADS), sizes)
        return arrays["image_gradient"], arrays["position_gradient"]

    shapes = [jax.ShapeDtypeStruct(array.shape, jnp.float32) for array in (image, position)]
    return jax.pure_callback(on_host, tuple(shapes), image, position, cotangent)


@pytest.fixture(autouse=True)
def _by_numpy(request, monkeypatch):
    if "needs_jax" not in request.node.name:
        monkeypatch.setattr(mosaic, "run", _run)


class TestMosaic(kernels.KernelContract):
    def read(self, image, position):
        return mosaic.read(image, position)

    @pytest.mark.parametrize("shape", kernels.SHAPES[1:], ids=str)
    def test_sizes_that_are_not_those_of_threads(self, key, shape):
        """Channels that are not a multiple of four, threads without a position, several images."""
        kernels.check(self.read, key, shape, kernels.random_positions)


def test_too_many_elements():
    image, position = (
        jax.ShapeDtypeStruct((1, 2**15, 2**14, 3), jnp.float32),
        jax.ShapeDtypeStruct((1, 4, 4, 2), jnp.float32),
    )
    with pytest.raises(NotImplementedError, match=r"fewer than 2\^31 elements"):
        jax.eval_shape(mosaic.read, image, position)


def test_needs_jax_0_11(monkeypatch):
    monkeypatch.setattr(jax, "__version_info__", (0, 10, 2))
    image, position = jnp.zeros((1, 4, 4, 4)), jnp.zeros((1, 4, 4, 2))
    with pytest.raises(NotImplementedError, match=r"'mosaic_gpu' needs jax 0\.11 or newer"):
        jax.grad(lambda image: mosaic.read(image, position).sum())(image)
