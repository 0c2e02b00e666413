"""Compiles functions for TPUs without owning one, and says what the compiled program needs.

libtpu holds the whole compiler and takes the name of a topology in place of devices, such as 'v5e:16x16' for 256 chips.
It finds what only the real target shows: kernels that Mosaic refuses, memory that does not suffice, and arrays that a
whole slice would gather on every chip. Not for processes that use a TPU: the environment it sets keeps libtpu from
looking for one.
"""

import contextlib
import importlib.util
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import topologies
from jax.sharding import AbstractDevice, AbstractMesh, Mesh, SingleDeviceSharding

from jaxanim.core.errors import InputError
from launch.aot import exchanges, traffic
from launch.aot.compiled import Compiled

EXAMPLES = "v4:2x2x1, v5e:2x2, v5e:16x16, v5p:2x2x1, v6e:2x2, tpu7x:2x2x1"
# libtpu looks for a host with TPUs, on the network too, and complains; for compiling any valid value will do.
_ENVIRONMENT = {
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # otherwise the lock of whoever owns a device, or compiles, keeps us out
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_WORKER_ID": "0",
}


def compile_for(
    function: Callable[..., Any], arguments: Sequence[Any], target: str | Mesh, *, donate: Sequence[int] = ()
) -> Compiled:
    """Compiles a function for one chip of a topology, or for all devices of a mesh.

    Args:
      function: takes and returns pytrees of arrays.
      arguments: pytrees of `jax.ShapeDtypeStruct`; for a mesh, with shardings over it.
      target: name of a topology, for one of its chips; or what `mesh_of` returned.
      donate: numbers of the arguments whose memory the function may reuse.

    Raises:
      InputError: libtpu is not installed, or does not know the topology.
      jax.errors.JaxRuntimeError: the compiler refuses the program; its message says why.
    """
    start = time.perf_counter()
    placed, context, device, count = _place(tuple(arguments), target)
    with context:
        traced = jax.jit(function, donate_argnums=tuple(donate)).trace(*placed)
        compiled = traced.lower(lowering_platforms=(device.platform,)).compile()
    return _said(compiled, time.perf_counter() - start, device, count)[0]


def compile_step(
    step: jax.stages.Wrapped, arguments: Sequence[Any], mesh: Mesh
) -> tuple[Compiled, list[exchanges.Exchange]]:
    """Compiles a function, as `jax.jit` returned it, for all devices of a mesh.

    Args:
      step: with its own donation and shardings of results.
      arguments: pytrees of `jax.ShapeDtypeStruct` with shardings over the mesh.
      mesh: of a topology's devices, or of those that are here.

    Returns:
      What the compiler says, and every exchange between devices.

    Raises:
      jax.errors.JaxRuntimeError: the compiler refuses the program; its message says why.
    """
    start, device = time.perf_counter(), mesh.devices.flat[0]
    with jax.set_mesh(mesh):
        compiled = step.trace(*arguments).lower(lowering_platforms=(device.platform,)).compile()
    return _said(compiled, time.perf_counter() - start, device, mesh.size)


def _said(
    compiled: jax.stages.Compiled, seconds: float, device: jax.Device, count: int
) -> tuple[Compiled, list[exchanges.Exchange]]:
    memory, cost, text = compiled.memory_analysis(), compiled.cost_analysis(), compiled.as_text()
    if memory is None or cost is None or text is None:
        raise NotImplementedError(f"the compiler for {device.device_kind} says nothing of its programs")
    found = exchanges.find(text)
    said = Compiled(
        device_kind=device.device_kind,
        devices=count,
        seconds=seconds,
        argument_bytes=memory.argument_size_in_bytes,
        output_bytes=memory.output_size_in_bytes,
        temp_bytes=memory.temp_size_in_bytes,
        code_bytes=memory.generated_code_size_in_bytes,
        flops=float(cost.get("flops", 0.0)),
        bytes_accessed=float(cost.get("bytes accessed", 0.0)),
        main_memory_bytes=traffic.main_memory_bytes(text),
        custom_calls=count_custom_calls(text),
        collectives=exchanges.count(found),
        exchange_bytes=exchanges.total_bytes(found),
        peak_bytes=memory.peak_memory_in_bytes or None,
        alias_bytes=memory.alias_size_in_bytes,
    )
    return said, found


def mesh_of(topology: str, axis: str) -> Mesh:
    """Returns all devices of a topology as a mesh of one axis.

    Raises:
      InputError: libtpu is not installed, or does not know the topology.
    """
    return Mesh(np.asarray(devices_of(topology)), (axis,))


def devices_of(topology: str) -> Sequence[jax.Device]:
    """Returns all devices of a topology. They can be compiled for, nothing else.

    Raises:
      InputError: libtpu is not installed, or does not know the topology.
    """
    if importlib.util.find_spec("libtpu") is None:
        raise InputError("libtpu, the compiler for TPUs, is not installed: pip install '.[aot]' (Linux only)")
    if not topology:  # libtpu would take some topology of its own choice
        raise InputError(f"topology must not be empty, but a name such as {EXAMPLES}")
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        return topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    except jax.errors.JaxRuntimeError as error:
        raise InputError(f"libtpu has no topology {topology!r}, but such as {EXAMPLES}: {error}") from error


def count_custom_calls(text: str) -> int:
    """Returns how many TPU kernels a compiled program calls."""
    return text.count(traffic.KERNEL)


def _place(
    arguments: tuple[Any, ...], target: str | Mesh
) -> tuple[tuple[Any, ...], contextlib.AbstractContextManager[Any], jax.Device, int]:
    """Returns arguments on the target, the context that tells Pallas what it lowers for, and the target's devices."""
    if isinstance(target, Mesh):
        return arguments, jax.set_mesh(target), target.devices.flat[0], target.size
    device = devices_of(target)[0]
    sharding = SingleDeviceSharding(device)
    placed = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), arguments)
    kind = AbstractDevice(device.device_kind, device.num_cores, "tpu")
    return placed, jax.sharding.use_abstract_mesh(AbstractMesh((), (), abstract_device=kind)), device, 1
