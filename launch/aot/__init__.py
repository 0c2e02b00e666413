"""Compiles for devices that are not there: TPU slices of any size, and an H200."""

from launch.aot.compiled import Compiled
from launch.aot.compiler import compile_for, mesh_of
from launch.aot.cuda import Lowered, compile_for_h200, lower_for_cuda

__all__ = ["Compiled", "Lowered", "compile_for", "compile_for_h200", "lower_for_cuda", "mesh_of"]
