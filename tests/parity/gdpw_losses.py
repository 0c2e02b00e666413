"""Parity entries of GDPW's discriminator, and of its warps, filters and losses.

The checkpoint of the latter is that of VGG-19's features.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.losses import adversarial, perceptual, reconstruction, vgg_weights
from jaxanim.nn import vgg
from jaxanim.nn.apply import apply
from jaxanim.ops.gaussian_down import gaussian_down, kernel
from jaxanim.systems.gdpw import files as gdpw_files
from jaxanim.systems.gdpw import networks, presets, released
from jaxanim.weights import name_table
from tests.parity import gdpw, gdpw_pictures, goldens

Golden = Mapping[str, Any]
Report = dict[str, goldens.Deviation]

# Maximum, 99.9th percentile and mean.
FEATURE_TOLERANCE = (1e-5, 1e-5, 1e-6)
LOSS_TOLERANCE = (1e-5, 1e-5, 1e-5)
WARP_TOLERANCE = (1e-5, 1e-5, 1e-6)
FILTER_TOLERANCE = (2e-6, 2e-6, 3e-7)
PYRAMID = (1, 2, 4, 8)
# What other parts of the golden are for: filters of time, and a format of files.
ELSEWHERE = ("euro_", "lz4_", "up_nearest")


def discriminator(checkpoint: Path, golden: Golden) -> Report:
    """Judges two pictures, and compares features, realness and what losses make of them."""
    state = goldens.read_checkpoint(checkpoint)
    unused = released.unused_of(released.DISCRIMINATOR, presets.Design())
    shapes = gdpw_files.template(presets.Design(), folded=False)
    variables = name_table.apply(
        released.table_of(released.DISCRIMINATOR, presets.Design()),
        {name: array for name, array in state.items() if name not in unused},
        {kind: shapes[kind][released.DISCRIMINATOR] for kind in shapes},
        what="discriminator",
    )
    names = ("real", "fake")
    pictures = np.stack([gdpw.unit(_picture(golden, f"{name}_u8", f"disc_{name}", 256)) for name in names])
    judge = jax.jit(lambda variables, pictures: networks.Discriminator().apply(variables, pictures, train=False))
    judged = judge(variables, pictures)
    real, fake = (jax.tree.map(lambda leaf, k=k: leaf[k : k + 1], judged) for k in range(2))
    report = {}
    for index, features in enumerate(real.features):
        want = golden[f"real_feat{index}"]
        sampled = np.asarray(features)[0][..., :: features.shape[-1] // want.shape[0]]
        report[f"real_feat{index}"] = gdpw.compare(want, sampled, FEATURE_TOLERANCE)
    for name, found in zip(names, (real, fake), strict=True):
        report[f"{name}_logits"] = gdpw.compare(
            golden[f"{name}_logits"], found.realness[0][..., None], FEATURE_TOLERANCE
        )
    layers = zip(fake.features, real.features, strict=True)
    losses = {
        "loss_D_LS": adversarial.least_squares_critic(real.realness, fake.realness),
        "loss_G_LS": adversarial.least_squares_generator(fake.realness),
        "loss_D_hinge": adversarial.hinge_critic(real.realness, fake.realness),
        "loss_G_hinge": adversarial.hinge_generator(fake.realness),
        "loss_fm_sum": reconstruction.feature_matching(fake.features, real.features),
        "loss_fm_each": jnp.concatenate([reconstruction.l1(*pair) for pair in layers]),
    }
    wanted = {**golden, "loss_fm_sum": golden["loss_fm_each"].sum()}
    return report | {name: _number(wanted[name], value) for name, value in losses.items()}


def operators(checkpoint: Path, golden: Golden) -> Report:
    """Compares warps, filters, enlarged flows and the perceptual loss."""
    state = goldens.read_checkpoint(checkpoint)
    report = _warps(golden) | _filters(golden) | _enlarged(golden)
    report |= _perceptual(golden, vgg_weights.from_state_dict(state, what=str(checkpoint)))
    inputs = {"warp_feat", "warp_flow", "aa_in", "up_in", "vgg_a_u8", "vgg_b_u8", "vgg_l1_pyramid_by_layer", "meta"}
    left = {name for name in golden if not name.startswith(ELSEWHERE) and not name.endswith("_shape")}
    missing = left - inputs - set(report)
    if missing:
        raise ValueError(f"the golden has outputs that are not compared: {sorted(missing)}")
    return report


def _picture(golden: Golden, key: str, name: str, size: int) -> np.ndarray:
    """Draws a picture; a full golden holds it, too."""
    picture = gdpw_pictures.picture("public", name, size)
    if key in golden and not np.array_equal(picture, golden[key]):
        raise ValueError(f"{key} is not the picture that the salt 'public' gives")
    return picture


def _number(want: Any, ours: Any) -> goldens.Deviation:
    return goldens.deviation(np.asarray(ours, np.float64).ravel() - np.ravel(want), LOSS_TOLERANCE)


def _warps(golden: Golden) -> Report:
    """A flow of official units through the same conversions as in the decoder, then grid_sample with zeros."""
    picture = jnp.asarray(golden["warp_feat"].transpose(0, 2, 3, 1))
    height, width = picture.shape[1:3]
    flow = golden["warp_flow"].transpose(0, 2, 3, 1)
    flows = {
        "warp_out": flow,
        "warp_zero_flow": np.zeros_like(flow),
        "warp_out_of_range": np.full_like(flow, 1.5),
    }
    corners = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    warp = jax.jit(lambda flow: networks.warp_source(picture, networks._from_released(flow)))
    report = {}
    for name, given in flows.items():
        ours = np.asarray(warp(given * corners), np.float64).transpose(0, 3, 1, 2)
        report[name] = goldens.deviation(ours - golden[name], WARP_TOLERANCE)
    return report


def _filters(golden: Golden) -> Report:
    factors = (2, 4, 8, 16, 32)
    run = jax.jit(lambda picture: [gaussian_down(picture, factor) for factor in factors])
    report = {}
    for factor, small in zip(factors, run(golden["aa_in"].transpose(0, 2, 3, 1)), strict=True):
        ours = np.asarray(small, np.float64).transpose(0, 3, 1, 2)
        report[f"aa_out_{factor}"] = goldens.deviation(ours - golden[f"aa_out_{factor}"], FILTER_TOLERANCE)
        row = kernel(factor) - golden[f"aa_kernel_row_{factor}"]
        report[f"aa_kernel_row_{factor}"] = goldens.deviation(row, FILTER_TOLERANCE)
    return report


def _enlarged(golden: Golden) -> Report:
    large = networks._upsampled(jnp.asarray(golden["up_in"].transpose(0, 2, 3, 1)))
    ours = np.stack([gdpw.official_flow(np.asarray(flow)) for flow in networks._from_released(large)])
    return {
        "up_flow_normalised": goldens.deviation(
            ours.transpose(0, 3, 1, 2) - golden["up_flow_normalised"], WARP_TOLERANCE
        )
    }


def _perceptual(golden: Golden, params: Any) -> Report:
    first, second = (gdpw.unit(_picture(golden, f"vgg_{name}_u8", f"vgg_{name}", 128))[None] for name in "ab")

    @jax.jit
    def run(params: Any, first: Any, second: Any) -> Any:
        smaller = [[gaussian_down(picture, factor) for picture in (first, second)] for factor in PYRAMID]
        features = [[apply(vgg.Vgg19(), params, picture) for picture in pair] for pair in smaller]
        each = [[reconstruction.l1(*layers)[0] for layers in zip(a.layers, b.layers, strict=True)] for a, b in features]
        total = perceptual.pyramid_distance(params, first, second, scales=PYRAMID)
        return features[0][0].layers, [pair[0] for pair in smaller], jnp.asarray(each), total

    layers, pictures, each, total = run(params, first, second)
    report = {
        "vgg_loss_by_scale_and_layer": _number(golden["vgg_l1_pyramid_by_layer"], each),
        "vgg_loss_per_layer_sum_over_pyramid": _number(golden["vgg_loss_per_layer_sum_over_pyramid"], each.sum(axis=0)),
        "vgg_loss": _number(golden["vgg_loss_per_layer_sum_over_pyramid"].sum(), total),
    }
    for block, ours in enumerate(layers, start=1):
        want = golden[f"vgg_relu{block}_1"]
        sampled = np.asarray(ours)[0][..., :: ours.shape[-1] // want.shape[0]]
        report[f"vgg_relu{block}_1"] = gdpw.compare(want, sampled, FEATURE_TOLERANCE)
    for level in (1, 2, 3):
        report[f"pyr_{level}"] = gdpw.compare(golden[f"pyr_{level}"], pictures[level][0], FILTER_TOLERANCE)
    return report


ENTRIES: Mapping[str, Callable[[Path, Golden], Report]] = {
    "gdpw/gdpw_discriminator": discriminator,
    "gdpw/gdpw_ops_losses": operators,
}
