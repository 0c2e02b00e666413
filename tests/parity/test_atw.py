"""ATW's networks, losses, gradients and residual warp agree with the official code within ten times its rounding noise.

The goldens here are samples of the full ones (`tests.golden.make_atw`). Those that take long are part of `make sweep`.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.ops import flow, residual_warp
from jaxanim.systems.atw import ATW_OFFICIAL, Batch, objectives, presets
from tests.parity import atw, atw_pictures, atw_residual_warp, atw_training, checkpoints, float64, goldens, run
from tests.systems.atw import released

GOLDENS = Path(__file__).parents[1] / "golden" / "atw"
CLASS, UNITS = "generator_class_d8_ngf64", "generator_au_d17_ngf128"
NETWORKS = (CLASS, UNITS, *(f"discriminator{of}_{kind}" for of in ("", "_warp") for kind in ("class_d8", "au")))
# Of the checkpoints that the official code was recorded with.
FINGERPRINTS = {
    CLASS: "78539950354dd00243dc0244875b7a6f537512780b9084c6d2b11370f7d13ec3",
    "discriminator_class_d8": "7bb1a525714d424ec8c12228c98b41dd4d7b49334b2c123cf9ad3f09d9d5b0f0",
    "discriminator_warp_au": "7b1dbc23b5084b183ec017ce217850f10065c13a6a1bc2369285d4acffe5d43f",
}


def write(folder, *names, gains=checkpoints.ATW_GAINS):
    for name in names:
        np.savez(folder / f"{name}.npz", **released.state_dict(name, gains=gains))
    return folder


def check(name, checkpoint):
    report = run.evaluate(f"atw/{name}", checkpoint, GOLDENS / f"{name}.npz")
    assert report
    assert {output: deviation for output, deviation in report.items() if not deviation.ok} == {}


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_checkpoints_are_those_of_the_goldens(name):
    """Tells a change of numpy's random streams from a mistake in a network."""
    assert checkpoints.fingerprint(released.state_dict(name)) == FINGERPRINTS[name]


@pytest.mark.parametrize("name", [CLASS, "discriminator_class_d8", "discriminator_warp_au"])
def test_network(tmp_path, name):
    check(name, write(tmp_path, name) / f"{name}.npz")


def test_warp_in_float64_is_the_library_s():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 6, 5, 3)).astype(np.float32)
    flow_px = rng.uniform(-4, 4, size=(2, 6, 5, 2)).astype(np.float32)  # some from outside, some from the edge
    ours = np.asarray(flow.warp(jnp.asarray(image), jnp.asarray(flow_px), padding="zeros"))
    with float64.computing(flow):
        wide = np.asarray(flow.warp(*(jnp.asarray(each, jnp.float64) for each in (image, flow_px)), padding="zeros"))
    assert wide.dtype == np.float64
    np.testing.assert_allclose(ours, wide, atol=2e-6)


def test_losses(tmp_path):
    """All seventeen, forwards; their gradients are part of the sweep."""
    networks = (CLASS, "discriminator_class_d8", "discriminator_warp_class_d8")
    write(tmp_path, *networks, gains=checkpoints.ATW_SMOOTH_GAINS)
    golden = goldens.read_golden(GOLDENS / "train_smooth_class.npz")
    training = atw_training.Training(presets.RAFD, golden)
    groups = zip(atw_training.IN_METADATA, networks, strict=True)
    params = {group: atw.params_of(group, presets.RAFD, tmp_path / f"{name}.npz") for group, name in groups}
    batch = Batch(training.image, training.source, training.target, jnp.asarray(training.shares[0]), params)
    ours = {}
    for phase in objectives.phases(presets.RAFD, ATW_OFFICIAL):
        _, terms = jax.jit(phase.loss_fn)(params[phase.wrt], batch, ATW_OFFICIAL.weights())
        ours |= atw_training.official_losses(phase.wrt, {name: float(value) for name, value in terms.items()})
    expected = dict(zip(golden["loss_names"], golden["losses_f64"], strict=True))
    assert set(ours) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(ours[name], value, rtol=3.4e-5, err_msg=name)


def test_residual_warp(tmp_path):
    check("reswarp_512", tmp_path)


@pytest.mark.parametrize(("mode", "corners"), [("multiscale", False), ("vanilla", True)])
def test_other_residual_warps_are_seen(mode, corners):
    """Displacements that grow by n / m, and residuals of the other mode."""
    golden = goldens.read_golden(GOLDENS / "reswarp_512.npz")
    image = jnp.asarray(atw_pictures.unit(golden["fake_u8"].transpose(1, 2, 0)))
    flow_px = jnp.asarray(atw_pictures.motion("public", "flow512") * np.float32(0.2 * 127))

    @jax.jit
    def large(photo, image, flow_px):
        residuals = residual_warp.take_apart(photo, (128, 128), mode=mode)
        return residual_warp.assemble(residuals, image, flow_px, align_corners=corners)

    ours = np.clip(np.asarray(large(atw_residual_warp.photo(golden), image, flow_px), np.float64), -1, 1)
    report = dict(atw_residual_warp._compare(golden, "ms", ours, (1e-4, 1e-4, 1e-5)))
    assert report["out_ms_crops"].max_abs > 50 * 1e-4


@pytest.mark.sweep
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in FINGERPRINTS])
def test_other_networks(tmp_path, name):
    check(name, write(tmp_path, name) / f"{name}.npz")


@pytest.mark.sweep
@pytest.mark.parametrize("name", ["train_class", "train_au", "train_smooth_class", "train_smooth_au"])
def test_losses_and_gradients(tmp_path, name):
    kind = "class_d8" if name.endswith("class") else "au"
    networks = (CLASS if kind == "class_d8" else UNITS, f"discriminator_{kind}", f"discriminator_warp_{kind}")
    gains = checkpoints.ATW_SMOOTH_GAINS if "smooth" in name else checkpoints.ATW_GAINS
    check(name, write(tmp_path, *networks, gains=gains))


@pytest.mark.sweep
@pytest.mark.parametrize("name", ["reswarp_384", "reswarp_1024", "reswarp_net_class_512", "reswarp_net_au_1024"])
def test_other_residual_warps(tmp_path, name):
    generator = UNITS if "_au_" in name else CLASS
    check(name, write(tmp_path, generator) / f"{generator}.npz")
