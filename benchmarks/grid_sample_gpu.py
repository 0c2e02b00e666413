"""The warp on a GPU, checked and timed: every backend at every real size, against PyTorch and against a plain copy.

    python -m benchmarks.grid_sample_gpu --json OUT.json [--shape gdpw-512 ...]

First every backend is compared with float64 on the host, forward and both gradients; then it is timed, many calls at a
time. 'bandwidth' is what a perfect kernel would move, every array once, in the time it took, over what a copy of the
same image reaches: 0.8 is 80 % of the device's own copy. Backends that refuse say why. Ends with 1 where numbers are
wrong. Without a GPU there is nothing to measure; `--check-only` then runs the check of what runs here.
"""

import argparse
import dataclasses
import importlib.util
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.ops import grid_sample
from jaxanim.ops.grid_sample.positions import resolve
from jaxanim.ops.grid_sample.shapes import SHAPES as REAL_SHAPES
from jaxanim.ops.grid_sample.shapes import WarpShape
from tests.ops.grid_sample import exact

OPTIONS: dict[str, Any] = {"padding": "border", "align_corners": False, "units": "pixel"}
TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-2}  # of the largest number
_LARGE = REAL_SHAPES["gdpw-512"]
_OWN = (
    dataclasses.replace(_LARGE, name="gdpw-512 x 8", batch=8),
    dataclasses.replace(_LARGE, name="gdpw-512-bf16 x 8", batch=8, dtype="bfloat16"),
)
SHAPES = REAL_SHAPES | {shape.name: shape for shape in _OWN}
IMPLEMENTATIONS: dict[str, tuple[grid_sample.Implementation, ...]] = {
    "gpu": ("xla", "pallas_gpu", "mosaic_gpu"),
    "cpu": ("xla",),
}
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]
Row = dict[str, Any]
Program = Callable[..., Any]


def make_data(shape: WarpShape) -> Arrays:
    """Returns an image, a grid of a smooth flow in pixels, and a cotangent, float32."""
    rng = np.random.default_rng(0)
    y, x = np.meshgrid(np.arange(shape.rows), np.arange(shape.columns), indexing="ij")
    grid = np.stack([x + 8.0 * np.sin(y / 31.0) + 0.3, y + 7.0 * np.cos(x / 23.0) - 0.2], axis=-1).astype(np.float32)
    image = rng.standard_normal(shape.image().shape, dtype=np.float32)
    cotangent = rng.standard_normal(shape.output().shape, dtype=np.float32)
    return image, np.repeat(grid[None], shape.batch, axis=0), cotangent


def programs(implementation: grid_sample.Implementation) -> tuple[Program, Program]:
    """Returns the forward pass, and the forward pass with both gradients."""

    def forward(image: Any, grid: Any) -> Any:
        return grid_sample.grid_sample(image, grid, implementation=implementation, **OPTIONS)

    def both(image: Any, grid: Any, cotangent: Any) -> Any:
        out, pullback = jax.vjp(forward, image, grid)
        return out, *pullback(cotangent)

    return jax.jit(forward), jax.jit(both)


def expect(image: np.ndarray, grid: np.ndarray, cotangent: np.ndarray) -> Arrays:
    """Returns pixels and both gradients in float64."""
    height, width = image.shape[1:3]
    position = np.asarray(resolve(jnp.asarray(grid), height, width, **OPTIONS).stacked())
    pixels, image_gradient, along = exact.everything(image, position, cotangent)
    return pixels, image_gradient, along * ((grid > 0) & (grid < np.array([width - 1, height - 1])))


def errors(shape: WarpShape, data: Arrays, both: Program) -> dict[str, float]:
    """Returns the largest error of pixels, image gradient and position gradient of the first image, relative."""
    given = [jnp.asarray(data[0]).astype(shape.dtype), jnp.asarray(data[1]), jnp.asarray(data[2]).astype(shape.dtype)]
    results = [np.asarray(result[:1], np.float32) for result in both(*given)]
    image, grid, cotangent = (np.asarray(array[:1].astype(jnp.float32)) for array in given)
    wanted = expect(image, grid, cotangent)
    names = ("pixels", "image", "positions")
    return {
        name: float(abs(result - expected).max() / abs(expected).max())
        for name, result, expected in zip(names, results, wanted, strict=True)
    }


def microseconds(run: Callable[[], Any], wait: Callable[[Any], None], rounds: int) -> float:
    """Returns the median time of a call, of several rounds of many calls."""
    wait(run())
    start = time.perf_counter()
    wait(run())
    calls = max(1, int(0.05 / max(time.perf_counter() - start, 1e-6)))
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            found = run()
        wait(found)
        times.append((time.perf_counter() - start) / calls)
    return 1e6 * float(np.median(times))


