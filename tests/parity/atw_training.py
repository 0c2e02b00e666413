"""Parity entries of ATW's losses, gradients and first steps.

The checkpoint is a folder with one `NAME.npz` or `.pt` for each of the three networks that the golden names, drawn with
the golden's own gains.

Everything is compared twice: as it runs, in float32, and in float64 (`exact/...`), where nothing is left of rounding.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxanim.core.types import Params
from jaxanim.losses import adversarial
from jaxanim.nn.apply import apply
from jaxanim.systems.atw import ATW_OFFICIAL, Batch, Design, networks, objectives, presets
from jaxanim.systems.atw.objectives import DISCRIMINATOR, GENERATOR, WARP_DISCRIMINATOR
from jaxanim.weights import name_table
from tests.parity import atw, checkpoints, float64, goldens
from tests.parity.atw import Golden, Report
from tests.parity.goldens import TOLERANCE_FACTOR

Shapes = Mapping[str, tuple[int, ...]]

IN_METADATA = {GENERATOR: "generator", DISCRIMINATOR: "dis", WARP_DISCRIMINATOR: "dis_warp"}
SMOOTH_GRADIENT = 0.03
# In float64, relative, of losses and gradients; some goldens keep these in float32.
EXACT, EXACT_GRADIENT = 1e-9, 5e-7
# In float32, a feature that rounding moves over a leaky rectifier's kink changes the penalty's gradient by this much;
# whether one does is chance, and changes with the number of cores, so the discriminators' floor is that of both goldens
# with ordinary flows. In `train_class` it is one of the first layer, whose kernel and bias alone differ (6e-4, the
# other layers 1e-6).
KINK_NOISE = 1.3e-3
# Of the penalty, the floor is what is stated, unless rounding of the generated pictures alone, by ROUNDING
# (root mean square; the goldens have up to 7e-5), makes the penalty's slope jump: then, ten times the jump.
ROUNDING, ROUNDINGS = 1e-6, 8
TRAJECTORY = 1e-2  # absolute; Adam's first step is a sign, which rounding turns where a gradient is near 0


def training(folder: Path, golden: Golden) -> Report:
    """Loss terms, the gradient penalty's slope, the cycle, gradients of all parameters, and the first three steps."""
    design, meta = atw.DESIGNS[golden["meta"]["kind"]], golden["meta"]
    folder = folder if folder.is_dir() else folder.parent
    paths = {group: _network_file(folder, meta[name]) for group, name in IN_METADATA.items()}
    params = {group: atw.params_of(group, design, path) for group, path in paths.items()}
    run = Training(design, golden)
    report: Report = {}
    jumps = 0.0
    if "gp_norms" in golden:
        found, jumps = _penalty(run, params, golden)
        report |= _cycle(run, params, golden) | found
    losses, gradients = run.losses(params, 0)
    for name, value in losses.items():
        want = golden["losses_f64"][list(golden["loss_names"]).index(name)]
        # The penalty is the square of 1 less the length, which is far below 1: it moves twice as much.
        noise = max(meta["f32_noise"]["losses_rel"], 2 * jumps if name in ("dis_gp", "dis") else 0.0)
        report[f"loss/{name}"] = goldens.deviation(np.array([value / want - 1.0]), (TOLERANCE_FACTOR * noise,) * 3)
    shapes = {
        group: {key: x.shape for key, x in goldens.read_checkpoint(path).items()} for group, path in paths.items()
    }
    for group in IN_METADATA:
        report |= _gradients(gradients[group], golden, group, shapes[group], _limit(golden, group))
    report |= _trajectory(run, params, golden, _steps_limits(golden), TRAJECTORY) if "traj" in golden else {}
    return report | {f"exact/{name}": found for name, found in _exact(design, params, golden, shapes).items()}


def _exact(design: Design, params: Params, golden: Golden, shapes: Mapping[str, Shapes]) -> Report:
    """Compares, in float64, what the goldens hold of float64: losses, all gradients, and losses of the first steps.

    The penalty's slope is theirs in float32, and so are judgements after the last step; kinks are crossed there, too.
    """
    report: Report = {}
    with float64.computing(networks.flows):
        run, params = Training(design, golden, np.float64), float64.widened(params)
        losses, gradients = run.losses(params, 0)
        for name, value in losses.items():
            want = golden["losses_f64"][list(golden["loss_names"]).index(name)]
            report[f"loss/{name}"] = goldens.deviation(np.array([value / want - 1.0]), (EXACT,) * 3)
        for group in IN_METADATA:
            report |= _gradients(gradients[group], golden, group, shapes[group], EXACT_GRADIENT)
        if "traj" in golden:
            report |= _trajectory(run, params, golden, (EXACT,) * 3, TRAJECTORY)
    return report


def _network_file(folder: Path, name: str) -> Path:
    found = [folder / f"{name}{suffix}" for suffix in (".npz", ".pt", ".pth")]
    return next((path for path in found if path.is_file()), found[0])


