"""Milliseconds a frame of GDPW: the released networks against a plain PyTorch run of them, and small ones.

    python -m benchmarks.gdpw [--guidance NAME ...] [--small] [--rounds N] [--json OUT.json]

Ours is a frame as `Gdpw.render` makes it: maps of the open head's mesh painted, decoded, the source warped; spectral
norms are folded and the source was encoded before. PyTorch's does what the released code does for every frame
(`torch_gdpw`), with the maps given. Weights are random and the same. Then the design of configs/gdpw/small.py with
random weights, and the models that ship with the package. One process, in turns, two cores; the ratios are what to look
at, of time and of processor time. PyTorch is needed here, except for `--small`; it is no dependency of jaxanim.
"""

import argparse
import dataclasses
import importlib.resources
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import timing
from configs.gdpw import small
from jaxanim.core.system import PosedImage
from jaxanim.core.types import Variables
from jaxanim.geometry import open_head, rotations
from jaxanim.systems.gdpw import files
from jaxanim.systems.gdpw import generator as generators
from jaxanim.systems.gdpw.generator import MeshFaces
from jaxanim.systems.gdpw.presets import GUIDANCES, RELEASED, Design
from jaxanim.systems.gdpw.system import Gdpw

CORES = 2
Run = Callable[[], np.ndarray]
Meshes = tuple[np.ndarray, np.ndarray]


def ours(design: Design, faces: MeshFaces, variables: Variables, source: np.ndarray, meshes: Meshes) -> Run:
    """Returns our frame in [0, 1], of folded variables, a source in [0, 1], and the source's mesh and the target's."""
    system = Gdpw(design, faces, spectral=False)
    variables = jax.device_put(dict(variables))
    encode = jax.jit(lambda variables, image, mesh: system.encode_source(variables, PosedImage(image, mesh)))
    code = jax.block_until_ready(encode(variables, 2.0 * jnp.asarray(source) - 1.0, jnp.asarray(meshes[0])))
    render, drive = jax.jit(system.render), jnp.asarray(meshes[1]).reshape(1, -1)
    return lambda: (np.asarray(render(variables, code, drive).image[0]) + 1.0) / 2.0


def pair(design: Design, faces: MeshFaces, source: np.ndarray, meshes: Meshes) -> dict[str, Run]:
    """Returns our frame and PyTorch's of the same random networks."""
    import torch

    from benchmarks import torch_gdpw

    torch.set_num_threads(CORES)
    network = torch_gdpw.random_generator(design, seed=0)
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    codes = np.random.default_rng(0).uniform(size=(design.vertices, design.painted)).astype(np.float32)
    if design.has_codes:
        state["embeds"] = codes
    variables = files.fold_generator(files.from_state_dicts({files.GENERATOR: state}, design))
    painted = jax.jit(generators.paint, static_argnums=0)(design, faces, codes, *(mesh[None] for mesh in meshes))
    given = [
        torch.tensor(np.asarray(picture)).permute(0, 3, 1, 2).contiguous()
        for picture in (source[None], painted.codes_source, painted.codes_target, painted.flow_ndc)
    ]

    def frame() -> np.ndarray:
        with torch.inference_mode():
            return np.asarray(network(*given)[0].permute(1, 2, 0).numpy())

    return {"jaxanim": ours(design, faces, variables, source, meshes), "torch": frame}


def small_runs(faces: MeshFaces, meshes: Meshes) -> dict[str, Run]:
    """Returns frames of the small design with random weights, and of the models that ship with the package."""
    design = Design(**small.get_config().design.to_dict())
    rng = np.random.default_rng(0)
    models = {
        "small, random": (design, jax.tree.map(lambda leaf: _draw(rng, leaf), files.template(design, folded=True)))
    }
    folder = Path(str(importlib.resources.files("jaxanim") / "assets" / "gdpw"))
    for path in sorted(folder.glob("*.safetensors")):
        card, design, variables = files.read_gdpw(path)
        models[path.stem] = (design, variables if files.is_folded(card) else files.fold_generator(variables))
    return {
        f"{name}, {design.size} px": ours(design, faces, variables, picture(design.size), meshes)
        for name, (design, variables) in models.items()
    }


