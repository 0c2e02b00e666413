"""Compiles for devices that are not there: TPU slices of any size; kernels for NVIDIA GPUs as far as jaxlib goes."""

from launch.aot.compiler import Compiled, compile_for, mesh_of
from launch.aot.cuda import Lowered, lower_for_cuda

__all__ = ["Compiled", "Lowered", "compile_for", "lower_for_cuda", "mesh_of"]
