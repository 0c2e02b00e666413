"""Parity entries of ATW's networks and of its losses, gradients and first steps.

The checkpoint of a training is a folder with one `NAME.npz` or `.pt` for each of the three networks that the golden
names, drawn with the golden's own gains; that of a network is its file.

Golden inputs that are pictures may be left out of a golden (`in_image_u8`): they are drawn anew from its salt.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxanim.core.types import Params
from jaxanim.losses import adversarial
from jaxanim.nn.apply import apply
from jaxanim.systems.atw import ATW_OFFICIAL, Batch, Design, networks, objectives, presets, weights
from jaxanim.systems.atw.objectives import DISCRIMINATOR, GENERATOR, WARP_DISCRIMINATOR
from jaxanim.weights import name_table
from tests.parity import atw_pictures, checkpoints, goldens
from tests.parity.goldens import TOLERANCE_FACTOR, Deviation

Golden = Mapping[str, Any]
Report = dict[str, Deviation]

DESIGNS: Mapping[str, Design] = {"class": presets.RAFD, "au": presets.CELEBA_ACTION_UNITS}
GENERATORS = {"class": "generator_class_d8_ngf64", "au": "generator_au_d17_ngf128"}
TABLES = {
    GENERATOR: weights.generator(),
    DISCRIMINATOR: weights.discriminator(adversarial=True),
    WARP_DISCRIMINATOR: weights.discriminator(adversarial=False),
}
IN_METADATA = {GENERATOR: "generator", DISCRIMINATOR: "dis", WARP_DISCRIMINATOR: "dis_warp"}
SMOOTH_GRADIENT = 0.03
# A feature that rounding moves over a leaky rectifier's kink changes the penalty's gradient by this much; whether one
# does is chance, and changes with the number of cores, so the discriminators' floor is that of both goldens with
# ordinary flows. In `train_class` it is one of the first layer, whose kernel and bias alone differ (6e-4, the other
# layers 1e-6); computed in float64, warp included, all gradients of the discriminator are within 4e-8 of the golden's,
# and its losses within 1e-11.
KINK_NOISE = 1.3e-3
# Of the penalty, the floor is what is stated, unless rounding of the generated pictures alone, by ROUNDING
# (root mean square; the goldens have up to 7e-5), makes the penalty's slope jump: then, ten times the jump.
ROUNDING, ROUNDINGS = 1e-6, 8
TRAJECTORY = 1e-2  # absolute; Adam's first step is a sign, which rounding turns where a gradient is near 0
FEATURES_NOISE = (5e-6, 5e-6, 1e-6)  # of the trunk, where the golden has the heads' alone: sums of fewer numbers


def params_of(group: str, design: Design, checkpoint: Path) -> Params:
    """Reads one official network."""
    image = jax.ShapeDtypeStruct((1, design.size, design.size, 3), np.float32)
    drive = jax.ShapeDtypeStruct((1, design.drives), np.float32)
    amount = jax.ShapeDtypeStruct((1,), np.float32)
    module: Any = objectives.discriminator(design, adversarial=group == DISCRIMINATOR)
    given: tuple[Any, ...] = (image,)
    if group == GENERATOR:
        module, given = objectives.generator(design), (image, drive, amount)
    template = jax.eval_shape(module.init, jax.random.key(0), *given)["params"]
    return name_table.apply(TABLES[group], goldens.read_checkpoint(checkpoint), template, what=str(checkpoint))


def pictures(golden: Golden) -> np.ndarray:
    """Returns the two pictures of a golden."""
    if "in_image_u8" in golden:
        return atw_pictures.unit(golden["in_image_u8"].transpose(0, 2, 3, 1))
    salt = golden["meta"]["salt"].removesuffix("_warp")  # of the discriminator's weights, not of its pictures
    return atw_pictures.unit(np.stack([atw_pictures.photo(salt, 128, f"src{index}") for index in range(2)]))


def rows(drive: np.ndarray, design: Design) -> np.ndarray:
    """Returns drives in our units: one-hot classes, or OpenFace's intensities from twice those."""
    if design.drive == "classes":
        return np.eye(design.drives, dtype=np.float32)[drive]
    return drive.astype(np.float32) / np.float32(design.drive_scale)


