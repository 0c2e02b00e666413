"""The warp as Pallas kernels for TPUs: every output tile multiplies the part of the image that it needs."""

from jaxanim.ops.grid_sample.pallas_tpu.choice import read

__all__ = ["read"]
