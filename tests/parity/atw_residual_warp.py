"""Parity entries of ATW's residual warp: by a given flow, and behind a generator with random weights.

The photo is drawn anew (`atw_pictures`). The checkpoint is the generator's file where there is one, and is not read
where the flow is given.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.ops import residual_warp
from jaxanim.ops.residual_warp import Mode, Residuals
from jaxanim.systems.atw import Atw, AtwFrame
from jaxanim.systems.atw.objectives import GENERATOR
from tests.parity import atw, atw_pictures, goldens
from tests.parity.goldens import TOLERANCE_FACTOR, Deviation

Golden = Mapping[str, Any]
Report = dict[str, Deviation]
Limits = tuple[float, float, float]

SIZE = 128
MODES: Mapping[str, Mode] = {"vanilla": "vanilla", "ms": "multiscale"}
HALF = 2.45e-4  # float16 between 0.5 and 1 rounds by up to that
LEVELS = (1.0, 1.0, 0.01)  # of 255, after cutting off what is behind the comma: rounding moves one in a hundred
NOISE = {"class": {"flow": 3e-6, "refined": 9e-6}, "au": {"flow": 1e-5, "refined": 7e-5}}


def photo(golden: Golden) -> jax.Array:
    """Draws the photo of a golden, and makes sure that it is the one."""
    size, salt = golden["meta"]["n"], golden["meta"]["salt"]
    picture = atw_pictures.photo(salt, size, f"hr{size}")
    if hashlib.sha256(picture.tobytes()).hexdigest() != str(golden["hr_u8_sha256"]):
        raise ValueError(f"the photo of {size} pixels and salt {salt!r} is not the golden's: its random stream differs")
    return jnp.asarray(atw_pictures.unit(picture))


def _assembled(residuals: Residuals, image: jax.Array, flow_px: jax.Array) -> jax.Array:
    return jnp.clip(residual_warp.assemble(residuals, image, flow_px, align_corners=True), -1.0, 1.0)


def by_given_flow(checkpoint: Path, golden: Golden) -> Report:
    """Small picture, residuals, moved residuals and result, in each mode that the golden has."""
    del checkpoint
    meta, whole = golden["meta"], photo(golden)
    image = jnp.asarray(atw_pictures.unit(golden["fake_u8"].transpose(1, 2, 0)))
    flow = golden["flow"][0] if "flow" in golden else atw_pictures.motion(meta["salt"], f"flow{meta['n']}")
    flow_px = jnp.asarray(flow * np.float32(meta["coef"]) * np.float32(SIZE - 1))
    report: Report = {}
    for name in (name for name in MODES if f"out_{name}_stat" in golden):
        residuals = _take_apart(whole, MODES[name])
        ours = np.asarray(jax.jit(_assembled)(residuals, image, flow_px), np.float64)
        noise = meta["f32_vs_float64_numpy"]
        report |= dict(_compare(golden, name, ours, _ten_times(noise[name])))
        report[f"lr_{name}"] = _strided(golden, f"lr_{name}_s", residuals.small, _ten_times(noise[f"{name}_lr"]))
        first = residuals.replace(bands=(residuals.bands[0], *map(jnp.zeros_like, residuals.bands[1:])))
        moved = np.asarray(jax.jit(_moved)(first, jnp.zeros_like(image), flow_px), np.float64)
        error = _crops_error(moved, golden[f"res_warped0_{name}_crops"])
        report[f"res_warped0_{name}"] = goldens.deviation(error, _ten_times(noise[f"{name}_res_warped0"]))
        stats = np.stack([_moments(np.asarray(band, np.float64)) for band in residuals.bands])
        limit = TOLERANCE_FACTOR * noise[name][0]
        report[f"res_stats_{name}"] = goldens.deviation(stats - golden[f"res_stats_{name}"], (limit,) * 3)
        channels = np.stack([ours.mean(axis=(0, 1)), ours.std(axis=(0, 1))])
        error = channels - golden[f"out_{name}_chmean_chstd"]
        report[f"channels_{name}"] = goldens.deviation(error, (limit,) * 3)
    return report


def _take_apart(whole: jax.Array, mode: Mode) -> Residuals:
    return jax.jit(lambda photo: residual_warp.take_apart(photo, (SIZE, SIZE), mode=mode))(whole)


def _moved(residuals: Residuals, nothing: jax.Array, flow_px: jax.Array) -> jax.Array:
    return residual_warp.assemble(residuals, nothing, flow_px, align_corners=True)


def behind_a_generator(checkpoint: Path, golden: Golden) -> Report:
    """Photo to small picture to frames to large frames, as users do."""
    meta, whole = golden["meta"], photo(golden)
    system = Atw(atw.DESIGNS[meta["kind"]])
    variables = {"params": {GENERATOR: atw.params_of(GENERATOR, system.design, checkpoint)}}
    residuals = {name: _take_apart(whole, mode) for name, mode in MODES.items()}
    code = system.encode_source(variables, residuals["ms"].small)
    frames = jax.jit(system.render)(variables, code, jnp.asarray(_drives(system, meta["jobs"])))
    report: Report = {}
    for index, (tag, _, _) in enumerate(meta["jobs"]):
        frame = jax.tree.map(lambda values, index=index: values[index], frames)
        report |= _small(golden, tag, frame)
        for name in (name for name in MODES if f"out_{tag}_{name}_stat" in golden):
            ours = np.asarray(jax.jit(_assembled)(residuals[name], frame.image, frame.flow_px), np.float64)
            limits = _ten_times(meta["f32_noise_max_p999_mean"][f"{tag}_{name}"])
            report |= dict(_compare(golden, f"{tag}_{name}", ours, limits))
    return report


def _drives(system: Atw, jobs: list[Any]) -> np.ndarray:
    """Returns our drives: amounts of a class, or OpenFace's intensities."""
    signals = [np.asarray(signal) for _, _, signal in jobs]
    rows = np.stack([atw.rows(signal, system.design) for signal in signals])
    return rows * np.array([[amount] for _, amount, _ in jobs], np.float32)


