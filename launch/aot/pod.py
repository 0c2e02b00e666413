"""The whole training step of a configuration, compiled for a pod that is not there.

State, batch and mesh are those that `launch.train` would make, as shapes with shardings: nothing is allocated.
"""

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import Any

import jax
import ml_collections
from jax.sharding import Mesh

from jaxanim.core.errors import InputError
from jaxanim.train import mesh as meshes
from launch import training
from launch.aot import compiler, exchanges
from launch.aot.report import Row

GIB = 2**30
# Main memory of a device, as Google's documentation of each TPU has it; a chip of v2, v3 and tpu7x is two devices.
MEMORY = {
    "TPU v2": 8 * GIB,
    "TPU v3": 16 * GIB,
    "TPU v4": 32 * GIB,
    "TPU v5": 95 * GIB,
    "TPU v5p": 95 * GIB,
    "TPU v5 lite": 16 * GIB,
    "TPU v6 lite": 32 * GIB,
    "TPU7x": 96 * GIB,
}


@dataclasses.dataclass(frozen=True)
class StepProgram:
    """A training step and what it takes.

    Attributes:
      step: compiled when it is called or lowered.
      arguments: state, batch, weights of losses and frozen networks, as shapes with shardings.
      mesh: of the devices.
      gradient_bytes: of all gradients of a step in which every phase runs.
      split: shapes of the parameters that are split over devices.
    """

    step: jax.stages.Wrapped
    arguments: tuple[Any, ...]
    mesh: Mesh
    gradient_bytes: int
    split: tuple[tuple[int, ...], ...]


def program(config: ml_collections.ConfigDict, devices: Sequence[jax.Device]) -> StepProgram:
    """Returns the training step of a configuration for devices, of this machine or of a topology.

    Raises:
      InputError: the configuration does not fit itself, or not so many devices.
    """
    job = training.make_job(config)
    try:
        mesh = meshes.make_mesh(fsdp=config.fsdp, devices=devices)
        rows = meshes.batch_sharding(mesh, config.batch_size)
    except ValueError as error:
        raise InputError(f"config.batch_size={config.batch_size}, config.fsdp={config.fsdp}: {error}") from error
    training.check_parts(mesh, config.batch_size, config.accumulate)
    state, shardings = meshes.abstract(training.make_state(job, config.seed), mesh)
    batch = {name: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=rows) for name, x in job.batch.items()}
    everywhere = meshes.replicated(mesh)
    weights = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=everywhere), jax.eval_shape(lambda: job.weights(0))
    )
    frozen = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=everywhere), jax.eval_shape(lambda: job.frozen)
    )
    step: Any = training.make_step(job, config, shardings)
    leaves = [leaf for phase in job.phases for leaf in jax.tree.leaves(state.params[phase.wrt])]
    split = tuple(leaf.shape for leaf in jax.tree.leaves(state) if not leaf.sharding.is_fully_replicated)
    return StepProgram(step, (state, batch, weights, frozen), mesh, sum(map(_bytes, leaves)), split)


def compile_step(made: StepProgram) -> Row:
    """Compiles a training step and says what it needs.

    Returns:
      The fields of `Compiled` and of the slice, and 'error' where chips fetch each other's part of the batch.

    Raises:
      jax.errors.JaxRuntimeError: the compiler refuses the step.
    """
    said, found = compiler.compile_step(made.step, made.arguments, made.mesh)
    needed = said.argument_bytes + said.output_bytes - said.alias_bytes + said.temp_bytes + said.code_bytes
    row = dataclasses.asdict(said) | {
        "needed_bytes": needed,
        "gradient_bytes": made.gradient_bytes,
        "exchanges": [dataclasses.asdict(each) for each in found],
    }
    if moving := exchanges.of_activations(found, made.split):
        first = max(moving, key=lambda each: each.bytes)
        return row | {
            "error": f"{len(moving)} exchanges of activations, such as {first.kind} of {first.sizes} for {first.source}"
        }
    memory = MEMORY.get(said.device_kind)
    if memory is not None and needed > memory:
        return row | {"error": f"does not fit: needs {needed / GIB:.2f} GiB of a device's {memory / GIB:.0f} GiB"}
    return row


def describe(config: ml_collections.ConfigDict, devices: Sequence[jax.Device]) -> Row:
    """Returns what is known without compiling: the slice, and how the run is split over it."""
    kind = devices[0].device_kind
    return {
        "device_kind": kind,
        "devices": len(devices),
        "chips": len({tuple(getattr(device, "coords", (device.id,))) for device in devices}),
        "hosts": len({device.process_index for device in devices}),
        "fsdp": config.fsdp,
        "batch_size": config.batch_size,
        "accumulate": config.accumulate,
        "compute_dtype": config.compute_dtype,
        "memory_bytes": MEMORY.get(kind),
    }


HEADER = (
    "| slice | chips, hosts | data x fsdp | batch | type | arguments | temporaries | outputs | in all, of a device's "
    "memory | TFLOP | GB accessed | exchanges of a step | compiled in |\n" + "|---" * 13 + "|"
)


def line(row: Row) -> str:
    """Returns a row of the table that begins with `HEADER`. Sizes, FLOPs and accesses are those of one device."""
    data = row["devices"] // row["fsdp"]
    head = f"| {row['target']} | {row['chips']}, {row['hosts']} | {data} x {row['fsdp']} | {row['batch_size']} "
    head += f"| {row['compute_dtype']} "
    if "seconds" not in row:
        return f"{head}| REFUSED: {_reason(row['error'])} |"
    memory = row["memory_bytes"]
    share = f" of {memory / GIB:.0f} GiB, {100 * row['needed_bytes'] / memory:.1f} %" if memory else ""
    cells = [f"{row[key] / GIB:.3f} GiB" for key in ("argument_bytes", "temp_bytes", "output_bytes")]
    cells += [f"{row['needed_bytes'] / GIB:.3f} GiB{share}"]
    cells += [f"{row['flops'] / 1e12:.3f}", f"{row['bytes_accessed'] / 1e9:.1f}"]
    traffic = exchanges.summary(row["collectives"], row["exchange_bytes"])
    cells += [f"{traffic}; gradients {row['gradient_bytes'] / 1e6:.1f} MB", f"{row['seconds']:.0f} s"]
    fault = f" REFUSED: {row['error']}" if "error" in row else ""
    return f"{head}| {' | '.join(cells)} |{fault}"


def _reason(message: str) -> str:
    """Returns what a message says of memory that does not suffice, or its beginning."""
    used = re.search(r"Used (\S+) of (\S+) hbm", message)
    return f"does not fit, needs {used[1]} of {used[2]}" if used else " ".join(message.split())[:400]


def _bytes(leaf: jax.ShapeDtypeStruct) -> int:
    return math.prod(leaf.shape) * leaf.dtype.itemsize
