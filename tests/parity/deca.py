"""Parity entry of DECA's fitting as GDPW uses it: from a picture and 68 landmarks to parameters, face and preview.

The checkpoint is a folder with FLAME's `generic_model.pkl` and `landmark_embedding.npz` (`tests.geometry.
synthetic_flame` writes them) and the encoder: `deca_model.tar`, or its bare state dict as `deca_E_flame.npz` or `.pt`.
The path of the encoder will do, if the other two are beside it.

The golden was recorded with the detector replaced by given landmarks, and nvdiffrast by an emulation in float32.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Params
from jaxanim.geometry import antialias, flame
from jaxanim.nn.apply import apply
from jaxanim.tracking.deca import crop, deca, files, networks
from tests.parity import goldens
from tests.parity.goldens import TOLERANCE_FACTOR, Deviation

Golden = Mapping[str, np.ndarray]
Report = dict[str, Deviation]

INPUTS = {"img224_u8", "fit_img_u8", "fit_kpt"}
INPUTS |= {f"dec_{name}" for name in ("shape", "exp", "pose", "cam", "eye_pose", "light")}
LAYERS = ("conv1", "maxpool", "layer1", "layer2", "layer3", "layer4")
ENCODERS = (files.RELEASED_NAME, "deca_E_flame.npz", "deca_E_flame.pt", "E_flame.npz", "E_flame.pt")
CODES = {
    "shape": "identity",
    "tex": "texture",
    "exp": "expression",
    "pose": "pose",
    "cam": "camera",
    "light": "light",
    "eye_pose": "eye_pose",
}

# Maximum, 99.9th percentile and mean of how far the official float32 is from float64.
NOISE = {
    "params": (7.8e-7, 7.8e-7, 2.1e-7),
    "features": (1.3e-6, 1.0e-6, 1.2e-7),
    "act_conv1": (9.1e-7, 6.8e-7, 7.5e-8),
    "act_maxpool": (1.2e-6, 7.4e-7, 4.3e-8),
    "act_layer1": (7.4e-7, 6.1e-7, 8.4e-8),
    "act_layer2": (1.2e-6, 1.1e-6, 1.5e-7),
    "act_layer3": (2.4e-6, 2.1e-6, 2.3e-7),
    "act_layer4": (2.8e-6, 2.8e-6, 3.9e-7),
}
# Values of 255 before rounding to 8 bits, which alone makes 0.5; a position off by 1/32 pixel makes 1 to 2.
CROP_TOLERANCE = (0.51, 0.51, 0.26)
# A picture that is not rounded to 8 bits moves the encoder's numbers by 2e-4 and 6e-5.
FLOAT_CROP_TOLERANCE = (1e-3, 1e-3, 3e-4)
# After rounding, a few values that lie between two levels remain different.
ROUNDED_CROP_TOLERANCE = (1e-4, 1e-4, 3e-5)
# Official matrices come from float32 landmarks; float32 pixels around 256 are 3e-5 apart.
PIXEL_TOLERANCE = (2e-4, 2e-4, 5e-5)
DEPTH_TOLERANCE = (2e-6, 2e-6, 5e-7)
# Rounding decides which face some pixel sees: one or two of the 4096 compared may be wholly different.
SHADED_TOLERANCE = (10.0, 1e-4, 1e-3)


def deca_fit(checkpoint: Path, golden: Golden) -> Report:
    """Crops, encodes and decodes as users do, and compares every array of the golden."""
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    params = read_encoder(checkpoint)
    height, width = golden["fit_img_u8"].shape[:2]
    box = crop.face_box(golden["fit_kpt"])
    seen, final = crop.encoder_crop(box, height=height, width=width), crop.gdpw_crop(box)
    report = _crops(golden, box, seen, final)
    cuts = jax.jit(_cut)(_unit(golden["fit_img_u8"]), seen, final)
    for name, ours in zip(("fit_crop224_u8", "fit_final_u8"), cuts, strict=True):
        step = ours.shape[0] // golden[name].shape[0]
        error = 255.0 * np.asarray(ours, np.float64)[::step, ::step] - golden[name]
        report[name] = goldens.deviation(error, CROP_TOLERANCE)
    report |= _encoder(golden, params, np.asarray(cuts[0])) | _decoder(golden, folder, crop.between(seen, final))
    strides = {name for name in golden if name.endswith(("_strides", "_stat"))}
    missing = set(golden) - INPUTS - strides - set(report)
    if missing:
        raise ValueError(f"the golden has outputs that are not compared: {sorted(missing)}")
    return report


def read_encoder(checkpoint: Path) -> Params:
    """Reads DECA's encoder as it was released, or as a bare state dict."""
    found = [checkpoint / name for name in ENCODERS] if checkpoint.is_dir() else [checkpoint]
    path = next((path for path in found if path.is_file()), found[0])
    if path.name == files.RELEASED_NAME:
        return files.read_released(path)
    return files.from_state_dict(goldens.read_checkpoint(path), what=str(path))


def _unit(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float32) / np.float32(255)


