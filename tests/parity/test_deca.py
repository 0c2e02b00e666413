"""DECA's fitting agrees with the official one. The golden here has every fourth row and column of cropped pictures."""

from pathlib import Path

import jax
import numpy as np
import pytest

from jaxanim.tracking.deca import crop
from tests.geometry import synthetic_flame
from tests.parity import deca, goldens, run
from tests.tracking.deca import released

GOLDEN = Path(__file__).parents[1] / "golden" / "gdpw" / "deca_fit.npz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deca")
    synthetic_flame.write(folder, "public")
    np.savez(folder / "deca_E_flame.npz", **released.state_dict())
    yield folder
    (folder / "deca_E_flame.npz").unlink()


@pytest.fixture(scope="module")
def report(folder):
    return run.evaluate("gdpw/deca_fit", folder, GOLDEN)


def test_agrees(report):
    assert len(report) == 39
    assert {name: deviation for name, deviation in report.items() if not deviation.ok} == {}


def test_here_every_pixel_of_the_preview_agrees(report):
    assert report["dec_shaded_s4"].max_abs < 1e-4


@pytest.fixture
def golden():
    return goldens.read_golden(GOLDEN)


def test_a_landmark_that_moved_is_seen(golden):
    """One pixel more to the right makes the face half a pixel wider and moves it as far."""
    golden["fit_kpt"][golden["fit_kpt"][:, 0].argmax(), 0] += 1.0
    box = crop.face_box(golden["fit_kpt"])
    report = deca._crops(golden, box, crop.encoder_crop(box, height=300, width=260), crop.gdpw_crop(box))
    assert not any(deviation.ok for deviation in report.values())


def test_a_crop_that_is_a_sixteenth_of_a_pixel_off_is_seen(golden):
    square = crop.encoder_crop(crop.face_box(golden["fit_kpt"]), height=300, width=260)
    picture = deca._unit(golden["fit_img_u8"])
    cut_square = jax.jit(lambda picture, square: crop.cut(picture, square, size=224))
    for shift, fits in ((0.0, True), (1.0 / 16.0, False)):
        cut = cut_square(picture, square.replace(corner=square.corner + shift))
        error = 255.0 * np.asarray(cut)[::4, ::4] - golden["fit_crop224_u8"]
        assert goldens.deviation(error, deca.CROP_TOLERANCE).ok is fits


def test_another_depth_of_a_layer_is_seen(golden):
    """An activation that is a ten-thousandth off, in the samples or elsewhere."""
    step, of_pixels = golden["act_layer4_strides"]
    ours = np.zeros((2048, 7, 7), np.float32)
    ours[::step, ::of_pixels, ::of_pixels] = golden["act_layer4"]
    assert not deca._activations(golden, "act_layer4", ours).ok  # means over everything differ
    golden["act_layer4_stat"] = np.array([ours.mean(dtype=np.float64), ours.std(ddof=1, dtype=np.float64)])
    assert deca._activations(golden, "act_layer4", ours).ok
    ours[0, 0, 0] += 1e-4
    assert not deca._activations(golden, "act_layer4", ours).ok


def test_outputs_that_nobody_compares_are_named(report, folder, golden, tmp_path, monkeypatch):
    np.savez(tmp_path / "more.npz", unheard_of=np.zeros(1), **golden)
    monkeypatch.setattr(deca, "_encoder", lambda *given: report)
    monkeypatch.setattr(deca, "_decoder", lambda *given: {})
    with pytest.raises(ValueError, match="unheard_of"):
        run.evaluate("gdpw/deca_fit", folder, tmp_path / "more.npz")
