"""The warp as Pallas kernels for TPUs: every output tile multiplies the part of the image that it needs."""

from jaxanim.ops.grid_sample.pallas_tpu.chunks import read

__all__ = ["read"]