def generator(checkpoint: Path, golden: Golden) -> Report:
    """All outputs at amounts of 1 and 0.5, and activations of the first sample."""
    design = DESIGNS[golden["meta"]["kind"]]
    params, module = params_of(GENERATOR, design, checkpoint), objectives.generator(design)
    image, drive = pictures(golden), rows(golden["in_drive"], design) * np.float32(design.drive_scale)

    keeping = jax.jit(lambda *given: module.apply(*given, capture_intermediates=True))

    def run(amount: float) -> tuple[networks.Generated, Params]:
        made, kept = keeping({"params": params}, image, drive, np.full(2, amount, np.float32))
        return made, name_table.flatten(kept["intermediates"])

    made, kept = run(1.0)
    report = _outputs(golden, made, "")
    report |= _outputs(golden, run(0.5)[0], "_half")
    for official, path in ACTIVATIONS.items():
        report[f"act:{official}"] = _activation(golden, official, _rectified(official, kept[path]))
    return report


ACTIVATIONS = {
    "encoding.0": "motion/down0_conv/__call__/[0]",
    "encoding.2": "motion/down0_norm/__call__/[0]",
    "encoding.5": "motion/down1_norm/__call__/[0]",
    "encoding.6": "motion/block0/__call__/[0]",
    "encoding": "motion/block5/__call__/[0]",
    "flow_pred.2": "motion/up0_norm/__call__/[0]",
    "refine.1": "refinement/down0_conv/__call__/[0]",
    "refine.2": "refinement/block0/__call__/[0]",
    "refine.5": "refinement/block3/__call__/[0]",
    "refine": "refinement/__call__/[0]",
}


def _rectified(official: str, values: jax.Array) -> np.ndarray:
    """Flax keeps what leaves a layer; the golden what leaves the rectifier behind it."""
    if official in ("encoding.2", "encoding.5", "flow_pred.2"):
        return np.asarray(jax.nn.relu(values))
    return np.asarray(jax.nn.elu(values) if official == "refine.1" else values)


def _outputs(golden: Golden, made: networks.Generated, suffix: str) -> Report:
    report = {}
    for official, values in (("flow", made.motion), ("warp", made.warped), ("refined", made.image)):
        ours = np.asarray(values, np.float64)
        ours = ours if official == "flow" else ours.transpose(0, 3, 1, 2)
        report[official + suffix] = _strided(golden, official + suffix, ours, tolerance(golden, official + suffix))
    return report


def _strided(golden: Golden, name: str, ours: np.ndarray, limits: tuple[float, float, float]) -> Deviation:
    """Compares with `NAME` or with `NAME_sS`, every S-th row and column, and with statistics over everything."""
    key = next(key for key in golden if key.rpartition("_s")[0] == name or key == name)
    step = 1 if key == name else int(key.rpartition("_s")[2])
    picked = ours[:, ::step, ::step] if ours.shape[-1] == 2 else ours[:, :, ::step, ::step]
    stats_ok = True
    if f"stat_{name}" in golden:
        stats_ok = _stats_agree(ours, golden[f"stat_{name}"], limits[0])
    return goldens.deviation(picked - golden[key], limits, stats_ok=stats_ok)


def _activation(golden: Golden, official: str, values: np.ndarray) -> Deviation:
    ours = values.astype(np.float64).transpose(0, 3, 1, 2)
    limits = tolerance(golden, f"act:{official}")
    key = next(key for key in golden if key.startswith((f"act_{official}_c", f"act_{official}_preclip_")))
    if "preclip" in key:
        step = int(key.rpartition("_s")[2])
        stats_ok = _stats_agree(ours, golden[f"stat_{official}"], limits[0])
        return goldens.deviation(ours[:, :, ::step, ::step] - golden[key], limits, stats_ok=stats_ok)
    channels, step = key.rpartition("_c")[2].split("_s")
    picked = ours[:1, :: int(channels), :: int(step), :: int(step)]
    return goldens.deviation(
        picked - golden[key], limits, stats_ok=_stats_agree(ours, golden[f"stat_{official}"], limits[0])
    )


