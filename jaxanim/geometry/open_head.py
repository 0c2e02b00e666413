"""The open head: a morphable model made from formulas by `data_pipelines.open_head`, which ships with the package.

Expressions are ARKit's 52 blendshapes; the person's own left is at positive x. `jawOpen`, `jawLeft`, `jawRight` and
`jawForward`, and the eight `eyeLook...`, do as offsets what the joints 'jaw', 'left_eye' and 'right_eye' do as
rotations: use one or the other. One identity coefficient is one standard deviation among people.
"""

import importlib.resources
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxanim.core import files
from jaxanim.core.errors import InputError
from jaxanim.geometry.morphable import LandmarkEmbedding, MorphableModel
from jaxanim.weights import numpy_pickle

Parts = Mapping[str, tuple[int, int]]
"""First vertex of a part and the one after its last."""

# Offsets below this many metres are stored as zero; half precision keeps the others to a few micrometres.
_SMALLEST_OFFSET = 5e-7
_ARRAYS = ("template", "identity_sigmas", "expression_sigmas", "joint_regressor", "skinning_weights", "uv")
_NAMES = ("joint_names", "expression_names", "part_names")
_LANDMARKS = (68, 98)
_MAX_BYTES = 64 << 20


def bundled_open_head() -> Path:
    """Returns the file that ships with the package."""
    return Path(str(importlib.resources.files("jaxanim") / "assets" / "open_head.npz"))


def load_open_head(path: Path | None = None) -> MorphableModel:
    """Returns the open head, float32.

    Args:
      path: a file written by `save_open_head`; None for the bundled one.

    Raises:
      InputError: the file is missing, damaged or something else.
    """
    path = path or bundled_open_head()
    stored = _read(path)
    _check(path, stored)
    landmarks = {
        count: LandmarkEmbedding(
            jnp.asarray(stored[f"landmarks_{count}_face"], jnp.int32),
            jnp.asarray(stored[f"landmarks_{count}_barycentric"], jnp.float32),
        )
        for count in _LANDMARKS
    }
    count = len(stored["template"])
    return MorphableModel(
        **{name: jnp.asarray(stored[name], jnp.float32) for name in _ARRAYS},
        identity_basis=jnp.asarray(stored["identity_basis"], jnp.float32),
        expression_basis=jnp.asarray(stored["expression_basis"], jnp.float32),
        pose_basis=jnp.zeros((count, 3, 0), jnp.float32),
        faces=jnp.asarray(stored["faces"], jnp.int32),
        uv_faces=jnp.asarray(stored["uv_faces"], jnp.int32),
        landmarks=landmarks,
        parents=tuple(int(parent) for parent in stored["parents"]),
        joint_names=_strings(stored["joint_names"]),
        expression_names=_strings(stored["expression_names"]),
    )


def load_parts(path: Path | None = None) -> Parts:
    """Returns which vertices are the skin, the eyeballs, the teeth and so on.

    Args:
      path: as for `load_open_head`.

    Raises:
      InputError: the file is missing, damaged or something else.
    """
    path = path or bundled_open_head()
    stored = _read(path)
    try:
        names, ranges = stored["part_names"], stored["part_ranges"]
    except KeyError as error:
        raise InputError(f"{path}: not an open head, it has no {error.args[0]!r}") from error
    if names.ndim != 1 or ranges.shape != (*names.shape, 2) or ranges.dtype.kind not in "iu":
        raise InputError(f"{path}: part_ranges is {ranges.dtype} of shape {ranges.shape}, names have {names.shape}")
    return {name: (int(start), int(stop)) for name, (start, stop) in zip(_strings(names), ranges, strict=True)}


