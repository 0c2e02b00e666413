"""Lowers functions for NVIDIA GPUs with plain jaxlib: kernels are checked as far as Triton's input, not compiled.

Compiling for a GPU that is not there needs the CUDA wheels of jax (1.3 GB) and private functions; this needs neither,
and finds what our kernels get wrong before they leave jax.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import AbstractDevice, AbstractMesh

_H200 = AbstractDevice("NVIDIA H200", 132, "gpu")
_TRITON_TARGETS = ("__gpu$xla.gpu.triton", "triton_kernel_call_ffi")


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
