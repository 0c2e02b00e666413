"""Milliseconds per 512x512 frame of a THA4 student: ours, onnxruntime, PyTorch; and what the exported files weigh.

    python -m benchmarks.tha4_student [--character char.safetensors] [--json OUT.json]

All in one process, in turns, on two threads. PyTorch takes part where it is installed. JAX and PyTorch return the
network's image; none decodes it to 8 bits. Run it on an otherwise idle machine.
"""

import argparse
import functools
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = 2
BATCH = 8
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks import timing  # noqa: E402
from jaxanim.animate import characters  # noqa: E402
from jaxanim.signals import motions  # noqa: E402
from jaxanim.systems.tha4 import files, pictures  # noqa: E402

Run = Callable[[], object]
EXPORTS = {
    "onnx opset 17": ["--opset", "17"],
    "onnx opset 23": ["--opset", "23"],
    "onnx float16": ["--float16"],
}


def jax_runs(character: files.Character, poses: np.ndarray) -> dict[str, Run]:
    """Returns our renderer for one pose and for a batch, without the decoding to 8 bits."""
    system = characters.student_system()
    variables = jax.device_put(dict(character.variables))
    code = system.encode_source(variables, jnp.asarray(pictures.encode(character.picture)))

    def one(variables: Any, code: Any, pose: Any) -> Any:
        return system.render(variables, code, pose[None]).image[0]

    single = jax.jit(one)
    batch = jax.jit(lambda variables, code, poses: jax.lax.map(lambda pose: one(variables, code, pose), poses))
    return {
        "jax jit": lambda: single(variables, code, poses[0]).block_until_ready(),
        f"jax jit, batch {BATCH}": lambda: batch(variables, code, poses).block_until_ready(),
    }


def torch_runs(character: files.Character, pose: np.ndarray) -> dict[str, Run]:
    """Returns the PyTorch student, eager and compiled, after checking that it computes the same picture."""
    import torch

    from benchmarks.torch_student import TorchStudent

    torch.set_num_threads(THREADS)
    student = TorchStudent(character.variables).eval()
    picture = torch.tensor(pictures.encode(character.picture).transpose(2, 0, 1).copy())[None]
    drive = torch.tensor(pose)[None]
    compiled = torch.compile(student)

    def run(network: Any) -> Any:
        with torch.inference_mode():
            return network(picture, drive)

    system = characters.student_system()
    code = system.encode_source(character.variables, jnp.asarray(pictures.encode(character.picture)))
    ours = np.asarray(jax.jit(system.render)(character.variables, code, pose[None]).image)[0]
    difference = np.abs(run(student)[0].numpy().transpose(1, 2, 0) - ours)
    print(f"PyTorch {torch.__version__} against ours: max {difference.max():.1e}, mean {difference.mean():.1e}")
    return {"torch eager": lambda: run(student), "torch.compile": lambda: run(compiled)}


def onnx_runs(source: Path, pose: np.ndarray, folder: Path) -> tuple[dict[str, Run], list[str]]:
    """Exports the character in processes of their own and returns onnxruntime sessions and the exporter's reports."""
    import onnxruntime

    runs: dict[str, Run] = {}
    reports = []
    for name, options in EXPORTS.items():
        target = folder / f"{name.replace(' ', '_')}.onnx"
        command = [sys.executable, "-m", "jaxanim.cli.main", "export", str(source), *options, "-o", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        reports.append(f"{name}: {done.stdout.strip().partition(': ')[2]}")
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = THREADS
        session_options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(target), session_options, providers=["CPUExecutionProvider"])
        runs[name] = functools.partial(session.run, None, {"pose": pose[None]})
    return runs, reports


def main() -> None:
    """Times everything that is installed and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--character", type=Path, default=characters.bundled_character())
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    character = files.read_character(args.character)
    poses = motions.make_motion("talk", duration=BATCH / 10, fps=10.0, seed=0).pose
    reports: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        runs = jax_runs(character, poses)
        if importlib.util.find_spec("onnxruntime"):
            onnx, reports = onnx_runs(args.character, poses[0], Path(folder))
            runs |= onnx
        if importlib.util.find_spec("torch"):
            runs |= torch_runs(character, poses[0])
        seconds = timing.interleaved(runs, rounds=args.rounds)
    rows = {name: timing.milliseconds(times, frames=BATCH if "batch" in name else 1) for name, times in seconds.items()}
    print_table(rows)
    print("\n".join(reports))
    if args.json:
        args.json.write_text(json.dumps({"milliseconds_per_frame": rows, "exports": reports}, indent=1) + "\n")


def print_table(rows: dict[str, float]) -> None:
    """Prints milliseconds per frame and the ratios to the PyTorch peers."""
    peers = [name for name in ("torch eager", "torch.compile") if name in rows]
    print(" | ".join(["per frame".ljust(18), "ms".rjust(6), *(f"/ {peer}" for peer in peers)]))
    for name, value in rows.items():
        ratios = [f"{value / rows[peer]:.2f}".rjust(len(peer) + 2) for peer in peers]
        print(" | ".join([name.ljust(18), f"{value:6.0f}", *ratios]))


if __name__ == "__main__":
    main()
