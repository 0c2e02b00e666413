"""The warp as Pallas kernels for NVIDIA GPUs: through Triton, and through Mosaic, its successor."""

from jaxanim.ops.grid_sample.pallas_gpu.mosaic import read as read_mosaic
from jaxanim.ops.grid_sample.pallas_gpu.triton import read as read_triton

__all__ = ["read_mosaic", "read_triton"]
