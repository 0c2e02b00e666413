"""What every implementation of `grid_sample` must do. A backend's test file is a subclass that names it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops import grid_sample as ops
from tests.ops.grid_sample import loops

# Interpolation adds four products of numbers below 4: a few units in the last place of float32.
TOLERANCE = 3e-6
# Coordinates are float32: at 40 pixels they are known to 4e-6 pixels, times differences between pixels of up to 8.
GRID_TOLERANCE = 1e-4
BFLOAT16_TOLERANCE = 2e-2

CONVENTIONS = [
    {"padding": padding, "align_corners": align, "units": units}
    for padding in ("zeros", "border", "reflect")
    for align in (False, True)
    for units in ("normalised", "pixel")
]
IDS = ["-".join(str(value) for value in convention.values()) for convention in CONVENTIONS]
# (image, grid) sizes: square, wide, single row, single column, one pixel, more output than input.
SIZES = [((5, 5), (4, 4)), ((3, 9), (6, 2)), ((1, 7), (3, 3)), ((7, 1), (3, 3)), ((1, 1), (2, 5)), ((4, 3), (11, 13))]


def random_image(key: jax.Array, height: int, width: int, channels: int = 3) -> jax.Array:
    return jax.random.normal(key, (height, width, channels))


def random_grid(key: jax.Array, rows: int, columns: int, image_size: tuple[int, int], units: str) -> jax.Array:
    """Positions inside the image and up to half its size outside."""
    unit = jax.random.uniform(key, (rows, columns, 2), minval=-2.0, maxval=2.0)
    if units == "normalised":
        return unit
    height, width = image_size
    half = jnp.asarray([width / 2, height / 2], jnp.float32)
    return (unit + 1.0) * half[None, None]


def special_grid(height: int, width: int) -> np.ndarray:
    """Pixel positions where mistakes hide: exactly on pixels and borders, between, far outside on every side."""
    xs = [-1e9, -5.5, -1.0, -0.5, 0.0, 0.25, 1.0, width - 1.5, width - 1.0, width - 0.5, width, width + 3.0, 1e9]
    ys = [-1e9, -1.0, -0.25, 0.0, 1.0, height - 1.0, height - 0.25, height, 1e9]
    return np.array([[(x, y) for x in xs] for y in ys], np.float32)


class GridSampleContract:
    """Tests of one implementation; subclasses set `implementation`."""

    implementation: ops.Implementation | None = None

    def sample(self, image: jax.Array, grid: jax.Array, **convention: object) -> jax.Array:
        return ops.grid_sample(image, grid, implementation=self.implementation, **convention)

    @pytest.mark.parametrize("convention", CONVENTIONS, ids=IDS)
    @pytest.mark.parametrize(("image_size", "grid_size"), SIZES)
    def test_equals_loops(self, key, convention, image_size, grid_size):
        image_key, grid_key = jax.random.split(key)
        image = random_image(image_key, *image_size)
        grid = random_grid(grid_key, *grid_size, image_size, convention["units"])
        expected = loops.sample(np.asarray(image), np.asarray(grid), **convention)
        np.testing.assert_allclose(self.sample(image, grid, **convention), expected, atol=GRID_TOLERANCE)

    @pytest.mark.parametrize("padding", ["zeros", "border"])
    def test_special_positions(self, key, padding):
        image, grid = random_image(key, 6, 8), special_grid(6, 8)
        convention = {"padding": padding, "align_corners": False, "units": "pixel"}
        expected = loops.sample(np.asarray(image), grid, **convention)
        np.testing.assert_allclose(self.sample(image, jnp.asarray(grid), **convention), expected, atol=TOLERANCE)

    @pytest.mark.parametrize("padding", ["zeros", "border"])
    def test_gradients_at_special_positions(self, key, padding):
        """At integer positions the derivative is that of the cell to the right and below, on borders zero."""
        image, grid = random_image(key, 6, 8), special_grid(6, 8)
        cotangent = np.asarray(jax.random.normal(key, (*grid.shape[:2], 3)))
        convention = {"padding": padding, "align_corners": False, "units": "pixel"}
        self._check_gradients(image, grid, cotangent, convention)

    @pytest.mark.parametrize("convention", CONVENTIONS, ids=IDS)
    def test_gradients_equal_loops(self, key, convention):
        keys = jax.random.split(key, 3)
        image = random_image(keys[0], 5, 7)
        grid = random_grid(keys[1], 6, 4, (5, 7), convention["units"])
        self._check_gradients(image, np.asarray(grid), np.asarray(jax.random.normal(keys[2], (6, 4, 3))), convention)

    def _check_gradients(self, image, grid, cotangent, convention):
        _, pullback = jax.vjp(lambda i, g: self.sample(i, g, **convention), image, jnp.asarray(grid))
        image_gradient, grid_gradient = pullback(jnp.asarray(cotangent))
        expected_image, expected_grid = loops.gradients(np.asarray(image), grid, cotangent, **convention)
        np.testing.assert_allclose(image_gradient, expected_image, atol=GRID_TOLERANCE)
        np.testing.assert_allclose(grid_gradient, expected_grid, atol=GRID_TOLERANCE, rtol=1e-4)

    @pytest.mark.parametrize("batch", [(), (1,), (3,), (2, 3)])
    def test_any_leading_batch(self, key, batch):
        image = jax.random.normal(key, (*batch, 4, 5, 2))
        grid = jax.random.uniform(key, (*batch, 3, 6, 2), minval=-1.2, maxval=1.2)
        convention = {"padding": "border", "align_corners": False, "units": "normalised"}
        result = self.sample(image, grid, **convention)
        assert result.shape == (*batch, 3, 6, 2)
        flat = zip(image.reshape(-1, 4, 5, 2), grid.reshape(-1, 3, 6, 2), result.reshape(-1, 3, 6, 2), strict=True)
        for one_image, one_grid, one_result in flat:
            expected = loops.sample(np.asarray(one_image), np.asarray(one_grid), **convention)
            np.testing.assert_allclose(one_result, expected, atol=GRID_TOLERANCE)

    @pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
    def test_short_types_are_interpolated_in_float32(self, key, dtype):
        image = random_image(key, 6, 6).astype(dtype)
        grid = random_grid(key, 5, 5, (6, 6), "pixel")
        convention = {"padding": "border", "align_corners": False, "units": "pixel"}
        result = self.sample(image, grid, **convention)
        expected = loops.sample(np.asarray(image, np.float32), np.asarray(grid), **convention)
        assert result.dtype == dtype
        np.testing.assert_allclose(np.asarray(result, np.float32), expected, atol=BFLOAT16_TOLERANCE)

    def test_bfloat16_image_gradient_is_summed_in_float32(self):
        """1000 samples of one pixel: a bfloat16 sum would stop growing at 256."""
        image = jnp.ones((2, 2, 1), jnp.bfloat16)
        grid = jnp.zeros((10, 100, 2))

        def total(image: jax.Array) -> jax.Array:
            sampled = self.sample(image, grid, padding="border", align_corners=False, units="pixel")
            return sampled.astype(jnp.float32).sum()

        gradient = np.asarray(jax.grad(total)(image), np.float32)[..., 0]
        np.testing.assert_allclose(gradient, [[1000.0, 0.0], [0.0, 0.0]], rtol=1 / 256)

    @pytest.mark.parametrize("padding", ["zeros", "border"])
    def test_non_finite_positions(self, key, padding):
        """Infinite positions lie far outside; NaN gives NaN there and nowhere else."""
        image = random_image(key, 3, 3, 1)
        inf, nan = np.inf, np.nan
        grid = jnp.asarray([[(inf, 1.0), (-inf, 1.0), (1.0, inf), (nan, 1.0), (1.0, nan), (1.0, 1.0)]], jnp.float32)
        result = np.asarray(self.sample(image, grid, padding=padding, align_corners=False, units="pixel"))[0, :, 0]
        pixels = np.asarray(image)[..., 0]
        expected = [pixels[1, 2], pixels[1, 0], pixels[2, 1]] if padding == "border" else [0.0, 0.0, 0.0]
        np.testing.assert_allclose(result[:3], expected, atol=TOLERANCE)
        assert np.isnan(result[3:5]).all()
        np.testing.assert_allclose(result[5], pixels[1, 1], atol=TOLERANCE)

    def test_identity_grid_returns_the_image(self, key):
        image = random_image(key, 5, 7)
        for align in (False, True):
            x = np.linspace(-1, 1, 7) if align else (2 * np.arange(7) + 1) / 7 - 1
            y = np.linspace(-1, 1, 5) if align else (2 * np.arange(5) + 1) / 5 - 1
            grid = jnp.asarray(np.stack(np.meshgrid(x, y), axis=-1), jnp.float32)
            result = self.sample(image, grid, padding="zeros", align_corners=align, units="normalised")
            np.testing.assert_allclose(result, image, atol=GRID_TOLERANCE)

    def test_under_vmap_and_jit(self, key):
        image, grid = jax.random.normal(key, (3, 4, 4, 2)), jax.random.uniform(key, (3, 5, 5, 2))

        def one(image: jax.Array, grid: jax.Array) -> jax.Array:
            return self.sample(image, grid, padding="zeros", align_corners=True, units="normalised")

        np.testing.assert_allclose(jax.jit(jax.vmap(one))(image, grid), one(image, grid), atol=TOLERANCE)

    @pytest.mark.parametrize(("batch", "rows"), [(2, 0), (0, 4)])
    def test_nothing_to_read(self, batch, rows):
        def read(image, grid):
            return self.sample(image, grid, padding="zeros", align_corners=False, units="pixel")

        image, grid = jnp.ones((batch, 3, 3, 1)), jnp.zeros((batch, rows, 4, 2))
        out, pullback = jax.vjp(read, image, grid)
        assert out.shape == (batch, rows, 4, 1)
        for gradient, of in zip(pullback(out), (image, grid), strict=True):
            np.testing.assert_array_equal(gradient, jnp.zeros_like(of))
