"""Parity entries of GDPW's generators: encoder, decoder and warp, and the whole way from a face to a picture.

The generators were recorded with smooth maps in place of painted meshes (`gdpw_pictures`). Official flows are relative
to a grid through the corners, in [-1, 1]; ours are what is sampled, in pixels, and are turned into theirs here.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxanim.core.types import Array, Variables
from jaxanim.geometry import antialias, cameras, flame, morphable, render
from jaxanim.nn.spade import SLOPE
from jaxanim.ops.gaussian_down import gaussian_down
from jaxanim.systems.gdpw import files, networks, presets
from jaxanim.systems.gdpw.presets import Design
from tests.parity import gdpw_pictures, goldens
from tests.parity.goldens import Deviation

Golden = Mapping[str, Any]
Report = dict[str, Deviation]

# Maximum, 99.9th percentile and mean. The official float32 was measured to be 1e-5 and 2e-5 from its float64.
IMAGE_TOLERANCE = (1e-4, 1e-4, 1e-5)
WARPED_TOLERANCE = (3e-4, 3e-4, 3e-5)
FLOW_TOLERANCE_PX = (1e-3, 1e-3, 1e-4)  # 7e-5 pixels
MAPS_TOLERANCE = (3e-6, 3e-6, 3e-7)
VERTICES_TOLERANCE = (1e-5, 1e-5, 2e-6)  # in halves of the picture
ACTIVATION_TOLERANCE = (3e-5, 3e-5, 3e-6)  # as a share of the layer's largest number
INPUTS = {"img_s_u8", "meta_json"}
_LEVELS = [f"x{2**level}" for level in range(6)]
LAYERS = (
    *(f"down_layers.{level}" for level in _LEVELS),
    *(f"shortcut_layers.{level}" for level in _LEVELS[:-1]),
    *(f"up_layers.{level}_{part}" for level in _LEVELS[1:] for part in ("spade", "flow", "up")),
    *(f"up_layers.{name}" for name in ("x32_spade.spade1", "x2_spade.spade1", "x2_spade.spade2", "x1_out")),
)
CHECKPOINT = "gdpw_generator_both"
SIZE = 256


def generator(checkpoint: Path, golden: Golden) -> Report:
    """Runs a released generator, and compares what it returns and what its layers do."""
    design = presets.RELEASED[_meta(golden)["guidance"]]
    return compare_generator(variables_of(goldens.read_checkpoint(checkpoint), design), design, golden)


def variables_of(state: Mapping[str, np.ndarray], design: Design) -> Variables:
    """Returns our variables of an official generator, on the device."""
    return jax.tree.map(jnp.asarray, files.from_state_dicts({files.GENERATOR: state}, design))


def compare_generator(variables: Variables, design: Design, golden: Golden) -> Report:
    """Compares a generator whose variables are there already."""
    meta = _meta(golden)
    flow, target, source = gdpw_pictures.maps(meta["salt"])
    image = gdpw_pictures.picture(meta["salt"], "img")
    if "img_s_u8" in golden and not np.array_equal(image, golden["img_s_u8"]):
        raise ValueError("the golden's picture is not the one that its salt gives")
    made = _run(variables, unit(image), flow, target, source, design=design)
    made = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64)[0], made)
    report = compare_pictures(golden, made)
    for level, ours in enumerate(made["mesh_flows"], start=1):
        report[f"mesh_flow_x{2**level}"] = compare(golden[f"mesh_flow_x{2**level}"], ours, MAPS_TOLERANCE)
    for name in meta["acts"]:
        report |= _activation(golden, name, made["acts"][name])
    missing = {name for name in golden if not name.endswith(("_mean", "_std"))} - INPUTS - set(report)
    if missing:
        raise ValueError(f"the golden has outputs that are not compared: {sorted(missing)}")
    return report


def end_to_end(checkpoint: Path, golden: Golden) -> Report:
    """From parameters of a face to a picture by variant 'both'.

    The checkpoint is `gdpw_generator_both.npz` or `.pt` beside `generic_model.pkl` and `landmark_embedding.npz`, or the
    folder of these.
    """
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    found = [folder / f"{CHECKPOINT}{suffix}" for suffix in (".npz", ".pt")] if checkpoint.is_dir() else [checkpoint]
    path = next((path for path in found if path.is_file()), found[0])
    state, design = goldens.read_checkpoint(path), presets.RELEASED["both"]
    return compare_end_to_end(variables_of(state, design), design, folder, golden)


def compare_end_to_end(variables: Variables, design: Design, folder: Path, golden: Golden) -> Report:
    """Does the same with a generator whose variables are there already."""
    fixed = flame.read_fixed_landmarks(folder / "landmark_embedding.npz")
    model = flame.read_model(folder / "generic_model.pkl", landmarks={68: fixed})
    given = {name: jnp.asarray(golden[name]) for name in ("shape", "exp", "pose", "eye_pose", "cam")}
    meshes = jax.jit(_meshes)(model, given)
    faces = variables[files.MESH][files.FACES]
    opposites = jnp.asarray(antialias.opposite_vertices(np.asarray(faces)))
    painted = jax.jit(functools.partial(render.geometry_maps, height=SIZE, width=SIZE))
    maps = painted(*meshes, faces, opposites, variables["params"][files.GENERATOR]["codes"])
    guides = (maps.flow_ndc[0], maps.codes_target[0], maps.codes_source[0])
    made = _run(variables, unit(golden["img_u8"]), *guides, design=design)
    made = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64)[0], made)
    report = {}
    for name, ours in zip(("verts_s", "verts_d"), meshes, strict=True):
        error = np.asarray(ours[0], np.float64) - golden[name]
        report[name] = goldens.deviation(error, VERTICES_TOLERANCE)
    return report | compare_pictures(golden, made)


def compare_pictures(golden: Golden, made: Mapping[str, Any]) -> Report:
    """Compares pictures and flows by their official names, wherever the golden holds them."""
    ours = {"out_img": made["image"], "alpha": made["alpha"], "warp_img": made["warped"]}
    ours |= {f"flow_x{2**level}": flow for level, flow in enumerate(made["flows_px"])}
    report = {}
    for name, want in golden.items():
        match = re.fullmatch(r"(out_img|alpha|warp_img|flow_x\d+)(?:_s)?(_s\d+|_border|_row255|_col255)?", name)
        if match and match[1].startswith("flow"):
            step = 2.0 / (ours[match[1]].shape[0] - 1)
            error = _parts(official_flow(ours[match[1]]), match[2], want) - want
            report[name] = goldens.deviation(error / step, FLOW_TOLERANCE_PX)
        elif match:
            tolerance = WARPED_TOLERANCE if match[1] == "warp_img" else IMAGE_TOLERANCE
            error = _parts(ours[match[1]], match[2], want) - want
            report[name] = goldens.deviation(error, tolerance, stats_ok=_moments_agree(golden, name, ours[match[1]]))
    return report


def unit(picture: np.ndarray) -> np.ndarray:
    """uint8 -> float32 in [0, 1]."""
    return picture.astype(np.float32) / np.float32(255)


def compare(want: np.ndarray, ours: Any, tolerance: tuple[float, float, float]) -> Deviation:
    """Compares an NHWC array with what a golden holds of it: channels first, every n-th row and column."""
    return goldens.deviation(_parts(np.asarray(ours, np.float64), None, want) - want, tolerance)


def _meta(golden: Golden) -> Mapping[str, Any]:
    return json.loads(str(golden["meta_json"]))


@functools.partial(jax.jit, static_argnames="design")
def _run(
    variables: Variables, image: Array, flow: Array, target: Array, source: Array, *, design: Design
) -> dict[str, Any]:
    """Runs the generator on painted maps, and returns what goldens hold."""
    own = {kind: variables[kind][files.GENERATOR] for kind in ("params", "stats")}
    flow, target, source, image = (jnp.asarray(array)[None] for array in (flow, target, source, image))
    guides = {"geom_disp": [flow], "neural_codes": [target], "both": [target, flow]}[design.guidance]
    seen = jnp.concatenate([image, source], axis=-1) if design.has_codes else image
    encoder = {kind: own[kind]["encoder"] for kind in own}
    decoder = {kind: own[kind]["decoder"] for kind in own}
    options = {"train": False, "capture_intermediates": True, "mutable": ["intermediates"]}
    encoded, first = networks.Encoder(design).apply(encoder, seen, **options)
    geometry = None if design.guidance == "neural_codes" else flow
    guide = jnp.concatenate(guides, axis=-1)
    decoded, second = networks.Decoder(design).apply(decoder, encoded, guide, geometry, **options)
    inside = first["intermediates"] | second["intermediates"]
    return {
        "image": decoded.image,
        "alpha": decoded.alpha,
        "flows_px": decoded.flows_px,
        "warped": networks.warp_source(image, decoded.flows_px[0]),
        # Officially all 0 where codes alone guide.
        "mesh_flows": [
            gaussian_down(flow if geometry is not None else 0.0 * flow, 2**level) for level in range(1, design.levels)
        ],
        "acts": {name: _layer(name, inside) for name in LAYERS},
    }


def _layer(name: str, inside: Mapping[str, Any]) -> Array:
    """Returns what an official layer makes, e.g. 'up_layers.x8_spade.spade1': our 'spade0' within 'spade3'."""
    kind, size, part, index = re.fullmatch(r"(\w+?)_layers\.x(\d+)(?:_(\w+))?(?:\.spade(\d))?", name).groups()
    level = int(size).bit_length() - 1
    block = inside["out" if part == "out" else f"{part or kind}{level}"]
    if index is None:
        return block["__call__"][0]
    # The official rectifier behind it overwrites what it is given.
    return nn.leaky_relu(block[f"spade{int(index) - 1}"]["__call__"][0], SLOPE)


def official_flow(flow_px: np.ndarray) -> np.ndarray:
    """Takes the half pixel out of what is sampled, and counts in halves of the way between the outer pixels."""
    height, width = flow_px.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    still = np.stack([columns / (width - 1), rows / (height - 1)], axis=-1) - 0.5
    return (flow_px - still) * np.array([2.0 / width, 2.0 / height])


def _parts(ours: np.ndarray, which: str | None, want: np.ndarray) -> np.ndarray:
    """Returns what a golden holds of an array: borders, or every n-th row and column; channels first."""
    ours = ours.transpose(2, 0, 1)
    if which == "_border":
        return np.stack([ours[:, 0], ours[:, -1], ours[:, :, 0], ours[:, :, -1]])
    if which in ("_row255", "_col255"):
        return ours[:, -1] if which == "_row255" else ours[:, :, -1]
    step = ours.shape[1] // want.shape[1]
    return ours[:, ::step, ::step]


def _moments_agree(golden: Golden, name: str, ours: np.ndarray) -> bool:
    """Whether means and deviations over every pixel agree, where the golden holds them."""
    base = name.rpartition("_")[0]
    if f"{base}_mean" not in golden:
        return True
    found = np.stack([ours.mean(axis=(0, 1)), ours.std(axis=(0, 1), ddof=1)])
    return bool(np.abs(found - np.stack([golden[f"{base}_mean"], golden[f"{base}_std"]])).max() <= IMAGE_TOLERANCE[0])


def _activation(golden: Golden, name: str, ours: np.ndarray) -> Report:
    """Compares every n-th number of a layer, and each channel's mean and deviation."""
    want, moments = golden[f"act_{name}"], golden[f"actstat_{name}"]
    scale = float(np.abs(ours).max())
    sampled = _parts(ours[..., :: ours.shape[-1] // want.shape[0]], None, want)
    found = np.stack([ours.mean(axis=(0, 1)), ours.std(axis=(0, 1), ddof=1)])
    return {
        f"act_{name}": goldens.deviation((sampled - want) / scale, ACTIVATION_TOLERANCE),
        f"actstat_{name}": goldens.deviation((found - moments) / scale, ACTIVATION_TOLERANCE),
    }


def _meshes(model: morphable.MorphableModel, given: Mapping[str, Array]) -> tuple[Array, Array]:
    """Poses the face of the source and that of the target, and projects them: x and y in [-1, 1], y down, and depth."""
    still = jnp.zeros_like(given["pose"][:, :3])
    rotation = jnp.concatenate([given["pose"][:, :3], still, given["pose"][:, 3:], given["eye_pose"]], axis=-1)
    identity = jnp.broadcast_to(given["shape"], (2, given["shape"].shape[-1]))
    surface = morphable.pose(model, morphable.FaceParameters(identity, given["exp"], rotation.reshape(-1, 5, 3)))
    camera = cameras.from_deca(given["cam"])
    # In a picture of 2 by 2 pixels DECA's coordinates are pixels less 1; its depth is scaled like x and y.
    seen = cameras.project_weak_perspective(camera, surface.vertices, height=2, width=2)
    placed = jnp.concatenate([seen.pixels - 1.0, (seen.depth * camera.scale[:, None])[..., None]], axis=-1)
    return placed[:1], placed[1:]


ENTRIES: Mapping[str, Callable[[Path, Golden], Report]] = {
    **{f"gdpw/gdpw_generator_{guidance}": generator for guidance in presets.GUIDANCES},
    "gdpw/gdpw_end_to_end": end_to_end,
}
