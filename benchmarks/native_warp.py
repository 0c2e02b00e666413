"""The native CPU warp against torch.nn.functional.grid_sample and against XLA, forward and with both gradients.

    python -m benchmarks.native_warp [--rounds 15] [--flow smooth] [--json OUT.json]

One process, two threads, in turns; every way takes a normalised grid (border padding, corners not aligned) and the
layout it likes best: NCHW for PyTorch, NHWC for us. Two ratios are printed: of median wall time, and of median CPU time
of the whole process, which other programs on the machine disturb less.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = 2
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

from jaxanim.ops import grid_sample as ops  # noqa: E402
from jaxanim.ops.grid_sample import native  # noqa: E402

Run = Callable[[], object]
SIZES = ((256, 256, 64), (512, 512, 4), (1024, 1024, 3), (2160, 3840, 3))
ROW = "{:>16} {:>8} {:>12} {:>8.2f} {:>8.2f} {:>6.2f} {:>6.2f}"


def make_grid(height: int, width: int, flow: str, rng: np.random.Generator) -> np.ndarray:
    """Returns a normalised grid: the identity moved smoothly by a few pixels, or random positions."""
    if flow == "random":
        return rng.uniform(-1.1, 1.1, (1, height, width, 2)).astype(np.float32)
    coarse = torch.tensor(4.0 * rng.normal(size=(1, 2, 8, 8)).astype(np.float32))
    moved = functional.interpolate(coarse, size=(height, width), mode="bicubic")[0].permute(1, 2, 0).numpy()
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    pixels = np.stack([x, y], axis=-1) + moved
    grid: np.ndarray = ((2.0 * pixels + 1.0) / np.array([width, height]) - 1.0).astype(np.float32)[None]
    return grid


def jax_runs(image: np.ndarray, grid: np.ndarray, cotangent: np.ndarray, name: Any) -> dict[str, Run]:
    """Returns forward and forward with gradients of one of our implementations."""

    def sample(image: jax.Array, grid: jax.Array) -> jax.Array:
        options: dict[str, Any] = {"padding": "border", "align_corners": False, "units": "normalised"}
        return ops.grid_sample(image, grid, implementation=name, **options)

    def both(image: jax.Array, grid: jax.Array, cotangent: jax.Array) -> Any:
        out, pullback = jax.vjp(sample, image, grid)
        return out, pullback(cotangent)

    forward, gradients = jax.jit(sample), jax.jit(both)
    i, g, q = map(jnp.asarray, (image, grid, cotangent))
    return {
        "forward": lambda: jax.block_until_ready(forward(i, g)),
        "with gradients": lambda: jax.block_until_ready(gradients(i, g, q)),
    }


def torch_runs(image: np.ndarray, grid: np.ndarray, cotangent: np.ndarray) -> dict[str, Run]:
    """Returns the same of PyTorch."""
    i, q = (torch.tensor(array.transpose(0, 3, 1, 2).copy()) for array in (image, cotangent))
    g = torch.tensor(grid)
    trained = [array.detach().clone().requires_grad_() for array in (i, g)]

    def sample(image: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
        return functional.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def forward() -> torch.Tensor:
        with torch.inference_mode():
            return sample(i, g)

    return {"forward": forward, "with gradients": lambda: torch.autograd.grad(sample(*trained), trained, q)}


def measure(runs: dict[str, Run], rounds: int) -> dict[str, tuple[float, float]]:
    """Returns the median milliseconds (wall, CPU of the process) of each, run in turns."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for index in range(rounds + 1):
        for name, run in runs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            if index:  # the first round compiles
                times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: tuple(1e3 * np.median(found, axis=0)) for name, found in times.items()}


def main() -> None:
    """Measures every size and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--flow", choices=("smooth", "random"), default="smooth")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(THREADS)
    native.build()
    rows: list[dict[str, Any]] = []
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(ROW.replace(".2f", "").format("what", "", "size", "wall ms", "CPU ms", "/wall", "/CPU"))
    for height, width, channels in SIZES:
        rng = np.random.default_rng(0)
        shape = (1, height, width, channels)
        image, cotangent = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
        given = image, make_grid(height, width, args.flow, rng), cotangent
        ways = {"torch": torch_runs(*given), "native": jax_runs(*given, "native"), "xla": jax_runs(*given, "xla")}
        for what in ("forward", "with gradients"):
            found = measure({name: runs[what] for name, runs in ways.items()}, args.rounds)
            for name, (wall, cpu) in found.items():
                ratios = wall / found["torch"][0], cpu / found["torch"][1]
                print(ROW.format(what, name, f"{height}x{width}x{channels}", wall, cpu, *ratios), flush=True)
                rows.append({"what": what, "way": name, "size": shape, "wall_ms": wall, "cpu_ms": cpu})
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
