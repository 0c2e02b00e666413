"""Pictures per second of what makes and reads training data, on two cores, and how exact the drawn faces' flow is.

    python -m benchmarks.data [--json OUT.json]

Drawing is that of `data_pipelines.build` with two processes, everything known of a picture included, files excluded.
Reading goes through `Loader` with two threads; its peer is Pillow, which decodes the same files with two threads in
turn with it. Run it on an otherwise idle machine; processor time says what a busy one would have given.
"""

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent import futures
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from benchmarks import timing
from data_pipelines import shards
from data_pipelines.procedural_anime.pairs import DrawnPairs
from data_pipelines.procedural_faces import records as faces
from data_pipelines.recipes import image_folder
from jaxanim.data import Loader, pictures
from jaxanim.data.record_folder import RecordFolder
from jaxanim.ops.grid_sample import grid_sample

PROCESSES = 2
READ_SIZE, READ_PICTURES, READ_BATCH, ROUNDS = 256, 512, 32, 5


def draw_faces(size: int, person: int) -> int:
    """Draws a clip as a build does; returns its frames."""
    return len(faces.plan(count=1000, size=size).records(person))


def draw_anime(first: int) -> int:
    """Draws a few pairs, each of another character."""
    source = DrawnPairs(count=10_000, seed=0)
    return len([source[number] for number in range(first, first + 10)])


def drawing_rate(work: Callable[[int], int], jobs: int) -> dict[str, float]:
    """Returns pictures per second of all processes together, and processor time of one picture."""
    with futures.ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_Job(work), range(2 * PROCESSES)))  # compiles
        start = time.perf_counter()
        done = list(pool.map(_Job(work), range(2 * PROCESSES, 2 * PROCESSES + jobs)))
        seconds = time.perf_counter() - start
    count = sum(number for number, _ in done)
    return {"per second": count / seconds, "processor ms": 1e3 * sum(used for _, used in done) / count}


class _Job:
    """Runs work and measures its processor time; a process can be sent it."""

    def __init__(self, work: Callable[[int], int]):
        self.work = work

    def __call__(self, number: int) -> tuple[int, float]:
        start = time.process_time()
        return self.work(number), time.process_time() - start


class _FacesOfSize:
    """`draw_faces` of one size; a process can be sent it."""

    def __init__(self, size: int):
        self.size = size

    def __call__(self, person: int) -> int:
        return draw_faces(self.size, person)


def reading_rates(folder: Path) -> dict[str, float]:
    """Returns pictures per second of the loader, and of Pillow alone."""
    source = faces.DrawnFaces(count=64, seed=0, size=READ_SIZE, people=range(8))
    encoded = [pictures.encode(source[number]["image"], quality=95) for number in range(len(source))]
    raw = folder / "raw"
    raw.mkdir()
    for number in range(READ_PICTURES):
        (raw / f"{number}.jpg").write_bytes(encoded[number % len(encoded)])
    shards.build("faces", image_folder.plan(raw), folder / "built")
    loader = Loader(RecordFolder(folder / "built"), seed=0, batch_size=READ_BATCH)
    everything = [encoded[number % len(encoded)] for number in range(READ_PICTURES)]

    def read() -> None:
        with loader.batches(0, threads=2) as batches:
            for _ in range(READ_PICTURES // READ_BATCH):
                next(batches)

    def decode() -> None:
        with futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda data: pictures.decode_rgb(data, ""), everything))

    seconds = timing.interleaved({"loader": read, "Pillow": decode}, rounds=ROUNDS)
    return {name: READ_PICTURES / float(np.median(values)) for name, values in seconds.items()}


def flow_quality(size: int, pairs: int) -> dict[str, float]:
    """Returns means over pairs: PSNR in dB of the source warped by the exact flow, where the source shows the place."""
    source = faces.DrawnFacePairs(count=pairs, seed=5, size=size, people=range(50))
    found, seen = [], []
    centres = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(np.float32)
    for number in range(pairs):
        pair = source[number]
        positions = jnp.asarray(centres + pair["flow_px"])
        image = jnp.asarray(pair["source_image"], jnp.float32)
        warped = grid_sample(image, positions, padding="border", align_corners=True, units="pixel")
        error = (np.asarray(warped) - pair["driving_image"])[pair["visible"]]
        found.append(10 * np.log10(255**2 / np.mean(error.astype(np.float64) ** 2)))
        seen.append(pair["visible"].mean())
    return {"psnr": float(np.mean(found)), "lowest psnr": float(np.min(found)), "visible": float(np.mean(seen))}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    output = parser.parse_args().json
    results: dict[str, dict[str, float]] = {}
    for size, jobs in ((128, 16), (256, 8)):
        results[f"faces, {size} pixels, with everything known"] = drawing_rate(_FacesOfSize(size), jobs)
    results["anime pairs, 512 pixels, with flow"] = drawing_rate(draw_anime, 12)
    with tempfile.TemporaryDirectory() as folder:
        rates = reading_rates(Path(folder))
    ratio = rates["loader"] / rates["Pillow"]
    results[f"records, {READ_SIZE} pixels, read"] = {"per second": rates["loader"], "share of Pillow's rate": ratio}
    for size in (128, 256):
        results[f"flow of 100 pairs, {size} pixels"] = flow_quality(size, 100)
    for name, numbers in results.items():
        print(f"{name}: " + ", ".join(f"{key} {value:.2f}" for key, value in numbers.items()))
    if output is not None:
        output.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
