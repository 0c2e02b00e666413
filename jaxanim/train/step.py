"""From the phases of a system to one compiled training step.

A step runs its phases in order; each sees the parameters as the phases before it have left them. A GAN is a critic's
phase in every step and a generator's in every fifth; a lazy penalty is a phase of the critic's group in every
sixteenth, whose own weight is sixteen times as large; distillation and supervised training are phases of groups that
know nothing of each other. A phase whose loss, gradient or result is not finite changes nothing.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from clu.metrics import Average

from jaxanim.core.system import Phase
from jaxanim.core.types import Array, Bool, Float, Key, Metrics, Params
from jaxanim.train import averages
from jaxanim.train.averages import Averages
from jaxanim.train.state import Optimizers, TrainState


@flax.struct.dataclass
class Inputs:
    """What a phase can look at besides the parameters that it changes; it is the `batch` of `Phase.loss_fn`.

    Attributes:
      data: the batch, or the part of it that is accumulated at a time.
      params: all groups. No gradient reaches them: only the first argument of the loss is differentiated.
      stats: what the system keeps beside its parameters.
      frozen: networks that are never trained, as they were given to the step.
      key: another one for each step, phase and part of a batch.
    """

    data: Any
    params: Params
    stats: Params
    frozen: Any
    key: Key[Array, ""]


View = Callable[[str, Inputs], Any]  # (name of a phase, inputs) -> what its loss gets as `batch`
TrainStep = Callable[[TrainState, Any, Mapping[str, Params], Any], tuple[TrainState, Averages]]


def whole(phase: str, inputs: Inputs) -> Inputs:
    """The view of phases that take all there is."""
    del phase
    return inputs


def data_of_phase(phase: str, inputs: Inputs) -> Any:
    """The view of phases that need their own data and nothing else: batches are dicts by name of the phase."""
    return inputs.data[phase]


def make_train_step(
    phases: Sequence[Phase],
    optimizers: Optimizers,
    *,
    view: View = whole,
    average_decay: Mapping[str, float] | None = None,
    accumulate: int = 1,
    compute_dtype: Mapping[str, Any] | None = None,
    shardings: Any = None,
) -> TrainStep:
    """Returns the compiled step: (state, batch, weights, frozen) -> (state, averages of its metrics).

    `weights` maps names of phases to the weights of their loss terms; `frozen` is any pytree. The state is donated.

    Args:
      phases: what a step does, in order. One of `every` n runs in the steps n - 1, 2 n - 1 and so on.
      optimizers: one for each group; phases of the same group share it.
      view: what each phase's loss gets as its batch.
      average_decay: decay of the running average of each group that the state averages.
      accumulate: in how many equal parts a batch is taken; every array needs a first axis that they divide. Losses
        are means over examples, so that this changes the result by rounding alone.
      compute_dtype: by name of a phase, the type that parameters and weights have in its loss, e.g. bfloat16; data,
        statistics and frozen networks stay as they are, and `view` casts what has to be alike. Parameters,
        gradients and what the optimizer does stay in float32.
      shardings: of the state, as `mesh.born_sharded` returns them, so that the new state lies where the old one did.
    """
    decay, dtypes = dict(average_decay or {}), dict(compute_dtype or {})
    _check(phases, optimizers, dtypes, accumulate)
    gradients = [_gradients(phase, view, accumulate, dtypes.get(phase.name)) for phase in phases]

    def step(state: TrainState, batch: Any, weights: Mapping[str, Params], frozen: Any) -> tuple[TrainState, Averages]:
        if set(decay) != set(state.average):
            raise ValueError(f"average_decay is for {sorted(decay)}, the state averages {sorted(state.average)}")
        if missing := {phase.keeps for phase in phases if phase.keeps} - set(state.stats):
            raise ValueError(
                f"phases keep statistics of {sorted(missing)}, the state has those of {sorted(state.stats)}"
            )
        key, total, sound = jax.random.fold_in(state.key, state.step), dict[str, Average](), jnp.bool_(True)
        for index, phase in enumerate(phases):
            inputs = Inputs(batch, state.params, state.stats, frozen, jax.random.fold_in(key, index))
            update = _update(phase, optimizers[phase.wrt], gradients[index], inputs, weights.get(phase.name, {}))
            kept, optimizer, measured, finite = _when_due(phase, update, state)
            state = dataclasses.replace(
                state,
                params={**state.params, phase.wrt: kept.params},
                stats={**state.stats, phase.keeps: kept.stats} if phase.keeps else state.stats,
                optimizer={**state.optimizer, phase.wrt: optimizer},
            )
            total |= measured
            sound &= finite
        due = [(state.step + 1) % phase.every == 0 for phase in phases if phase.every > 1]
        state = _finish(state, decay, sound, whole=jnp.all(jnp.array(due, bool)))
        return state, total | averages.measured({"skipped_in_a_row": state.skipped_in_a_row})

    return jax.jit(step, donate_argnums=0, out_shardings=None if shardings is None else (shardings, None))


def _check(phases: Sequence[Phase], optimizers: Optimizers, dtypes: Mapping[str, Any], accumulate: int) -> None:
    names = [phase.name for phase in phases]
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"a step needs phases of different names, got {names}")
    if missing := {phase.wrt for phase in phases} - set(optimizers):
        raise ValueError(f"no optimizer for {sorted(missing)}; there are those of {sorted(optimizers)}")
    if unknown := set(dtypes) - set(names):
        raise ValueError(f"compute_dtype names {sorted(unknown)}, the phases are {names}")
    if accumulate < 1 or any(phase.every < 1 for phase in phases):
        raise ValueError(f"accumulate and `every` must be positive, got {accumulate}, {[p.every for p in phases]}")


@flax.struct.dataclass
class _Kept:
    """What a phase may change: its group, and the statistics that its loss returns anew."""

    params: Params
    stats: Params


Gradients = Callable[[Params, Inputs, Params], tuple[Params, tuple[Metrics, Params]]]
Updated = tuple[_Kept, Any, Averages, Bool[Array, ""]]  # what changed, the optimizer's state, metrics, all was finite


def _gradients(phase: Phase, view: View, accumulate: int, dtype: Any) -> Gradients:
    """Returns the function that computes the gradient of a phase's loss, its metrics, and the statistics it keeps."""

    def loss_fn(group: Params, inputs: Inputs, weights: Params) -> tuple[Float[Array, ""], tuple[Metrics, Params]]:
        if dtype is not None:
            # Positions in the data, and small changes of running averages, would be lost: views cast what they need.
            group, params, weights = _cast((group, inputs.params, weights), dtype)
            inputs = dataclasses.replace(inputs, params=params)
        found = phase.loss_fn(group, view(phase.name, inputs), weights)
        loss, metrics = found[0].astype(jnp.float32), found[1]
        kept = found[2] if phase.keeps else {}
        return loss, ({**{name: value.astype(jnp.float32) for name, value in metrics.items()}, "loss": loss}, kept)

    gradient = jax.grad(loss_fn, has_aux=True)
    if accumulate == 1:
        return gradient

    def accumulated(group: Params, inputs: Inputs, weights: Params) -> tuple[Params, tuple[Metrics, Params]]:
        parts = jax.tree.map(lambda leaf: _parts(leaf, accumulate), inputs.data)

        def add(total: Any, part: tuple[Any, Array]) -> tuple[Any, None]:
            data, index = part
            key = jax.random.fold_in(inputs.key, index)
            return jax.tree.map(
                jnp.add, total, gradient(group, dataclasses.replace(inputs, data=data, key=key), weights)
            ), None

        first = dataclasses.replace(inputs, data=jax.tree.map(lambda leaf: leaf[0], parts))
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(gradient, group, first, weights))
        total, _ = jax.lax.scan(add, zeros, (parts, jnp.arange(accumulate)))
        return jax.tree.map(lambda leaf: leaf / accumulate, total)

    return accumulated


