"""Where arrays live: one mesh with two axes, batches split over both, parameters by rules, born in their place.

Axis `data` repeats the parameters, axis `fsdp` may split them; a batch is split over all devices. The devices of a
process lie next to each other along `fsdp` first, so that what is gathered often travels the shortest way, and so
that every process holds one stretch of the batch (see `jaxanim.data.placement`).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

State = TypeVar("State")
Rule = tuple[str, PartitionSpec | None]  # regular expression of a path -> how to split; None: see `largest_axis`
REPLICATED = PartitionSpec()
# The first rule that matches counts. Paths look like `params/gen/conv/kernel` or `optimizer/gen/0/mu/conv/kernel`.
RULES: tuple[Rule, ...] = (
    (r"/(bias|scale)$", REPLICATED),
    (r"^(params|average|optimizer)/", None),
    (r"", REPLICATED),
)
SMALLEST = 2**14  # numbers in an array that is worth splitting


def make_mesh(*, fsdp: int = 1, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Returns the mesh of all devices, or of those given.

    Args:
      fsdp: over how many devices parameters are split; 1 keeps them whole everywhere. The rest is `data`.
      devices: all of every process by default.
    """
    chosen = sorted(devices or jax.devices(), key=lambda device: (device.process_index, device.id))
    if fsdp < 1 or len(chosen) % fsdp:
        raise ValueError(f"fsdp must divide the number of devices, {len(chosen)}, got {fsdp}")
    grid = np.array(chosen).reshape(-1, fsdp)
    return Mesh(grid, ("data", "fsdp"), axis_types=(AxisType.Auto, AxisType.Auto))


def batch_sharding(mesh: Mesh, batch_size: int) -> NamedSharding:
    """Returns how the first axis of a batch is split: over all devices.

    Args:
      mesh: of the run.
      batch_size: examples in the batch of all hosts.
    """
    if batch_size % mesh.size:
        raise ValueError(f"a batch of {batch_size} does not divide over {mesh.size} devices")
    return NamedSharding(mesh, PartitionSpec(("data", "fsdp")))


def replicated(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of what every device holds whole, e.g. frozen networks and weights of losses."""
    return NamedSharding(mesh, REPLICATED)


def largest_axis(shape: tuple[int, ...], parts: int) -> PartitionSpec:
    """Splits the largest axis that `parts` divides, the last one of equals; small arrays stay whole."""
    fitting = [axis for axis, size in enumerate(shape) if size % parts == 0]
    if parts == 1 or not fitting or np.prod(shape) < SMALLEST:
        return REPLICATED
    axis = max(fitting, key=lambda each: (shape[each], each))
    return PartitionSpec(*[None] * axis, "fsdp")


def shardings_of(state: Any, mesh: Mesh, rules: Sequence[Rule] = RULES) -> Any:
    """Returns the sharding of every array of a pytree.

    Args:
      state: arrays or their shapes.
      mesh: of the run.
      rules: in order; every path must match one.
    """

    def choose(path: Any, leaf: Any) -> NamedSharding:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        for pattern, spec in rules:
            if re.search(pattern, name):
                chosen = largest_axis(leaf.shape, mesh.shape["fsdp"]) if spec is None else spec
                return _fitting(name, leaf.shape, NamedSharding(mesh, chosen))
        raise ValueError(f"no rule says how {name} is split; the rules are {[pattern for pattern, _ in rules]}")

    return jax.tree_util.tree_map_with_path(choose, state)


def born_sharded(init: Callable[[], State], mesh: Mesh, rules: Sequence[Rule] = RULES) -> tuple[State, State]:
    """Makes a state whose arrays are computed where they live; no device ever holds what it does not keep.

    Args:
      init: makes the state, e.g. `lambda: new_state(key, system.init(key), optimizers)`.
      mesh: of the run.
      rules: see `shardings_of`.

    Returns:
      The state, and its shardings in the same structure, for `make_train_step`.
    """
    shardings = shardings_of(jax.eval_shape(init), mesh, rules)
    return jax.jit(init, out_shardings=shardings)(), shardings


def abstract(init: Callable[[], Any], mesh: Mesh, rules: Sequence[Rule] = RULES) -> tuple[Any, Any]:
    """Returns shapes and shardings of the state that `born_sharded` would make: what a checkpoint is restored to."""
    shapes = jax.eval_shape(init)
    shardings = shardings_of(shapes, mesh, rules)
    placed = jax.tree.map(lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), shapes, shardings)
    return placed, shardings


def _fitting(name: str, shape: tuple[int, ...], sharding: NamedSharding) -> NamedSharding:
    try:
        sharding.shard_shape(shape)
    except ValueError as error:
        raise ValueError(f"{name} of shape {shape} cannot be split as {sharding.spec}: {error}") from error
    return sharding
