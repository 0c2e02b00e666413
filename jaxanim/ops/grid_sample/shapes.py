"""The sizes at which the warp really occurs, by name: what kernels are compiled, tested and timed for.

Images are NHWC; the output has `rows` x `columns` positions. Batches are those of one device.
"""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class WarpShape:
    """One warp: its image, its output, and where it occurs."""

    name: str
    batch: int
    height: int
    width: int
    channels: int
    rows: int
    columns: int
    dtype: Literal["float32", "bfloat16"]
    where: str

    def image(self) -> jax.ShapeDtypeStruct:
        """Returns shape and type of the images."""
        return jax.ShapeDtypeStruct((self.batch, self.height, self.width, self.channels), jnp.dtype(self.dtype))

    def grid(self) -> jax.ShapeDtypeStruct:
        """Returns shape and type of the grids."""
        return jax.ShapeDtypeStruct((self.batch, self.rows, self.columns, 2), jnp.float32)

    def output(self) -> jax.ShapeDtypeStruct:
        """Returns shape and type of the result."""
        return jax.ShapeDtypeStruct((self.batch, self.rows, self.columns, self.channels), jnp.dtype(self.dtype))


def _same_size(
    name: str, size: tuple[int, int, int, int], where: str, dtype: Literal["float32", "bfloat16"] = "float32"
) -> WarpShape:
    """A warp whose output is of its image's size, (batch, height, width, channels)."""
    batch, height, width, channels = size
    return WarpShape(name, batch, height, width, channels, height, width, dtype, where)


_GDPW = "feature map of the GDPW generator"
_ALL = (
    _same_size("tha4", (1, 512, 512, 4), "THA4: student, face and body, one frame with transparency"),
    _same_size("reswarp-4k", (1, 2160, 3840, 3), "ResWarp: photo in 4K"),
    _same_size("reswarp-1024", (1, 1024, 1024, 3), "ResWarp: photo of 1024 x 1024"),
    _same_size("gdpw-64", (1, 64, 64, 512), _GDPW),
    _same_size("gdpw-128", (1, 128, 128, 256), _GDPW),
    _same_size("gdpw-256", (1, 256, 256, 128), _GDPW),
    _same_size("gdpw-512", (1, 512, 512, 64), _GDPW),
    _same_size("gdpw-64-bf16", (1, 64, 64, 512), _GDPW, "bfloat16"),
    _same_size("gdpw-128-bf16", (1, 128, 128, 256), _GDPW, "bfloat16"),
    _same_size("gdpw-256-bf16", (1, 256, 256, 128), _GDPW, "bfloat16"),
    _same_size("gdpw-512-bf16", (1, 512, 512, 64), _GDPW, "bfloat16"),
    _same_size("train-128", (16, 128, 128, 3), "F3A and ATW: training batch of a device"),
    _same_size("train-256", (8, 256, 256, 3), "F3A and ATW: training batch of a device"),
)
SHAPES = {shape.name: shape for shape in _ALL}
