"""Compiles functions for an H200 that is not there, or, without the CUDA wheels of jax, only lowers them.

Lowering finds what Pallas gets wrong, and needs plain jaxlib. Compiling goes on to machine code and says which memory a
program needs; it takes five wheels (docs/warp.md names them), and neither a GPU nor its driver.
"""

import dataclasses
import importlib.util
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.experimental import topologies
from jax.sharding import AbstractDevice, AbstractMesh, SingleDeviceSharding

from jaxanim.core.errors import InputError
from launch.aot import traffic
from launch.aot.compiled import Compiled

_H200 = AbstractDevice("NVIDIA H200", 132, "gpu")
# What XLA asks of a device, as its GpuTargetConfig.
_TARGET = """
gpu_device_info {
  cuda_compute_capability { major: 9 feature_extension: ACCELERATED_FEATURES }
  core_count: 132 fpus_per_core: 128 clock_rate_ghz: 1.98
  threads_per_warp: 32 threads_per_block_limit: 1024 threads_per_core_limit: 2048
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  shared_memory_per_block: 49152 shared_memory_per_block_optin: 232448 shared_memory_per_core: 233472
  device_memory_size: 150000000000 memory_bandwidth: 4800000000000 l2_cache_size: 62914560
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 }
device_description_str: "NVIDIA H200"
"""
_PLUGINS = ("jax_plugins.xla_cuda13", "jax_plugins.xla_cuda12")
_TRITON_TARGETS = ("__gpu$xla.gpu.triton", "triton_kernel_call_ffi")
_KERNELS = ('custom_call_target="__gpu$xla.gpu.triton"', 'custom_call_target="mosaic_gpu')
_OPTIONS = {"xla_gpu_autotune_level": 0}  # autotuning runs on the device


@dataclasses.dataclass(frozen=True)
class Lowered:
    """What is known of a lowered program.

    Attributes:
      device_kind: what it was lowered for.
      seconds: for tracing and lowering.
      triton_calls: number of Triton kernels.
      text_bytes: length of the program, kernels included.
    """

    device_kind: str
    seconds: float
    triton_calls: int
    text_bytes: int


def can_compile() -> bool:
    """Returns whether the CUDA wheels of jax are installed."""
    return importlib.util.find_spec("jax_plugins") is not None and any(map(importlib.util.find_spec, _PLUGINS))


def compile_for_h200(function: Callable[..., Any], arguments: Sequence[Any]) -> Compiled:
    """Compiles a function for one H200.

    Args:
      function: takes and returns pytrees of arrays.
      arguments: pytrees of `jax.ShapeDtypeStruct`.

    Raises:
      InputError: the CUDA wheels of jax are not installed.
      jax.errors.JaxRuntimeError: the compiler refuses the program; its message says why.
    """
    if not can_compile():
        raise InputError("compiling for GPUs needs the CUDA wheels of jax; docs/warp.md names them")
    start = time.perf_counter()
    topology = topologies.get_topology_desc(
        platform="cuda", topology_name="h200", target_config=_TARGET, topology="1x1x1"
    )
    sharding = SingleDeviceSharding(topology.devices[0])
    placed = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tuple(arguments)
    )
    with jax.sharding.use_abstract_mesh(AbstractMesh((), (), abstract_device=_H200)):
        lowered = jax.jit(function).trace(*placed).lower(lowering_platforms=("cuda",))
    compiled = lowered.compile(compiler_options=_OPTIONS)
    seconds = time.perf_counter() - start
    memory, text = compiled.memory_analysis(), compiled.as_text()
    return Compiled(
        device_kind=_H200.device_kind,
        devices=1,
        seconds=seconds,
        argument_bytes=memory.argument_size_in_bytes,
        output_bytes=memory.output_size_in_bytes,
        temp_bytes=memory.temp_size_in_bytes,
        code_bytes=memory.generated_code_size_in_bytes,
        flops=None,
        bytes_accessed=None,
        main_memory_bytes=traffic.main_memory_bytes(text),
        custom_calls=sum(map(text.count, _KERNELS)),
        collectives={},
    )


def lower_for_cuda(function: Callable[..., Any], arguments: Sequence[Any]) -> Lowered:
    """Lowers a function for one H200.

    Args:
      function: takes and returns pytrees of arrays.
      arguments: pytrees of `jax.ShapeDtypeStruct`.
    """
    start = time.perf_counter()
    with jax.sharding.use_abstract_mesh(AbstractMesh((), (), abstract_device=_H200)):
        text = jax.jit(function).trace(*arguments).lower(lowering_platforms=("cuda",)).as_text()
    return Lowered(_H200.device_kind, time.perf_counter() - start, count_triton_calls(text), len(text))


def count_triton_calls(text: str) -> int:
    """Returns how many Triton kernels a lowered program calls."""
    return sum(text.count(f"@{target}(") for target in _TRITON_TARGETS)
