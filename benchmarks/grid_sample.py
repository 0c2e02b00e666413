"""Milliseconds of the bilinear warp against its peers: PyTorch, OpenCV, onnxruntime, and a plain copy.

    python -m benchmarks.grid_sample [--shape NAME ...] [--implementation xla ...] [--json OUT.json]

Forward, and forward with both gradients, of one smooth flow (a few pixels) with border padding; all in one process, in
turns, on two threads on a CPU, or on the accelerator that JAX finds. Peers take part where they are installed. The copy
reads and writes the image once, so that copy / forward bounds from above what any warp could reach. The ratios are what
to look at; on a shared machine, those of processor time.
"""

import argparse
import functools
import importlib.util
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

THREADS = 2
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))
# Threads that spin while they wait for work would take processor time from whoever runs next.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks import timing  # noqa: E402
from jaxanim.ops import grid_sample  # noqa: E402

Run = Callable[[], object]
# Name: batch, height, width, channels.
SHAPES = {
    "256x256x64": (1, 256, 256, 64),
    "512x512x4": (1, 512, 512, 4),
    "1024x1024x3": (1, 1024, 1024, 3),
    "3840x2160x3": (1, 2160, 3840, 3),
    "8x512x512x64": (8, 512, 512, 64),
}
CPU_SHAPES = ("256x256x64", "512x512x4", "1024x1024x3", "3840x2160x3")
OPTIONS: dict[str, Any] = {"padding": "border", "align_corners": False, "units": "normalised"}


def make_data(shape: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns an image, a grid of a smooth flow in normalised units, and a cotangent."""
    batch, height, width, _ = shape
    rng = np.random.default_rng(0)
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    wave_x, wave_y = 8.0 / width * np.sin(7 * y + 2 * x), 8.0 / height * np.cos(5 * x - y)
    grid = np.stack([x + wave_x, y + wave_y], axis=-1).astype(np.float32)
    image = rng.standard_normal(shape, dtype=np.float32)
    return image, np.repeat(grid[None], batch, axis=0), rng.standard_normal(shape, dtype=np.float32)


def jax_runs(data: tuple[np.ndarray, ...], implementations: list[str], dtype: str) -> dict[str, dict[str, Run]]:
    """Returns our backends' forward and forward-and-backward, and the copy."""
    image, grid, cotangent = (jax.device_put(array) for array in data)
    image, cotangent = image.astype(dtype), cotangent.astype(dtype)
    forward: dict[str, Run] = {}
    backward: dict[str, Run] = {}
    for name in implementations:

        def sample(image: Any, grid: Any, name: Any = name) -> Any:
            return grid_sample.grid_sample(image, grid, implementation=name, **OPTIONS)

        def gradients(image: Any, grid: Any, cotangent: Any, sample: Any = sample) -> Any:
            out, pullback = jax.vjp(sample, image, grid)
            return out, pullback(cotangent)

        one, both = jax.jit(sample), jax.jit(gradients)
        forward[f"jax {name}"] = functools.partial(_wait_for, one, image, grid)
        backward[f"jax {name}"] = functools.partial(_wait_for, both, image, grid, cotangent)
    copy = jax.jit(lambda image: image + jnp.ones((), image.dtype))
    forward["copy"] = functools.partial(_wait_for, copy, image)
    return {"forward": forward, "forward + backward": backward}


def _wait_for(function: Callable[..., Any], *arguments: Any) -> None:
    jax.block_until_ready(function(*arguments))


def torch_runs(data: tuple[np.ndarray, ...], dtype: str) -> dict[str, dict[str, Run]]:
    """Returns PyTorch's grid_sample (NCHW) on the accelerator if it sees one."""
    import torch

    torch.set_num_threads(THREADS)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = getattr(torch, dtype)
    image, cotangent = (
        torch.tensor(array.transpose(0, 3, 1, 2).copy()).to(device, kind) for array in (data[0], data[2])
    )
    grid = torch.tensor(data[1]).to(device, kind)
    image.requires_grad_()
    grid.requires_grad_()

    def sample() -> Any:
        return torch.nn.functional.grid_sample(image, grid, padding_mode="border", align_corners=False)

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def forward() -> None:
        with torch.inference_mode():
            sample()
        wait()

    def both() -> None:
        image.grad = grid.grad = None
        sample().backward(cotangent)
        wait()

    return {"forward": {"torch": forward}, "forward + backward": {"torch": both}}


def opencv_runs(data: tuple[np.ndarray, ...]) -> dict[str, dict[str, Run]]:
    """Returns cv2.remap; it takes one image of at most 4 channels exactly."""
    import cv2

    image, grid, _ = data
    cv2.setNumThreads(THREADS)
    height, width = image.shape[1:3]
    x = (((grid[0, ..., 0] + 1) * width - 1) / 2).astype(np.float32)
    y = (((grid[0, ..., 1] + 1) * height - 1) / 2).astype(np.float32)
    return {
        "forward": {
            "opencv": lambda: cv2.remap(image[0], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        }
    }


def onnxruntime_runs(data: tuple[np.ndarray, ...]) -> dict[str, dict[str, Run]]:
    """Returns onnxruntime's GridSample (NCHW)."""
    import onnx
    import onnxruntime

    node = onnx.helper.make_node("GridSample", ["image", "grid"], ["out"], padding_mode="border", align_corners=0)
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ("image", "grid")]
    out = onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)
    graph = onnx.helper.make_graph([node], "warp", values, [out])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    inputs = {"image": data[0].transpose(0, 3, 1, 2).copy(), "grid": data[1]}
    return {"forward": {"onnxruntime": lambda: session.run(None, inputs)}}


