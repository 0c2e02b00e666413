"""The bilinear warp that every system lives on: `grid_sample`, its reference and its backends."""

from jaxanim.ops.grid_sample.api import Implementation, grid_sample
from jaxanim.ops.grid_sample.reference import Padding, Units, sample_image

__all__ = ["Implementation", "Padding", "Units", "grid_sample", "sample_image"]