def _small(golden: Golden, tag: str, frame: AtwFrame) -> Report:
    noise = NOISE[golden["meta"]["kind"]]
    step = int(next(key for key in golden if key.startswith(f"flow_{tag}_s")).rpartition("_s")[2])
    flow = np.asarray(frame.motion, np.float64)[::step, ::step] - golden[f"flow_{tag}_s{step}"][0]
    refined = _strided(golden, f"refined_{tag}_s", frame.image, _ten_times([noise["refined"]] * 3))
    return {
        f"flow_{tag}": goldens.deviation(flow, _ten_times([noise["flow"]] * 3)),
        f"refined_{tag}": refined,
    }


def _strided(golden: Golden, prefix: str, ours: Any, limits: Limits) -> Deviation:
    """Compares with every S-th row and column of a picture that is stored with its channels first."""
    key = next(key for key in golden if key.startswith(prefix))
    step, want = int(key.removeprefix(prefix)), golden[key]
    picked = np.asarray(ours, np.float64)[::step, ::step].transpose(2, 0, 1)
    return goldens.deviation(picked - want.reshape(picked.shape), limits)


def _compare(golden: Golden, name: str, ours: np.ndarray, limits: Limits) -> Iterator[tuple[str, Deviation]]:
    """Compares a large frame: everywhere in float16, in three corners exactly, all of it by its moments, in 8 bits."""
    key = next(key for key in golden if key.startswith(f"out_{name}_s") and key[len(f"out_{name}_s") :].isdigit())
    step = int(key.rpartition("_s")[2])
    rounded = (limits[0] + HALF, limits[1] + HALF, limits[2] + HALF / 2)
    yield key, goldens.deviation(ours[::step, ::step] - golden[key].astype(np.float64), rounded)
    yield f"out_{name}_crops", goldens.deviation(_crops_error(ours, golden[f"out_{name}_crops"]), limits)
    error = _moments(ours) - golden[f"out_{name}_stat"]
    yield f"out_{name}_stat", goldens.deviation(error, (limits[0],) * 3)
    for key in (key for key in golden if key.startswith(f"u8_{name}_s")):
        step = int(key.rpartition("_s")[2])
        levels = ((ours.astype(np.float32) / 2 + np.float32(0.5)) * np.float32(255)).astype(np.uint8)
        yield key, goldens.deviation(levels[::step, ::step].astype(np.float64) - golden[key], LEVELS)


def _crops_error(picture: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Compares with the golden's three squares of 64 pixels along the diagonal, or every S-th pixel of them."""
    size, step = picture.shape[0], 64 // want.shape[1]
    firsts = (0, size // 2 - 27, size - 64)
    return np.stack([picture[n : n + 64 : step, n : n + 64 : step] for n in firsts]) - want


def _moments(values: np.ndarray) -> np.ndarray:
    return np.array([values.mean(), values.std(), values.min(), values.max()])


def _ten_times(noise: Any) -> Limits:
    largest, high, mean = (TOLERANCE_FACTOR * value for value in noise)
    return largest, high, mean


ENTRIES: Mapping[str, Callable[[Path, Golden], Report]] = {
    **{f"atw/reswarp_{size}": by_given_flow for size in (384, 512, 1024)},
    **{f"atw/reswarp_net_{name}": behind_a_generator for name in ("class_512", "au_1024")},
}