def head() -> tuple[MeshFaces, Meshes]:
    """Returns the open head's triangles, and its mesh twice in halves of the picture: as it is, and turned."""
    model = open_head.load_open_head()
    vertices = np.asarray(model.template)
    centred = vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    centred = 0.8 * centred / np.abs(centred).max()
    turn = np.asarray(rotations.axis_angle_to_matrix(jnp.asarray([0.1, 0.3, 0.0])))
    down = np.array([[1.0, -1.0, -1.0]])
    first, second = (np.asarray(mesh * down, np.float32) for mesh in (centred, centred @ turn.T))
    return generators.mesh_faces(np.asarray(model.faces)), (first, second)


def picture(size: int) -> np.ndarray:
    """Returns a smooth picture in [0, 1]."""
    y, x = np.mgrid[0:size, 0:size] / size
    waves = [np.sin(9 * x + 4 * y), np.cos(7 * y), np.sin(5 * x * y)]
    return np.asarray(0.5 + 0.4 * np.stack(waves, axis=-1), np.float32)


def measure(runs: Mapping[str, Run], rounds: int) -> dict[str, dict[str, float]]:
    """Runs all once a round, after a round of warming up; medians and least, of time and of processor time."""
    return {
        name: {
            "ms": timing.milliseconds(spent.wall),
            "least_ms": 1e3 * min(spent.wall),
            "processor_ms": timing.milliseconds(spent.processor),
            "frames_per_second": 1e3 / timing.milliseconds(spent.wall),
        }
        for name, spent in timing.measured(runs, rounds=rounds).items()
    }


def _draw(rng: np.random.Generator, leaf: Any) -> np.ndarray:
    if len(leaf.shape) < 2:
        return np.asarray(rng.uniform(0.5, 1.5, leaf.shape), np.float32)
    return np.asarray(rng.standard_normal(leaf.shape) / np.sqrt(np.prod(leaf.shape[:-1])), np.float32)


def _print(name: str, row: Mapping[str, float]) -> None:
    print(f"{name:<28} {row['ms']:8.0f} {row['least_ms']:8.0f} {row['processor_ms']:8.0f} "
          f"{row['frames_per_second']:8.2f}", flush=True)  # fmt: skip


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guidance", nargs="+", choices=GUIDANCES, default=GUIDANCES)
    parser.add_argument("--small", action="store_true", help="small networks only")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])  # before JAX makes its threads
    faces, meshes = head()
    rows: dict[str, dict[str, float]] = {}
    print(f"{'a frame':<28} {'ms':>8} {'least':>8} {'cpu ms':>8} {'/ second':>8}")
    for guidance in () if args.small else args.guidance:
        design = dataclasses.replace(RELEASED[guidance], vertices=len(meshes[0]))
        runs = pair(design, faces, picture(design.size), meshes)
        found = measure(runs, args.rounds)
        difference = np.abs(runs["jaxanim"]() - runs["torch"]()).max()
        mine, peer = found["jaxanim"], found["torch"]
        mine |= {key: mine[name] / peer[name] for key, name in (("ratio", "ms"), ("processor_ratio", "processor_ms"))}
        for name, row in found.items():
            rows[f"{guidance}, {name}"] = row
            _print(f"{guidance}, {name}", row)
        print(f"  ratio {mine['ratio']:.2f}, of processor time {mine['processor_ratio']:.2f}; pictures differ by up to "
              f"{difference:.1e}", flush=True)  # fmt: skip
    for name, row in measure(small_runs(faces, meshes), 3 * args.rounds).items():
        rows[name] = row
        _print(name, row)
    if args.json:
        args.json.write_text(json.dumps({"jax": jax.__version__, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
