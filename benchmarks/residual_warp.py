"""Milliseconds a frame of the residual warp at the photo's size against OpenCV doing the same work.

    python -m benchmarks.residual_warp [--shape NAME ...] [--mode multiscale] [--json OUT.json]

From a 128x128 frame and its flow to 8-bit RGB of the photo's size; what is done once per photo is not counted. OpenCV
(pip install opencv-python-headless; needed here, no dependency of jaxanim) resizes flow and picture, remaps the float32
residuals bilinearly with repeated edges and adds, level by level, into arrays that it keeps. One process, in turns, two
threads; the ratios are what to look at, of time and of processor time, the middle one of the rounds and the range.
Peak memory is that of a process of its own, which has never seen OpenCV (--memory NAME).
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

THREADS = 2
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))

import jax  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks import timing  # noqa: E402
from jaxanim.ops import residual_stream  # noqa: E402
from jaxanim.ops.residual_warp import Fit, Mode, Residuals  # noqa: E402

SMALL = 128
# Name: height, width, fit.
SHAPES: dict[str, tuple[int, int, Fit]] = {
    "1024 square": (1024, 1024, "pad"),
    "2048 square": (2048, 2048, "pad"),
    "4K, central square": (2160, 2160, "pad"),
    "4K, padded": (2160, 3840, "pad"),
    "4K, anisotropic": (2160, 3840, "anisotropic"),
    "8K, central square": (4320, 4320, "pad"),
    "8K, padded": (4320, 7680, "pad"),
}
USUAL = ("2048 square", "4K, central square", "4K, padded", "4K, anisotropic")


def make_data(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns a photo, a small frame, and a smooth flow of up to 6 small pixels."""
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = rng.uniform(-1, 1, (SMALL, SMALL, 3)).astype(np.float32)
    y, x = np.mgrid[0:SMALL, 0:SMALL] / SMALL
    flow_px = np.stack([6 * np.sin(5 * y + 2 * x), 6 * np.cos(4 * x - y)], axis=-1).astype(np.float32)
    return photo, image, flow_px


def make_residuals(photo: np.ndarray, mode: Mode, fit: Fit) -> Residuals:
    """Takes a photo apart."""
    take = jax.jit(functools.partial(residual_stream.take_apart, small_size=(SMALL, SMALL), mode=mode, fit=fit))
    return jax.block_until_ready(take(photo))


class Ours:
    """One frame by `residual_stream`."""

    def __init__(self, residuals: Residuals, image: np.ndarray, flow_px: np.ndarray):
        self._given = (residuals, image, flow_px)
        self._assemble = jax.jit(functools.partial(residual_stream.assemble, align_corners=True))

    def __call__(self) -> np.ndarray:
        """Returns the frame on the host."""
        return np.asarray(self._assemble(*self._given))


class OpenCv:
    """One frame by OpenCV. Values are those of 0 to 255, so that the last addition rounds and clips."""

    def __init__(self, residuals: Residuals, image: np.ndarray, flow_px: np.ndarray):
        import cv2

        cv2.setNumThreads(THREADS)
        self._cv2: Any = cv2
        self._residuals, self._flow_px = residuals, flow_px
        self._image = (image + 1) * 127.5
        self._bands = [127.5 * np.asarray(band, np.float32) for band in residuals.bands]
        self._grids = [_grid(*band.shape[:2]) for band in self._bands]
        self._positions = [np.empty_like(grid) for grid in self._grids]
        self._pictures = [(np.empty_like(band), np.empty_like(band)) for band in self._bands]
        self._result = np.empty(self._bands[0].shape, np.uint8)

    def __call__(self) -> np.ndarray:
        """Returns the frame."""
        cv2, image = self._cv2, self._image
        for level in reversed(range(len(self._bands))):
            band, positions, (base, moved) = self._bands[level], self._positions[level], self._pictures[level]
            height, width = band.shape[:2]
            growth = np.array([(width - 1) / (SMALL - 1), (height - 1) / (SMALL - 1)], np.float32)
            cv2.resize(self._flow_px * growth, (width, height), dst=positions, interpolation=cv2.INTER_LINEAR)
            cv2.add(positions, self._grids[level], dst=positions)
            cv2.remap(band, positions, None, cv2.INTER_LINEAR, dst=moved, borderMode=cv2.BORDER_REPLICATE)
            cv2.resize(image, (width, height), dst=base, interpolation=cv2.INTER_LINEAR)
            if level:
                image = cv2.add(base, moved, dst=base)
            else:
                cv2.add(base, moved, dst=self._result, dtype=cv2.CV_8U)
        (top, left), (height, width) = self._residuals.corner, self._residuals.size
        return self._result[top : top + height, left : left + width]