def time_jax(shape: WarpShape, data: Arrays, implementation: grid_sample.Implementation, rounds: int) -> dict[str, Any]:
    """Returns the microseconds of both passes."""
    image, grid, cotangent = (jax.device_put(array) for array in data)
    image, cotangent = image.astype(shape.dtype), cotangent.astype(shape.dtype)
    forward, both = programs(implementation)
    return {
        "forward_us": microseconds(lambda: forward(image, grid), jax.block_until_ready, rounds),
        "both_us": microseconds(lambda: both(image, grid, cotangent), jax.block_until_ready, rounds),
    }


def time_copy(shape: WarpShape, data: Arrays, rounds: int) -> float:
    """Returns the bytes per microsecond that a copy of the image moves."""
    image = jax.device_put(data[0]).astype(shape.dtype)
    copy = jax.jit(lambda image: -image)
    return 2 * image.nbytes / microseconds(lambda: copy(image), jax.block_until_ready, rounds)


def time_torch(shape: WarpShape, data: Arrays, rounds: int) -> dict[str, Any]:
    """Returns the microseconds of PyTorch's grid_sample (NCHW)."""
    import torch

    kind = getattr(torch, shape.dtype)
    image, cotangent = (torch.tensor(a.transpose(0, 3, 1, 2).copy()).to("cuda", kind) for a in (data[0], data[2]))
    size = np.array([shape.width, shape.height], np.float32)
    grid = torch.tensor((2 * data[1] + 1) / size - 1).to("cuda", kind)
    image.requires_grad_()
    grid.requires_grad_()

    def forward() -> Any:
        return torch.nn.functional.grid_sample(image, grid, padding_mode="border", align_corners=False)

    def both() -> None:
        image.grad = grid.grad = None
        forward().backward(cotangent)

    def wait(_: Any) -> None:
        torch.cuda.synchronize()

    with torch.no_grad():
        forward_us = microseconds(forward, wait, rounds)
    return {"forward_us": forward_us, "both_us": microseconds(both, wait, rounds)}


def least_bytes(shape: WarpShape) -> int:
    """Returns what a perfect forward pass moves."""
    arrays = (shape.image(), shape.grid(), shape.output())
    return sum(math.prod(array.shape) * array.dtype.itemsize for array in arrays)


def measure(
    shape: WarpShape, implementations: tuple[Any, ...], rounds: int, check_only: bool
) -> Iterator[dict[str, Any]]:
    """Yields one row for each backend, and one for PyTorch where it has the GPU."""
    data = make_data(shape)
    bandwidth = None if check_only else time_copy(shape, data, rounds)
    for name in implementations:
        row: Row = {"shape": shape.name, "implementation": name}
        try:
            row["errors"] = errors(shape, data, programs(name)[1])
            row["right"] = max(row["errors"].values()) <= TOLERANCE[shape.dtype]
            if bandwidth is not None:
                row |= time_jax(shape, data, name, rounds)
                row["bandwidth"] = least_bytes(shape) / row["forward_us"] / bandwidth
        except (NotImplementedError, jax.errors.JaxRuntimeError) as refusal:
            row["refused"] = str(refusal)
        yield row
    if bandwidth is not None and importlib.util.find_spec("torch"):
        yield {"shape": shape.name, "implementation": "torch", "right": True} | time_torch(shape, data, rounds)


def line(row: Row) -> str:
    """Returns a row as one line."""
    head = f"{row['shape']:<18} {row['implementation']:<11}"
    if "refused" in row:
        return f"{head} REFUSED: {' '.join(row['refused'].split())[:200]}"
    parts = [f"error {max(row['errors'].values()):.1e}" + ("" if row["right"] else " WRONG")] if "errors" in row else []
    if "forward_us" in row:
        parts.append(f"forward {row['forward_us']:9.1f} us, with gradients {row['both_us']:9.1f} us")
    if "bandwidth" in row:
        parts.append(f"{row['bandwidth']:.2f} of a copy's bandwidth")
    return f"{head} {', '.join(parts)}"


def main(arguments: list[str] | None = None) -> int:
    """Checks and times every shape; returns 0, 1 where numbers are wrong, 2 where there is nothing to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--check-only", action="store_true")
    args = parser.parse_args(arguments)
    platform = jax.default_backend()
    if platform != "gpu" and not args.check_only:
        print(f"not measured: there is no GPU here, but a {platform} (--check-only)", file=sys.stderr)
        return 2
    report: dict[str, Any] = {"device": jax.devices()[0].device_kind, "jax": jax.__version__, "rows": []}
    for name in args.shape:
        for row in measure(SHAPES[name], IMPLEMENTATIONS[platform], args.rounds, args.check_only):
            print(line(row), flush=True)
            report["rows"].append(row)
            if args.json:  # after every row: a run that is cut short has its rows
                args.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if all(row.get("right", True) for row in report["rows"]) else 1


if __name__ == "__main__":
    sys.exit(main())