def _stats_agree(ours: np.ndarray, stats: np.ndarray, limit: float) -> bool:
    """Mean, deviation, smallest and largest: none can be off by more than the largest error."""
    moments = np.array([ours.mean(), ours.std(), ours.min(), ours.max()])
    return bool(np.abs(moments - stats).max() <= limit)


def tolerance(golden: Golden, name: str) -> tuple[float, float, float]:
    """Ten times the noise floor that a golden states for an output."""
    largest, high, mean = (TOLERANCE_FACTOR * noise for noise in golden["meta"]["f32_noise_max_p999_mean"][name])
    return largest, high, mean


def discriminator(checkpoint: Path, golden: Golden) -> Report:
    """Heads and features of real pictures and, where the generator's golden lies beside, of generated ones."""
    design = DESIGNS[golden["meta"]["kind"]]
    group = DISCRIMINATOR if "adv_real" in golden else WARP_DISCRIMINATOR
    module = objectives.discriminator(design, adversarial=group == DISCRIMINATOR)
    params = params_of(group, design, checkpoint)
    run = jax.jit(lambda params, image: apply(module, params, image))
    inputs = {"real": pictures(golden)}
    if "drv_refined" in golden:
        made = goldens.read_golden(_generator_golden(golden))
        inputs |= {name: made[name].transpose(0, 2, 3, 1) for name in ("refined", "warp")}
    report: Report = {}
    for name, image in inputs.items():
        judged = run(params, image)
        ours = {f"drv_{name}": judged.drive, f"feat_{name}": judged.features.transpose(0, 3, 1, 2)}
        if judged.adversarial is not None:
            ours[f"adv_{name}"] = judged.adversarial
        for output, values in ours.items():
            limits = FEATURES_NOISE if output.startswith("feat") else tolerance(golden, output)
            report[output] = goldens.deviation(np.asarray(values, np.float64) - golden[output], limits)
    return report


def _generator_golden(golden: Golden) -> Path:
    path, kind = Path(golden["meta"]["path"]), golden["meta"]["kind"]
    return path.with_name(path.name.replace(golden["meta"]["manifest"], GENERATORS[kind], 1))


def training(folder: Path, golden: Golden) -> Report:
    """Loss terms, the gradient penalty's slope, the cycle, gradients of all parameters, and the first three steps."""
    design, meta = DESIGNS[golden["meta"]["kind"]], golden["meta"]
    folder = folder if folder.is_dir() else folder.parent
    paths = {group: _network_file(folder, meta[name]) for group, name in IN_METADATA.items()}
    params = {group: params_of(group, design, path) for group, path in paths.items()}
    run = _Training(design, golden)
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
    for group, name in IN_METADATA.items():
        shapes = {key: array.shape for key, array in goldens.read_checkpoint(paths[group]).items()}
        report |= _gradients(gradients[group], golden, group, name, shapes)
    return report | (_trajectory(run, params, golden) if "traj" in golden else {})


def _network_file(folder: Path, name: str) -> Path:
    found = [folder / f"{name}{suffix}" for suffix in (".npz", ".pt", ".pth")]
    return next((path for path in found if path.is_file()), found[0])


class _Training:
    """The three phases of the official objective on the batch of a golden."""

    def __init__(self, design: Design, golden: Golden) -> None:
        self.design = design
        self.image = jnp.asarray(pictures(golden))
        self.source = jnp.asarray(rows(golden["in_src_drive"], design))
        self.target = jnp.asarray(rows(golden["in_tar_drive"], design))
        self.shares = golden["gp_alpha"].reshape(len(golden["gp_alpha"]), -1)
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