class Training:
    """The three phases of the official objective on the batch of a golden."""

    def __init__(self, design: Design, golden: Golden, dtype: Any = np.float32) -> None:
        self.design = design
        self.image = jnp.asarray(atw.pictures(golden), dtype)
        self.source = jnp.asarray(atw.rows(golden["in_src_drive"], design), dtype)
        self.target = jnp.asarray(atw.rows(golden["in_tar_drive"], design), dtype)
        self.shares = golden["gp_alpha"].reshape(len(golden["gp_alpha"]), -1).astype(dtype)
        self.phases = {
            phase.wrt: jax.jit(jax.value_and_grad(phase.loss_fn, has_aux=True))
            for phase in objectives.phases(design, ATW_OFFICIAL)
        }

    def run(self, group: str, params: Params, number: int) -> tuple[dict[str, float], Params]:
        """Returns terms and gradients of one phase; `number` chooses the shares of the gradient penalty."""
        batch = Batch(self.image, self.source, self.target, jnp.asarray(self.shares[number]), params)
        (_, terms), gradient = self.phases[group](params[group], batch, ATW_OFFICIAL.weights())
        return official_losses(group, {name: float(value) for name, value in terms.items()}), gradient

    def losses(self, params: Params, number: int) -> tuple[dict[str, float], dict[str, Params]]:
        """Returns all official losses, and the gradients of each group."""
        done = {group: self.run(group, params, number) for group in self.phases}
        losses = {name: value for terms, _ in done.values() for name, value in terms.items()}
        return losses, {group: gradient for group, (_, gradient) in done.items()}


def official_losses(group: str, terms: dict[str, float]) -> dict[str, float]:
    """Names our terms as the official code does, its weighted sums included."""
    if group == DISCRIMINATOR:
        names = {"dis_real": "adv_real", "dis_fake": "adv_fake", "dis_real_aus": "drv", "dis_gp": "gp", "dis": "total"}
        return {name: terms[ours] for name, ours in names.items()}
    if group == WARP_DISCRIMINATOR:
        return {"dis_warp": terms["total"]}
    weight = ATW_OFFICIAL.weights()
    cycle, refinement = terms["cyc"] + terms["cyc_warp"], terms["ref"] + terms["ref_cycle"]
    losses = {"gen_GAN": terms["adv"], "gen_fake_aus": terms["drv"], "gen_warp_aus": terms["warp"], "gen_rec": cycle}
    losses |= {"ref": terms["ref"], "ref_rec": terms["ref_cycle"], "gen": terms["total"]}
    losses |= {"fake": weight["adv"] * terms["adv"] + weight["drv"] * terms["drv"], "rec": weight["cyc"] * cycle}
    return losses | {"refine": weight["ref"] * refinement, "warp": weight["warp"] * terms["warp"]}


def _limits(golden: Golden, name: str) -> tuple[float, float, float]:
    largest, high, mean = (TOLERANCE_FACTOR * noise for noise in golden["meta"]["f32_noise"][name])
    return largest, high, mean


def _cycle(run: Training, params: Params, golden: Golden) -> Report:
    def there_and_back(params: Params) -> networks.Generated:
        made = objectives.generate(run.design, params, run.image, run.target)
        return objectives.generate(run.design, params, made.image, run.source)

    back = jax.jit(there_and_back)(params[GENERATOR])
    report = {}
    for name, values in (("rec_flow", back.motion), ("rec_warp", back.warped), ("rec_refined", back.image)):
        ours = np.asarray(values, np.float64)
        ours = ours if name == "rec_flow" else ours.transpose(0, 3, 1, 2)
        report[name] = atw.strided(golden, name, ours, _limits(golden, name))
    return report


