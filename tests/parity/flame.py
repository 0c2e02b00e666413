"""Parity entry of FLAME: the official layer's vertices, joints, landmarks and projections of a synthetic model.

The checkpoint is a folder with `generic_model.pkl` and `landmark_embedding.npz`, as `tests.geometry.synthetic_flame`
writes it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.geometry import cameras, flame, landmarks, morphable, rotations
from tests.parity import goldens
from tests.parity.goldens import Deviation

TOLERANCE_M = 1e-6  # official float32 is 8e-8 from its float64
MEAN_TOLERANCE_M = 2e-7
INPUTS = ("shape", "exp", "full_pose", "cam", "betas400", "full_pose400", "rodrigues_aa")
STEP = 7  # goldens hold every seventh vertex


def flame_lbs(folder: Path, golden: Mapping[str, Any]) -> dict[str, Deviation]:
    """Twelve poses of 100 + 50 coefficients as DECA drives FLAME, and three of all 400."""
    embedding = folder / "landmark_embedding.npz"
    fixed = flame.read_fixed_landmarks(embedding)
    model = flame.read_model(folder / "generic_model.pkl", landmarks={68: fixed})
    inputs = {name: jnp.asarray(golden[name]) for name in INPUTS}
    ours = jax.jit(_outputs)(model, flame.read_deca_landmarks(embedding), inputs)
    ours["verts_sum"] = np.asarray(ours.pop("vertices"), np.float64).sum(axis=1)
    report = {name: _compare(name, np.asarray(value), golden) for name, value in ours.items()}
    missing = set(golden) - set(INPUTS) - {"names", "pose", "eye_pose", "meta"} - set(report)
    if missing:
        raise ValueError(f"the golden has outputs that are not compared: {sorted(missing)}")
    return report


def _outputs(model: morphable.MorphableModel, points: landmarks.FaceLandmarks, inputs: Mapping[str, Any]) -> dict:
    outputs = _deca(model, points, inputs)
    count = flame.IDENTITY_COEFFICIENTS
    betas, rotation = inputs["betas400"], inputs["full_pose400"].reshape(-1, 5, 3)
    surface = morphable.pose(model, morphable.FaceParameters(betas[:, :count], betas[:, count:], rotation))
    outputs |= {"verts400_s7": surface.vertices[:, ::STEP], "joints400": surface.joints}
    return outputs | {"rodrigues_R": rotations.axis_angle_to_matrix(inputs["rodrigues_aa"])}


def _deca(model: morphable.MorphableModel, points: landmarks.FaceLandmarks, inputs: Mapping[str, Any]) -> dict:
    rotation = inputs["full_pose"].reshape(-1, 5, 3)
    surface = morphable.pose(model, morphable.FaceParameters(inputs["shape"], inputs["exp"], rotation))
    turn = landmarks.head_rotation(rotation, chain=(0, 1))
    rows = landmarks.contour_row(turn, rule="deca")
    moving = landmarks.embed_face(surface.vertices, model.faces, points, rows)
    camera = cameras.from_deca(inputs["cam"])
    # In a picture of 2 by 2 pixels DECA's coordinates are pixels less 1; its depth is scaled like x and y.
    seen = cameras.project_weak_perspective(camera, surface.vertices, height=2, width=2)
    depth = seen.depth * camera.scale[:, None]
    return {
        "vertices": surface.vertices,
        "verts_s7": surface.vertices[:, ::STEP],
        "verts_absmax": jnp.abs(surface.vertices).max(axis=1),
        "joints": surface.joints,
        "landmarks2d_world_synth": moving,
        "landmarks3d_synth": morphable.embed(surface.vertices, model.faces, model.landmarks[68]),
        "landmarks2d_proj_synth": cameras.project_weak_perspective(camera, moving, height=2, width=2).pixels - 1.0,
        "trans_verts_s7": jnp.concatenate([seen.pixels - 1.0, depth[..., None]], axis=-1)[:, ::STEP],
        "dyn_row_deca": rows,
        "dyn_row_flame_pytorch": landmarks.contour_row(turn, rule="flame_pytorch"),
    }


def _compare(name: str, ours: np.ndarray, golden: Mapping[str, Any]) -> Deviation:
    want = golden[name]
    if ours.shape != want.shape:
        raise ValueError(f"{name} has shape {ours.shape}, the golden's has {want.shape}")
    scale = 1.0
    if name == "verts_sum":
        scale = 1.0 / flame.VERTICES
    elif name in ("landmarks2d_proj_synth", "trans_verts_s7"):
        scale = 1.0 / float(np.abs(golden["cam"][:, 0]).max())  # back to metres
    error = scale * (ours.astype(np.float64) - want)
    return goldens.deviation(error, (TOLERANCE_M, TOLERANCE_M, MEAN_TOLERANCE_M))


ENTRIES: Mapping[str, Callable[[Path, Mapping[str, Any]], dict[str, Deviation]]] = {"gdpw/flame_lbs": flame_lbs}