def _cycle(run: _Training, params: Params, golden: Golden) -> Report:
    def there_and_back(params: Params) -> networks.Generated:
        made = objectives.generate(run.design, params, run.image, run.target)
        return objectives.generate(run.design, params, made.image, run.source)

    back = jax.jit(there_and_back)(params[GENERATOR])
    report = {}
    for name, values in (("rec_flow", back.motion), ("rec_warp", back.warped), ("rec_refined", back.image)):
        ours = np.asarray(values, np.float64)
        ours = ours if name == "rec_flow" else ours.transpose(0, 3, 1, 2)
        report[name] = _strided(golden, name, ours, _limits(golden, name))
    return report


def _penalty(run: _Training, params: Params, golden: Golden) -> tuple[Report, float]:
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


def _gradients(
    gradient: Params, golden: Golden, group: str, name: str, shapes: Mapping[str, tuple[int, ...]]
) -> Report:
    """Compares each tensor's length, and its product with a random tensor, both relative to the length."""
    name = {"dis": "dis", "dis_warp": "dis_warp"}.get(name, "gen")
    noise = TOLERANCE_FACTOR * golden["meta"]["f32_noise"][f"grad_{name}_rel"]
    smooth = golden["meta"]["gain_override"]
    limit = (SMOOTH_GRADIENT if smooth else noise) if group == GENERATOR else TOLERANCE_FACTOR * KINK_NOISE
    flat, index = name_table.flatten(gradient), {key: k for k, key in enumerate(golden[f"grad_{name}_keys"])}
    report = {}
    for row in TABLES[group]:
        shape = shapes[row.source]
        probe = 10 * checkpoints.draw("probe.", f"{row.source}.bias", (int(np.prod(shape)),)).astype(np.float64)
        ours = np.asarray(flat[row.path], np.float64)
        length = golden[f"grad_{name}_l2_f64"][index[row.source]]
        product = golden[f"grad_{name}_dot_f64"][index[row.source]]
        along = (ours * row.layout(probe.reshape(shape))).sum()
        error = np.array([np.linalg.norm(ours) / length - 1.0, (along - product) / length])
        report[f"gradient/{group}/{row.source}"] = goldens.deviation(error, (limit,) * 3)
    return report


def _trajectory(run: _Training, params: Params, golden: Golden) -> Report:
    """Three steps in the official order; the generator learns in the first and the last.

    Its losses are those of the discriminators that have already stepped, on pictures made before.
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
        stated, largest = golden["meta"]["f32_noise"]["traj_abs"][number], np.abs(list(losses.values())).max()
        noise = TOLERANCE_FACTOR * max(stated, float(np.spacing(np.float32(largest))))  # no number is nearer than that
        error = np.array([value - golden["traj_f64"][number, names.index(name)] for name, value in losses.items()])
        report[f"step{number}"] = goldens.deviation(error, (min(noise, TRAJECTORY),) * 3)
    for group, name in ((DISCRIMINATOR, "final_dis_drv_real"), (WARP_DISCRIMINATOR, "final_dis_warp_drv_real")):
        network = objectives.discriminator(run.design, adversarial=group == DISCRIMINATOR)
        judged = jax.jit(lambda params, network=network: apply(network, params, run.image).drive)(params[group])
        report[name] = goldens.deviation(np.asarray(judged, np.float64) - golden[name], (TRAJECTORY,) * 3)
    return report


ENTRIES: dict[str, Callable[[Path, Golden], Report]] = {f"atw/{name}": generator for name in GENERATORS.values()}
ENTRIES |= {f"atw/discriminator{of}_{kind}": discriminator for of in ("", "_warp") for kind in ("class_d8", "au")}
ENTRIES |= {f"atw/train{of}_{kind}": training for of in ("", "_smooth") for kind in ("class", "au")}