def _cut(picture: jax.Array, seen: crop.Crop, final: crop.Crop) -> tuple[jax.Array, jax.Array]:
    """Returns the encoder's picture and GDPW's."""
    return (
        crop.cut(picture, seen, size=networks.ENCODER_SIZE),
        crop.cut(picture, final, size=crop.GDPW_SIZE),
    )


def _crops(golden: Golden, box: crop.FaceBox, seen: crop.Crop, final: crop.Crop) -> Report:
    ours = {
        "fit_crop_matrix": crop.matrix(seen),
        "fit_final_matrix": crop.matrix(final),
        "fit_recover": crop.matrix(crop.between(seen, final)),
    }
    corners = np.stack([box.first, box.last]).astype(np.float32)
    ours["fit_bbox"] = np.asarray(jax.jit(crop.transform)(final, corners)).ravel()
    return {name: _compare(value, golden[name], PIXEL_TOLERANCE) for name, value in ours.items()}


def _encode(params: Params, images: jax.Array) -> tuple[networks.DecaEncoding, deca.DecaCode]:
    """Runs the encoder as users do, and once more for what is inside it; the compiler makes one run of both."""
    return apply(networks.DecaEncoder(), params, images), deca.encode(params, images)


def _encoder(golden: Golden, params: Params, cut: np.ndarray) -> Report:
    images = np.stack([_unit(golden["img224_u8"]), _unit(np.round(cut * 255)), cut])
    encoding, code = jax.tree.map(np.asarray, jax.jit(_encode)(params, images))
    backbone = encoding.backbone
    report = {
        "params": _compare(encoding.parameters[0], golden["params"], _tolerance("params")),
        "features": _compare(backbone.features[0], golden["features"], _tolerance("features")),
    }
    for layer, values in zip(LAYERS, (backbone.stem, backbone.pooled, *backbone.stages), strict=True):
        report[f"act_{layer}"] = _activations(golden, f"act_{layer}", values[0].transpose(2, 0, 1))
    for official, name in CODES.items():
        values = getattr(code, name)
        report[f"code_{official}"] = _compare(values[0], golden[f"code_{official}"], _tolerance("params"))
        if official != "eye_pose":
            want = golden[f"fit_code_{official}"]
            report[f"fit_code_{official}"] = _compare(values[1], want, ROUNDED_CROP_TOLERANCE)
            report[f"fit_code_{official}/float"] = _compare(values[2], want, FLOAT_CROP_TOLERANCE)
    return report


def _activations(golden: Golden, name: str, ours: np.ndarray) -> Deviation:
    of_channels, of_pixels = golden[f"{name}_strides"]
    tolerance = _tolerance(name)
    moments = np.array([ours.mean(dtype=np.float64), ours.std(ddof=1, dtype=np.float64)])
    drift = np.abs(moments - golden[f"{name}_stat"]).max()
    error = ours.astype(np.float64)[::of_channels, ::of_pixels, ::of_pixels] - golden[name]
    return goldens.deviation(error, tolerance, stats_ok=bool(drift <= tolerance[0]))


def _decoder(golden: Golden, folder: Path, placed: crop.Crop) -> Report:
    embedding = folder / "landmark_embedding.npz"
    fixed = flame.read_fixed_landmarks(embedding)
    model = flame.read_model(folder / "generic_model.pkl", landmarks={68: fixed})
    arrays = {name: golden[f"dec_{official}"] for official, name in CODES.items() if f"dec_{official}" in golden}
    code = deca.DecaCode(texture=np.zeros(50, np.float32), **arrays)
    opposites = jnp.asarray(antialias.opposite_vertices(np.asarray(model.faces)))
    face = jax.jit(deca.decode)(model, flame.read_deca_landmarks(embedding), code, placed)
    shaded = jax.jit(lambda *given: deca.preview(*given, height=crop.GDPW_SIZE, width=crop.GDPW_SIZE))(
        face, code.light, model.faces, opposites
    )
    face = jax.tree.map(np.asarray, face)
    report = {"dec_landmarks2d": _compare(face.landmarks_px, golden["dec_landmarks2d"], PIXEL_TOLERANCE)}
    for name, ours in (("dec_trans_verts_s7", face.vertices_px[::7]), ("dec_landmarks3d", face.landmarks3d_px)):
        report[name] = _compare(ours[:, :2], golden[name][:, :2], PIXEL_TOLERANCE)
        report[f"{name}/depth"] = _compare(ours[:, 2], golden[name][:, 2], DEPTH_TOLERANCE)
    report["dec_shaded_s4"] = _compare(np.asarray(shaded)[::4, ::4], golden["dec_shaded_s4"], SHADED_TOLERANCE)
    return report


def _tolerance(name: str) -> tuple[float, float, float]:
    largest, high, mean = (TOLERANCE_FACTOR * noise for noise in NOISE[name])
    return largest, high, mean


def _compare(ours: Any, want: np.ndarray, tolerance: tuple[float, float, float]) -> Deviation:
    ours = np.asarray(ours, np.float64)
    if ours.shape != want.shape:
        raise ValueError(f"ours has shape {ours.shape}, the golden's has {want.shape}")
    return goldens.deviation(ours - want, tolerance)


ENTRIES: Mapping[str, Callable[[Path, Golden], Report]] = {"gdpw/deca_fit": deca_fit}