def _grid(height: int, width: int) -> np.ndarray:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([x, y], axis=-1)


def measure(name: str, mode: Mode, rounds: int) -> dict[str, Any]:
    """Times both in turns and compares what they make."""
    height, width, fit = SHAPES[name]
    photo, image, flow_px = make_data(height, width)
    start = time.perf_counter()
    residuals = make_residuals(photo, mode, fit)
    once = time.perf_counter() - start
    given = residuals, image, flow_px
    runs: dict[str, Ours | OpenCv] = {"jaxanim": Ours(*given), "opencv": OpenCv(*given)}
    pictures = {what: run().astype(np.int16) for what, run in runs.items()}
    difference = int(np.abs(pictures["jaxanim"] - pictures["opencv"]).max())
    spent = timing.measured(runs, rounds=rounds)
    return {
        "steps": residuals.steps,
        "once_s": once,
        "largest difference of 255": difference,
        "ms": {what: timing.milliseconds(each.wall) for what, each in spent.items()},
        "ratio": _spread({what: each.wall for what, each in spent.items()}),
        "processor_ratio": _spread({what: each.processor for what, each in spent.items()}),
    }


def _spread(times: dict[str, list[float]]) -> dict[str, float]:
    ratios = np.array(times["jaxanim"]) / np.array(times["opencv"])
    of_medians = float(np.median(times["jaxanim"]) / np.median(times["opencv"]))
    return {"of medians": of_medians, "least": float(ratios.min()), "most": float(ratios.max())}


def peak_memory(name: str, mode: Mode) -> dict[str, float]:
    """Measures peak memory in a process of its own, taking apart included."""
    command = [sys.executable, "-m", "benchmarks.residual_warp", "--memory", name, "--mode", mode]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _report_memory(name: str, mode: Mode) -> None:
    height, width, fit = SHAPES[name]
    photo, image, flow_px = make_data(height, width)
    before = _peak_gib()
    run = Ours(make_residuals(photo, mode, fit), image, flow_px)
    for _ in range(3):
        run()
    print(json.dumps({"before": before, "peak": _peak_gib()}))


def _peak_gib() -> float:
    """Returns this program's own peak; getrusage's begins with that of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**20


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", nargs="+", choices=SHAPES, default=USUAL)
    parser.add_argument("--mode", choices=("vanilla", "multiscale"), default="multiscale")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--memory", choices=SHAPES, help="measure the memory of one shape in this process, nothing else"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.memory:
        _report_memory(args.memory, args.mode)
        return
    rows = {}
    print("ms a frame, ratios to OpenCV (middle, least to most), of time and of processor time; peak memory in GiB")
    for name in args.shape:
        rows[name] = row = measure(name, args.mode, args.rounds) | {"memory_gib": peak_memory(name, args.mode)}
        ratios = "  ".join(
            f"{row[key]['of medians']:.2f} ({row[key]['least']:.2f}-{row[key]['most']:.2f})"
            for key in ("ratio", "processor_ratio")
        )
        times = f"{row['ms']['jaxanim']:7.1f} {row['ms']['opencv']:7.1f}"
        print(f"{name:<20} {args.mode:<11} {times}  {ratios}  {row['memory_gib']['peak']:.2f}", flush=True)
    result = {"device": jax.devices()[0].device_kind, "jax": jax.__version__, "mode": args.mode, "rows": rows}
    print(json.dumps(result))
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
