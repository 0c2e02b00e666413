"""The bilinear warp that every system lives on: `grid_sample`, its reference and its backends."""

from jaxanim.ops.grid_sample.api import grid_sample
from jaxanim.ops.grid_sample.dispatch import Implementation
from jaxanim.ops.grid_sample.positions import Padding, Units
from jaxanim.ops.grid_sample.reference import sample_image
from jaxanim.ops.grid_sample.sharding import grid_sample_sharded

__all__ = ["Implementation", "Padding", "Units", "grid_sample", "grid_sample_sharded", "sample_image"]
