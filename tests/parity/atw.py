"""Parity entries of ATW's networks; `atw_training` has those of its losses, gradients and first steps.

The checkpoint of a network is its file.

Golden inputs that are pictures may be left out of a golden (`in_image_u8`): they are drawn anew from its salt.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxanim.core.types import Params
from jaxanim.nn.apply import apply
from jaxanim.systems.atw import Design, networks, objectives, presets, weights
from jaxanim.systems.atw.objectives import DISCRIMINATOR, GENERATOR, WARP_DISCRIMINATOR
from jaxanim.weights import name_table
from tests.parity import atw_pictures, goldens
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
        report[official + suffix] = strided(golden, official + suffix, ours, tolerance(golden, official + suffix))
    return report


def strided(golden: Golden, name: str, ours: np.ndarray, limits: tuple[float, float, float]) -> Deviation:
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


ENTRIES: dict[str, Callable[[Path, Golden], Report]] = {f"atw/{name}": generator for name in GENERATORS.values()}
ENTRIES |= {f"atw/discriminator{of}_{kind}": discriminator for of in ("", "_warp") for kind in ("class_d8", "au")}