def save_open_head(path: Path, model: MorphableModel, parts: Parts) -> None:
    """Writes a model with compressed bases in half precision; equal models give equal files.

    Raises:
      OutputError: the file cannot be written.
    """
    stored: dict[str, Any] = {name: np.asarray(getattr(model, name), np.float32) for name in _ARRAYS}
    for kind in ("identity", "expression"):
        basis = np.asarray(getattr(model, f"{kind}_basis")).astype(np.float16)
        offsets = np.abs(basis.astype(np.float32)) * stored[f"{kind}_sigmas"]
        stored[f"{kind}_basis"] = np.where(offsets < _SMALLEST_OFFSET, np.float16(0), basis)
    for name in ("faces", "uv_faces", "parents"):
        stored[name] = np.asarray(getattr(model, name), np.int32)
    for count, at in model.landmarks.items():
        stored[f"landmarks_{count}_face"] = np.asarray(at.face, np.int32)
        stored[f"landmarks_{count}_barycentric"] = np.asarray(at.barycentric, np.float32)
    names = {"joint_names": model.joint_names, "expression_names": model.expression_names, "part_names": tuple(parts)}
    stored.update({name: np.array(names[name]) for name in _NAMES})
    stored["part_ranges"] = np.array(list(parts.values()), np.int32)
    with files.replacing(path) as temporary:
        np.savez_compressed(temporary, **stored)


def _check(path: Path, stored: Mapping[str, np.ndarray]) -> None:
    """Raises InputError unless all arrays are there and fit each other."""
    shapes = {
        "template": ("v", 3),
        "identity_basis": ("v", 3, "i"),
        "expression_basis": ("v", 3, "e"),
        "identity_sigmas": ("i",),
        "expression_sigmas": ("e",),
        "joint_regressor": ("j", "v"),
        "skinning_weights": ("v", "j"),
        "faces": ("f", 3),
        "uv": ("u", 2),
        "uv_faces": ("f", 3),
        "parents": ("j",),
        "joint_names": ("j",),
        "expression_names": ("e",),
        **{f"landmarks_{count}_face": (count,) for count in _LANDMARKS},
        **{f"landmarks_{count}_barycentric": (count, 3) for count in _LANDMARKS},
    }
    sizes: dict[str | int, int] = {size: size for size in (2, 3, *_LANDMARKS)}
    for name, shape in shapes.items():
        if name not in stored:
            raise InputError(f"{path}: not an open head, it has no {name!r}")
        array = stored[name]
        fits = array.ndim == len(shape) and all(
            sizes.setdefault(k, n) == n for k, n in zip(shape, array.shape, strict=True)
        )
        if not fits or array.dtype.kind not in _kinds(name):
            raise InputError(f"{path}: {name} is {array.dtype} of shape {array.shape}, which does not fit the others")
        if array.size == 0:
            raise InputError(f"{path}: {name} is empty")
        if array.dtype.kind == "f" and not _is_finite(array):
            raise InputError(f"{path}: {name} holds numbers that are not finite in float32")
    for name, count in (("faces", sizes["v"]), ("uv_faces", sizes["u"])):
        if stored[name].min() < 0 or stored[name].max() >= count:
            raise InputError(f"{path}: {name} name vertices that are not there")
    for name in (f"landmarks_{count}_face" for count in _LANDMARKS):
        if stored[name].min() < 0 or stored[name].max() >= sizes["f"]:
            raise InputError(f"{path}: {name} names triangles that are not there")
    parents = stored["parents"].tolist()
    if parents[0] != -1 or any(not 0 <= parent < joint for joint, parent in enumerate(parents) if joint > 0):
        raise InputError(f"{path}: parents are {parents}; the first is -1, others come before their children")


def _kinds(name: str) -> str:
    if name.endswith("_names"):
        return "U"
    return "iu" if name.endswith(("face", "faces", "parents")) else "iuf"


def _is_finite(array: np.ndarray) -> bool:
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite
        return bool(np.isfinite(array.astype(np.float32)).all())


def _strings(values: np.ndarray) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _read(path: Path) -> dict[str, np.ndarray]:
    """Returns a file's arrays; nothing in it can run code."""
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    return numpy_pickle.read_npz(path, max_bytes=_MAX_BYTES)
