"""What every kernel of the warp must do, beyond the contract of `grid_sample`: equal XLA on real and on hostile input.

A kernel reads images that are 0 outside at resolved positions; units and padding are dealt with before it.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops.grid_sample import positions, xla

TOLERANCE = {jnp.float32: 1e-5, jnp.bfloat16: 1e-2, jnp.float16: 2e-3}

# (images, height, width, channels, rows, columns): whole tiles, odd sizes, one pixel, one channel, several windows.
SHAPES = [
    (1, 32, 32, 32, 32, 32),
    (2, 33, 45, 3, 20, 37),
    (1, 1, 1, 1, 2, 3),
    (3, 7, 5, 4, 9, 17),
    (1, 64, 96, 8, 40, 70),
]


def smooth_positions(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """A flow as networks make it: a few pixels, the same for neighbours."""
    n, height, width, _, rows, columns = shape
    coarse = 4.0 * jax.random.normal(key, (n, 4, 4, 2))
    y, x = jnp.meshgrid(jnp.linspace(0, height - 1, rows), jnp.linspace(0, width - 1, columns), indexing="ij")
    return jnp.stack([x, y], axis=-1)[None] + jax.image.resize(coarse, (n, rows, columns, 2), "cubic")


def random_positions(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Anywhere, also half an image outside."""
    n, height, width, _, rows, columns = shape
    unit = jax.random.uniform(key, (n, rows, columns, 2), minval=-0.5, maxval=1.5)
    return unit * jnp.asarray([width, height], jnp.float32)[None, None, None]


def one_pixel(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """All on one spot: every update hits the same four pixels."""
    n, height, width, _, rows, columns = shape
    return jnp.full((n, rows, columns, 2), 0.25) + jnp.asarray([width // 2, height // 2], jnp.float32)[None, None, None]


def integers(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Exactly on pixels and borders, where slopes change."""
    return jnp.round(random_positions(key, shape))


def far_outside(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return 1e6 * random_positions(key, shape)


def not_finite(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """A third of the positions NaN or infinite."""
    where, values = random_positions(key, shape), jnp.asarray([jnp.nan, jnp.inf, -jnp.inf])
    kind = jax.random.randint(key, where.shape, 0, 9)
    return jnp.where(kind < 3, values[jnp.minimum(kind, 2)], where)


HOSTILE_GRIDS = [integers, random_positions, one_pixel, far_outside, not_finite]
GRIDS = [smooth_positions, *HOSTILE_GRIDS]


def first_and_swept(cases: list) -> list:
    """Returns all cases; those after the first belong to the sweep (`make sweep`), which takes an hour or more."""
    return [cases[0], *(pytest.param(case, marks=pytest.mark.sweep) for case in cases[1:])]


def resolve(position: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return positions.resolve(
        position, shape[1], shape[2], padding="zeros", align_corners=False, units="pixel"
    ).stacked()


def assert_close(result: jax.Array, expected: jax.Array, dtype: object, name: str) -> None:
    """Compares relative to the size of the expected numbers; NaN must be where it is expected."""
    result, expected = np.asarray(result, np.float32), np.asarray(expected, np.float32)
    scale = np.nanmax(np.abs(expected), initial=1e-6, where=np.isfinite(expected))
    np.testing.assert_allclose(result, expected, atol=TOLERANCE[dtype] * scale, rtol=0.0, err_msg=name)


def check(read, key: jax.Array, shape: tuple[int, ...], make_positions, dtype=jnp.float32) -> None:
    """Compares pixels and both gradients of a kernel with XLA's; where a position is NaN, the cotangent is, too."""
    keys = jax.random.split(key, 3)
    image = jax.random.normal(keys[0], shape[:4]).astype(dtype)
    position = resolve(make_positions(keys[1], shape), shape)
    cotangent = jax.random.normal(keys[2], (shape[0], *shape[4:], shape[3])).astype(dtype)
    cotangent = jnp.where(jnp.isnan(position).any(axis=-1, keepdims=True), jnp.asarray(jnp.nan, dtype), cotangent)

    def all_of(function):
        def run(image, position, cotangent):
            out, pullback = jax.vjp(function, image, position)
            return (out, *pullback(cotangent))

        return jax.jit(run)(image, position, cotangent)

    result, expected = all_of(read), all_of(xla.read_stacked)
    for name, ours, theirs in zip(("pixels", "image gradient", "position gradient"), result, expected, strict=True):
        assert ours.dtype == theirs.dtype
        assert_close(ours, theirs, dtype, name)


class KernelContract:
    """Tests of one kernel; subclasses define `read(image, position)` for batches."""

    @pytest.mark.parametrize("shape", first_and_swept(SHAPES), ids=str)
    def test_equals_xla_on_smooth_flows(self, key, shape):
        check(self.read, key, shape, smooth_positions)

    @pytest.mark.parametrize("make_positions", first_and_swept(HOSTILE_GRIDS), ids=lambda function: function.__name__)
    def test_equals_xla_on_hostile_grids(self, key, make_positions):
        check(self.read, key, SHAPES[1], make_positions)

    @pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=["bfloat16", "float16"])
    def test_short_types(self, key, dtype):
        check(self.read, key, SHAPES[1], smooth_positions, dtype)

    def test_image_gradient_is_summed_in_float32(self):
        """1000 samples of one pixel: a bfloat16 sum would stop growing at 256."""
        image, position = jnp.ones((1, 2, 2, 1), jnp.bfloat16), jnp.zeros((1, 10, 100, 2))
        gradient = jax.grad(lambda i: self.read(i, position).astype(jnp.float32).sum())(image)
        np.testing.assert_allclose(
            np.asarray(gradient, np.float32)[0, ..., 0], [[1000.0, 0.0], [0.0, 0.0]], rtol=1 / 256
        )