def _parts(leaf: Array, count: int) -> Array:
    """Splits the first axis so that each part takes rows of every device: nothing moves between devices."""
    if leaf.ndim == 0 or leaf.shape[0] % count:
        raise ValueError(f"an array of shape {leaf.shape} of the batch does not split into {count} parts")
    return jnp.moveaxis(leaf.reshape(leaf.shape[0] // count, count, *leaf.shape[1:]), 1, 0)


def _cast(tree: Any, dtype: Any) -> Any:
    def cast(leaf: Any) -> Any:
        return leaf.astype(dtype) if getattr(leaf, "dtype", None) == jnp.float32 else leaf

    return jax.tree.map(cast, tree)


def _update(
    phase: Phase, optimizer: optax.GradientTransformation, gradients: Gradients, inputs: Inputs, weights: Params
) -> Callable[[_Kept, Any], Updated]:
    """Returns what a phase does to its group when it runs."""

    def update(kept: _Kept, optimizer_state: Any) -> Updated:
        group = kept.params
        gradient, (metrics, stats) = gradients(group, inputs, weights)
        metrics["gradient_norm"] = _norm(gradient)
        with jax.numpy_dtype_promotion("standard"):  # optax raises floats to the power of a step's number
            updates, new_optimizer = optimizer.update(gradient, optimizer_state, group)
            new_group = optax.apply_updates(group, updates)
        old, new = (kept, optimizer_state), (_Kept(new_group, stats), new_optimizer)
        finite = _all_finite((gradient, metrics["loss"], new_group, stats)) & _stays_finite(old, new)
        now, now_optimizer = jax.tree.map(lambda a, b: jnp.where(finite, a, b), new, old)
        named = {f"{phase.name}/{name}": value for name, value in metrics.items()}
        skipped = averages.measured({f"{phase.name}/skipped": 1.0 - finite.astype(jnp.float32)})
        return now, now_optimizer, averages.measured(named, finite) | skipped, finite

    return update


def _when_due(phase: Phase, update: Callable[[_Kept, Any], Updated], state: TrainState) -> Updated:
    """Runs a phase in the steps in which it is due; in the others it measures nothing."""
    stats = state.stats[phase.keeps] if phase.keeps else {}
    kept, optimizer = _Kept(state.params[phase.wrt], stats), state.optimizer[phase.wrt]
    if phase.every == 1:
        return update(kept, optimizer)

    def rest(kept: _Kept, optimizer: Any) -> Updated:
        measured = jax.eval_shape(update, kept, optimizer)[2]
        return kept, optimizer, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), measured), jnp.bool_(True)

    return jax.lax.cond((state.step + 1) % phase.every == 0, update, rest, kept, optimizer)


