"""Parity entries of the landmark networks: H3R with both backbones, and PIPNet with ResNet-18.

The checkpoint is a state dict, .npz or .pt. The goldens have no noise floors; tolerances are about ten times of what
float32 leaves between the official code and this, on the goldens of the salt 'public'.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import numpy as np

from jaxanim.nn.apply import apply
from jaxanim.tracking.h3r import files as h3r_files
from jaxanim.tracking.h3r import h3r
from jaxanim.tracking.h3r import networks as h3r_networks
from jaxanim.tracking.pipnet import files as pipnet_files
from jaxanim.tracking.pipnet import neighbours, pipnet
from jaxanim.tracking.pipnet import networks as pipnet_networks
from tests.parity import goldens
from tests.parity.goldens import Deviation

Golden = Mapping[str, np.ndarray]
Report = dict[str, Deviation]
Tolerance = tuple[float, float, float]  # maximum, 99.9th percentile and mean

HEATMAP = (1e-5, 8e-6, 2e-6)
MOMENTS = (1e-6, 1e-6, 1e-6)
PIXELS = (6e-4, 6e-4, 1e-4)  # float32 around 252 times the stride
GUESSES = (1.5e-4, 1.5e-4, 3e-5)  # their deviation is 4
SHARES = (1.5e-5, 1.5e-5, 5e-6)  # of the picture's side


def h3r_heatmaps(checkpoint: Path, golden: Golden) -> Report:
    """Finds points in one picture, without its mirror image."""
    backbone, params = h3r_files.from_state_dict(goldens.read_checkpoint(checkpoint), what=str(checkpoint))
    heatmaps = jax.jit(lambda *given: apply(h3r_networks.H3R(backbone), *given))(params, _picture(golden))
    points = np.asarray(jax.jit(h3r.positions)(heatmaps.present))
    present, absent = (np.asarray(maps[0]).transpose(2, 0, 1) for maps in (heatmaps.present, heatmaps.absent))
    step = present.shape[-1] // golden["heatmap_pos"].shape[-1]
    both = np.stack([absent, present]).astype(np.float64)
    moments = np.array([both.mean(), both.std(ddof=1)])
    return _report(
        golden,
        {
            "heatmap_pos": (present[:, ::step, ::step], HEATMAP),
            "heatmap_meanstd": (moments, MOMENTS),
            "coords": (points, PIXELS),
        },
    )


def pipnet_guesses(checkpoint: Path, golden: Golden) -> Report:
    """Finds points in one picture, with and without what neighbours say."""
    params = pipnet_files.from_state_dict(goldens.read_checkpoint(checkpoint), what=str(checkpoint))
    guesses = jax.jit(lambda *given: apply(pipnet_networks.PIPNet(), *given))(params, _picture(golden))
    told = pipnet.places(guesses)
    merged = pipnet.merge(told, neighbours.guessers(golden["meanface_neighbours"]))
    guesses, told, merged = jax.tree.map(np.asarray, (guesses, told, merged))
    cells = guesses.scores.shape[1]
    around = guesses.neighbours.reshape(*guesses.scores.shape[:3], -1, 2).transpose(0, 3, 1, 2, 4)[0]
    some = len(golden["nb_x"])
    return _report(
        golden,
        {
            "cls": (guesses.scores.transpose(0, 3, 1, 2), GUESSES),
            "x": (guesses.offsets[..., 0].transpose(0, 3, 1, 2), GUESSES),
            "y": (guesses.offsets[..., 1].transpose(0, 3, 1, 2), GUESSES),
            "nb_x": (around[:some, ..., 0], GUESSES),
            "nb_y": (around[:some, ..., 1], GUESSES),
            "lms": (told[0, :, 0] / cells, SHARES),
            "lms_merge": (merged[0] / cells, SHARES),
        },
    )


def _picture(golden: Golden) -> np.ndarray:
    return golden["img_u8"].transpose(0, 2, 3, 1).astype(np.float32) / np.float32(255)


def _report(golden: Golden, outputs: Mapping[str, tuple[np.ndarray, Tolerance]]) -> Report:
    missing = set(golden) - {"img_u8", "meanface_neighbours"} - set(outputs)
    if missing:
        raise ValueError(f"the golden has outputs that are not compared: {sorted(missing)}")
    report = {}
    for name, (ours, tolerance) in outputs.items():
        if ours.shape != golden[name].shape:
            raise ValueError(f"{name}: ours has shape {ours.shape}, the golden's has {golden[name].shape}")
        report[name] = goldens.deviation(ours.astype(np.float64) - golden[name], tolerance)
    return report


ENTRIES: Mapping[str, Callable[[Path, Golden], Report]] = {
    "stylegan2/h3r_wflw_mobilenetv2": h3r_heatmaps,
    "stylegan2/h3r_wflw_hrnet18": h3r_heatmaps,
    "stylegan2/pipnet_wflw_r18": pipnet_guesses,
}
