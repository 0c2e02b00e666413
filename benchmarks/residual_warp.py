"""Milliseconds a frame of the residual warp at the photo's size against OpenCV doing the same work.

    python -m benchmarks.residual_warp [--shape NAME ...] [--mode multiscale] [--json OUT.json]

From a 128x128 frame and its flow to 8-bit RGB of the photo's size; what is done once per photo is not counted. OpenCV
(pip install opencv-python-headless; needed here, no dependency of jaxanim) resizes flow and picture, remaps the float32
residuals bilinearly with repeated edges and adds, level by level, into arrays that it keeps. One process, in turns, two
threads: ours make two frames at a time, as animations do (`animate.ahead`), or one; OpenCV's share a frame, or make one
each. The ratios are what to look at, of time and of processor time, the middle one of the rounds and the range.
Peak memory is that of a process of its own, which has never seen OpenCV (--memory NAME).
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

THREADS = 2
FRAMES = 4  # of a round
OURS, ONE, PEER, PEERS = "jaxanim", "jaxanim, one at a time", "OpenCV", "OpenCV, one a thread"
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])  # for all that run here

import jax  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks import timing  # noqa: E402
from jaxanim.animate import ahead  # noqa: E402
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

        self._cv2: Any = cv2
        self._residuals, self._flow_px = residuals, flow_px
        self._image = (image + 1) * 127.5
        self._bands = [127.5 * np.asarray(band, np.float32) for band in residuals.bands]
        self._grids = [_grid(*band.shape[:2]) for band in self._bands]
        self._positions = [np.empty_like(grid) for grid in self._grids]
        self._pictures = [(np.empty_like(band), np.empty_like(band)) for band in self._bands]
        self._result = np.empty(self._bands[0].shape, np.uint8)

    def threads(self, count: int) -> None:
        """Sets how many threads share a frame, of all that OpenCV makes."""
        self._cv2.setNumThreads(count)

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
    """Times all in turns and compares what they make."""
    height, width, fit = SHAPES[name]
    photo, image, flow_px = make_data(height, width)
    start = time.perf_counter()
    residuals = make_residuals(photo, mode, fit)
    once = time.perf_counter() - start
    given = residuals, image, flow_px
    ours, peers = Ours(*given), [OpenCv(*given) for _ in range(THREADS)]
    difference = int(np.abs(ours().astype(np.int16) - peers[0]()).max())
    runs = {
        OURS: lambda: _made_ahead(lambda frame: ours(), FRAMES),
        ONE: lambda: [ours() for _ in range(FRAMES)],
        PEER: lambda: _in_turn(peers[0]),
        PEERS: lambda: _at_once(peers),
    }
    spent = timing.measured(runs, rounds=rounds)
    return {
        "steps": residuals.steps,
        "once_s": once,
        "largest difference of 255": difference,
        "ms": {what: timing.milliseconds(each.wall, frames=FRAMES) for what, each in spent.items()},
        "ratio": {peer: _spread(spent[OURS].wall, spent[peer].wall) for peer in (PEER, PEERS)},
        "ratio_of_one": _spread(spent[ONE].wall, spent[PEER].wall),
        "processor_ratio": {peer: _spread(spent[OURS].processor, spent[peer].processor) for peer in (PEER, PEERS)},
    }


def _made_ahead(make: Callable[[int], object], count: int) -> None:
    """Makes frames as an animation does."""
    for _ in ahead.mapped(make, range(count), threads=THREADS):
        pass


def _in_turn(peer: OpenCv) -> None:
    """Makes frames one after the other; OpenCV's threads share each."""
    peer.threads(THREADS)
    for _ in range(FRAMES):
        peer()


def _at_once(peers: Sequence[OpenCv]) -> None:
    """Makes as many frames at the same time as there are threads, each by one."""
    peers[0].threads(1)
    _made_ahead(lambda number: [peers[number]() for _ in range(FRAMES // THREADS)], THREADS)


def _spread(ours: list[float], theirs: list[float]) -> dict[str, float]:
    ratios = np.array(ours) / np.array(theirs)
    of_medians = float(np.median(ours) / np.median(theirs))
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
    _made_ahead(lambda frame: run(), FRAMES)
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
    print(f"ms a frame of {', '.join((OURS, ONE, PEER, PEERS))};")
    print("ratios (middle, least to most) of the first to the third and the fourth, of the second to the third; of")
    print("processor time of the first to the third; peak memory in GiB")
    for name in args.shape:
        rows[name] = row = measure(name, args.mode, args.rounds) | {"memory_gib": peak_memory(name, args.mode)}
        spreads = (row["ratio"][PEER], row["ratio"][PEERS], row["ratio_of_one"], row["processor_ratio"][PEER])
        ratios = "  ".join(f"{each['of medians']:.2f} ({each['least']:.2f}-{each['most']:.2f})" for each in spreads)
        times = " ".join(f"{row['ms'][what]:6.1f}" for what in (OURS, ONE, PEER, PEERS))
        print(f"{name:<20} {args.mode:<11} {times}  {ratios}  {row['memory_gib']['peak']:.2f}", flush=True)
    result = {"device": jax.devices()[0].device_kind, "jax": jax.__version__, "mode": args.mode, "rows": rows}
    print(json.dumps(result))
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