def measure(runs: Mapping[str, Run], rounds: int) -> dict[str, dict[str, float]]:
    """Returns the median milliseconds and the median processor milliseconds of every run, taken in turns."""
    return {
        name: {"ms": timing.milliseconds(spent.wall), "processor_ms": timing.milliseconds(spent.processor)}
        for name, spent in timing.measured(runs, rounds=rounds).items()
    }


def all_runs(name: str, implementations: list[str], dtype: str) -> dict[str, dict[str, Run]]:
    """Returns everything that can run on a shape: direction -> name -> function."""
    data = make_data(SHAPES[name])
    runs = jax_runs(data, implementations, dtype)
    on_cpu = jax.default_backend() == "cpu"
    peers: list[dict[str, dict[str, Run]]] = []
    if importlib.util.find_spec("torch"):
        peers.append(torch_runs(data, dtype))
    if importlib.util.find_spec("cv2") and on_cpu and SHAPES[name][0] == 1 and SHAPES[name][3] <= 4:
        peers.append(opencv_runs(data))
    if importlib.util.find_spec("onnxruntime") and on_cpu and dtype == "float32":
        peers.append(onnxruntime_runs(data))
    for peer in peers:
        for direction, found in peer.items():
            runs[direction] |= found
    return runs


def main() -> None:
    """Times every shape and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", nargs="+", choices=SHAPES)
    parser.add_argument("--implementation", nargs="+", default=["xla"])
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    device = jax.devices()[0].device_kind
    names = args.shape or (CPU_SHAPES if jax.default_backend() == "cpu" else tuple(SHAPES))
    results = {}
    print(f"jax {jax.__version__} on {device}, {args.dtype}; then time and processor time over PyTorch's")
    for name in names:
        for direction, runs in all_runs(name, args.implementation, args.dtype).items():
            results[f"{name} {direction}"] = rows = measure(runs, args.rounds)
            peer = rows.get("torch")
            for run, row in rows.items():
                ratios = " ".join(f"{row[key] / peer[key]:6.2f}" for key in ("ms", "processor_ms")) if peer else ""
                print(f"{name:<14} {direction:<19} {run:<12} {row['ms']:8.2f} ms {ratios}", flush=True)
    if args.json:
        args.json.write_text(json.dumps({"device": device, "jax": jax.__version__, "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