def _penalty(run: Training, params: Params, golden: Golden) -> tuple[Report, float]:
    """Compares the slope whose length the penalty takes, and the penalty with those lengths.

    Returns the comparison, and by what share rounding changes a length.
    """
    network = objectives.discriminator(run.design, adversarial=True)
    share = jnp.asarray(run.shares[0])

    def patches(images: jax.Array) -> jax.Array:
        return apply(network, params[DISCRIMINATOR], images).adversarial

    @jax.jit
    def slope_and_penalty(fake: jax.Array) -> tuple[jax.Array, jax.Array]:
        weight = share[:, None, None, None]
        slope = jax.grad(lambda images: patches(images).sum())(weight * run.image + (1.0 - weight) * fake)
        return slope, adversarial.gradient_penalty(patches, run.image, fake, share, reduction="sum")

    step = int(next(key for key in golden if key.startswith("gp_grad_s")).removeprefix("gp_grad_s"))

    def look(fake: jax.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        slope, penalty = (np.asarray(each, np.float64) for each in slope_and_penalty(fake))
        lengths = np.sqrt(np.square(slope).sum(axis=(1, 2, 3)))
        return slope.transpose(0, 3, 1, 2)[:, :, ::step, ::step], lengths, penalty

    made = jax.jit(lambda p: objectives.generate(run.design, p, run.image, run.target).image)(params[GENERATOR])
    sampled, lengths, penalty = look(made)
    slopes, jumps = np.array(_limits(golden, "gp_grad")), 0.0
    for key in jax.random.split(jax.random.key(0), ROUNDINGS):
        other, other_lengths, _ = look(made + ROUNDING * jax.random.normal(key, made.shape))
        jump = goldens.deviation(other - sampled, (0.0,) * 3)
        slopes = np.maximum(slopes, TOLERANCE_FACTOR * np.array([jump.max_abs, jump.p999, jump.mean_abs]))
        jumps = max(jumps, float(np.abs(other_lengths / lengths - 1.0).max()))
    noise = max(golden["meta"]["f32_noise"]["losses_rel"], jumps)
    return {
        "gp_grad": goldens.deviation(sampled - golden[f"gp_grad_s{step}"], tuple(slopes.tolist())),
        "gp_norms": goldens.deviation(lengths / golden["gp_norms"] - 1.0, (TOLERANCE_FACTOR * noise,) * 3),
        "gp_norms/penalty": goldens.deviation(penalty - (lengths - 1.0) ** 2, (1e-5,) * 3),
    }, jumps


def _limit(golden: Golden, group: str) -> float:
    """Returns how far gradients of a group may be off in float32, as a share of their lengths."""
    if group != GENERATOR:
        return TOLERANCE_FACTOR * KINK_NOISE
    stated: float = TOLERANCE_FACTOR * golden["meta"]["f32_noise"]["grad_gen_rel"]
    return SMOOTH_GRADIENT if golden["meta"]["gain_override"] else stated


def _gradients(gradient: Params, golden: Golden, group: str, shapes: Shapes, limit: float) -> Report:
    """Compares each tensor's length, and its product with a random tensor, both relative to the length."""
    name = {DISCRIMINATOR: "dis", WARP_DISCRIMINATOR: "dis_warp"}.get(group, "gen")
    flat, index = name_table.flatten(gradient), {key: k for k, key in enumerate(golden[f"grad_{name}_keys"])}
    report = {}
    for row in atw.TABLES[group]:
        shape = shapes[row.source]
        probe = 10 * checkpoints.draw("probe.", f"{row.source}.bias", (int(np.prod(shape)),)).astype(np.float64)
        ours = np.asarray(flat[row.path], np.float64)
        length = golden[f"grad_{name}_l2_f64"][index[row.source]]
        product = golden[f"grad_{name}_dot_f64"][index[row.source]]
        along = (ours * row.layout(probe.reshape(shape))).sum()
        error = np.array([np.linalg.norm(ours) / length - 1.0, (along - product) / length])
        report[f"gradient/{group}/{row.source}"] = goldens.deviation(error, (limit,) * 3)
    return report


def _steps_limits(golden: Golden) -> list[float]:
    """Returns how far losses of the first steps may be off in float32."""
    spacing = [float(np.spacing(np.float32(np.abs(losses).max()))) for losses in golden["traj_f64"]]
    stated = golden["meta"]["f32_noise"]["traj_abs"]  # no number of float32 is nearer than the spacing
    return [min(TOLERANCE_FACTOR * max(each), TRAJECTORY) for each in zip(stated, spacing, strict=True)]


def _trajectory(run: Training, params: Params, golden: Golden, limits: Sequence[float], last: float) -> Report:
    """Three steps in the official order; the generator learns in the first and the last.

    Its losses are those of the discriminators that have already stepped, on pictures made before.

    Args:
      run: of the golden.
      params: before the first step.
      golden: to compare with.
      limits: of the losses of each step.
      last: of what the discriminators say after the last.
    """
    optimizer = optax.adam(presets.LEARNING_RATE, b1=presets.BETAS[0], b2=presets.BETAS[1], eps=1e-8)
    names = list(golden["loss_names"])
    params = dict(params)
    states = {group: optimizer.init(params[group]) for group in params}

    @jax.jit
    def stepped(gradient: Params, state: Any, params: Params) -> tuple[Params, Any]:
        with jax.numpy_dtype_promotion("standard"):  # optax raises a float to an integer power
            updates, state = optimizer.update(gradient, state)
            return optax.apply_updates(params, updates), state

    report = {}
    for number in range(3):
        trained = [DISCRIMINATOR, WARP_DISCRIMINATOR, *([GENERATOR] if number != 1 else [])]
        losses = {}
        for group in trained:
            terms, gradient = run.run(group, params, 1 + number)
            params[group], states[group] = stepped(gradient, states[group], params[group])
            losses |= terms
        error = np.array([value - golden["traj_f64"][number, names.index(name)] for name, value in losses.items()])
        report[f"step{number}"] = goldens.deviation(error, (limits[number],) * 3)
    for group, name in ((DISCRIMINATOR, "final_dis_drv_real"), (WARP_DISCRIMINATOR, "final_dis_warp_drv_real")):
        network = objectives.discriminator(run.design, adversarial=group == DISCRIMINATOR)
        judged = jax.jit(lambda params, network=network: apply(network, params, run.image).drive)(params[group])
        report[name] = goldens.deviation(np.asarray(judged, np.float64) - golden[name], (last,) * 3)
    return report


ENTRIES: dict[str, Callable[[Path, Golden], Report]] = {
    f"atw/train{of}_{kind}": training for of in ("", "_smooth") for kind in ("class", "au")
}
