"""Parity entry of GDPW's rasterised maps: from two posed meshes to visible faces, displacement field and posed codes.

The golden comes from a float emulation of nvdiffrast's rasteriser, whose versions differ by 1/16 pixel at edges. Its
`stable_*` masks name the pixels that do not notice; only there are we compared. What the generator makes of the maps
(`out_img`, `warp_img`, `alpha`, `flow_x1`, `mesh_flow_x*`) is not compared here: it belongs to the generator.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.geometry import antialias, render
from jaxanim.ops import rasterize
from tests.parity import goldens
from tests.parity.goldens import Deviation

SIZE = {"height": 256, "width": 256}
# Maximum, 99.9th percentile and mean: about ten times what float32 rounding was measured to make of them.
FLOW_TOLERANCE = (3e-5, 2e-6, 1e-7)
CODES_TOLERANCE = (4e-5, 2e-5, 1e-6)
SUM_TOLERANCE = (1e-4, 6e-5, 3e-6)
# Share of pixels that see another face, where two are equally near but for rounding.
FACES_TOLERANCE = (1.0, 1.0, 1e-3)


def raster_e2e(checkpoint: Path, golden: Mapping[str, Any]) -> dict[str, Deviation]:
    """Renders the maps of variant 'both' and compares them in the stable pixels."""
    state = goldens.read_checkpoint(checkpoint, ("embeds", "mesh_renderer.tri"))
    faces, codes = np.asarray(state["mesh_renderer.tri"], np.int32), jnp.asarray(state["embeds"])
    meshes = jnp.asarray(golden["verts_s"]), jnp.asarray(golden["verts_d"])
    opposites = jnp.asarray(antialias.opposite_vertices(faces))
    smooth = jax.jit(functools.partial(render.geometry_maps, **SIZE))(*meshes, jnp.asarray(faces), opposites, codes)
    fragments, jagged = jax.jit(_before_antialiasing)(*meshes, jnp.asarray(faces))
    # 0 where there is none, else the face's number plus 1.
    source, target = np.asarray(fragments.face) + 1
    report = {
        "tri_id_s": _faces(golden, "tri_id_s", source, "tem_s_raw"),
        "tri_id_d": _faces(golden, "tri_id_d", target, "tem_d_raw"),
        "flow_raw": _compare(golden["flow_raw"], jagged, _stable(golden, "flow_raw"), FLOW_TOLERANCE),
        "flow_aa": _compare(golden["flow_aa"], smooth.flow_ndc, _stable(golden, "flow_aa"), FLOW_TOLERANCE),
    }
    for name, ours in (("tem_s", smooth.codes_source), ("tem_d", smooth.codes_target)):
        want = golden[f"{name}_s4"].transpose(1, 2, 0)
        report[f"{name}_s4"] = _compare(want, ours, _stable(golden, f"{name}_aa"), CODES_TOLERANCE)
    total = smooth.codes_target.sum(axis=-1, keepdims=True)
    want = golden["tem_d_sum"][..., None]
    return report | {"tem_d_sum": _compare(want, total, _stable(golden, "tem_d_aa"), SUM_TOLERANCE)}


def _before_antialiasing(source: jax.Array, target: jax.Array, faces: jax.Array) -> tuple[rasterize.Fragments, Any]:
    """Returns the fragments of both meshes and the displacement field."""
    both = render.to_pixels(jnp.stack([source, target]), **SIZE)
    fragments = rasterize.rasterize(both, faces, culling="after", **SIZE)
    return fragments, rasterize.interpolate((source - target)[:, :2], faces, fragments)[1]


def _stable(golden: Mapping[str, Any], name: str) -> np.ndarray:
    return np.unpackbits(golden[f"stable_{name}"]).reshape(256, 256).astype(bool)


def _faces(golden: Mapping[str, Any], name: str, ours: np.ndarray, mask: str) -> Deviation:
    step = 256 // golden[name].shape[0]
    differs = (ours[::step, ::step] != golden[name]).astype(np.float64)
    return goldens.deviation(differs[_stable(golden, mask)[::step, ::step]], FACES_TOLERANCE)


def _compare(want: np.ndarray, ours: jax.Array, stable: np.ndarray, tolerance: tuple[float, float, float]) -> Deviation:
    """Compares every pixel that the golden holds: it may hold every second or fourth row and column."""
    step = 256 // want.shape[0]
    error = np.asarray(ours, np.float64)[::step, ::step] - want
    return goldens.deviation(error[stable[::step, ::step]], tolerance)


ENTRIES: Mapping[str, Callable[[Path, Mapping[str, Any]], dict[str, Deviation]]] = {
    "gdpw/gdpw_raster_e2e": raster_e2e,
}