def _norm(tree: Any) -> Float[Array, ""]:
    return jnp.sqrt(jnp.sum(jnp.stack([jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)])))


def _all_finite(tree: Any) -> Bool[Array, ""]:
    leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    return _all([jnp.all(jnp.isfinite(leaf)) for leaf in leaves])


def _stays_finite(old: Any, new: Any) -> Bool[Array, ""]:
    """Whether every number that was finite still is: optimizers may hold an infinity on purpose."""
    pairs = zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True)
    sound = [jnp.all(jnp.isfinite(b) | ~jnp.isfinite(a)) for a, b in pairs if jnp.issubdtype(b.dtype, jnp.inexact)]
    return _all(sound)


def _all(truths: Sequence[Bool[Array, ""]]) -> Bool[Array, ""]:
    """Joins truths by sorting them.

    XLA fuses anything simpler into each of the arrays that it decides about, with all that it depends on: with the
    hundreds of arrays of a large network it then compiles for half an hour.
    """
    return jnp.sort(jnp.stack(truths).astype(jnp.int32))[0] > 0


def _finish(
    state: TrainState, decay: Mapping[str, float], sound: Bool[Array, ""], *, whole: Bool[Array, ""]
) -> TrainState:
    """Counts the step and moves the running averages, those of a skipped step not.

    A sound step in which a phase rested, so that it is not `whole`, says nothing of whether that phase recovered.
    """

    def move(average: Array, value: Array, rate: float) -> Array:
        return jnp.where(sound, average + (1.0 - rate) * (value - average), average)

    average = {
        group: jax.tree.map(lambda a, b, rate=rate: move(a, b, rate), state.average[group], state.params[group])
        for group, rate in decay.items()
    }
    bad = 1 - sound.astype(jnp.int32)
    return dataclasses.replace(
        state,
        step=state.step + 1,
        average=average,
        skipped=state.skipped + bad,
        skipped_in_a_row=jnp.where(sound & whole, 0, state.skipped_in_a_row + bad),
    )
