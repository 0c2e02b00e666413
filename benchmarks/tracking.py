"""How well faces are found, and how fast.

    python -m benchmarks.tracking                       # 500 drawn frames of people that no network has seen
    python -m benchmarks.tracking --portraits FOLDER    # pictures with five hand-placed points each
    python -m benchmarks.tracking --video clip.mp4      # frames per second, and memory

A folder of portraits has a landmarks5.json: {"images": {"NAME.jpg": [[x, y] * 5]}}, eyes' centres, tip of the nose,
corners of the mouth, in pixels.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from data_pipelines.procedural_faces.records import DrawnFaces, split_of
from jaxanim.animate import images
from jaxanim.animate.film import Film
from jaxanim.evaluate import faces as measures
from jaxanim.geometry import landmarks
from jaxanim.geometry.open_head import load_open_head
from jaxanim.tracking import alignments, face_tracks
from jaxanim.tracking.crops import Box
from jaxanim.tracking.detect import Detection, LbpDetector
from jaxanim.tracking.follow import TrackedFace, follow, locate
from jaxanim.tracking.locators import load_locator
from jaxanim.tracking.refiner.locator import RefinedLocator

FRAMES, SIZE = 500, 256


def drawn_frames(locator: RefinedLocator, count: int) -> dict[str, float]:
    """Measures single frames of people of the split `test`; the box is the truth's, off by up to a tenth."""
    people = [person for person in range(20 * 40) if split_of(person) == "test"]
    sources = [DrawnFaces(count=count, seed=5, size=SIZE, people=range(person, person + 1)) for person in people]
    rng, head = np.random.default_rng(0), load_open_head()
    seen: list[TrackedFace] = []
    truth = []
    for number in range(count):
        record = sources[number % len(sources)][number]
        box = alignments.face_box(record["landmarks_68"])
        x, y = box.width * rng.uniform(-0.1, 0.1, 2)
        around = Box(box.x + x, box.y + y, box.width, box.height)
        ((found, place),) = locate(record["image"], [Detection(around, 1.0)], locator, locator.placing)
        seen.append(TrackedFace(number, 0, True, found.points, found.confidence, place, found.more))
        truth.append(record)
    ready = face_tracks.make_fitter(head)
    tracks = [
        face_tracks.make_track([face], size=(SIZE, SIZE), time=np.zeros(1), fps=25.0, ready=ready) for face in seen
    ]
    points = np.stack([record["landmarks_68"] for record in truth])
    expression = np.stack([record["expression"] for record in truth])
    heads = _heads(np.stack([record["rotations"] for record in truth]))
    found68 = np.stack([face.more.landmarks68 for face in seen])
    fitted = np.stack([track.expression[0] for track in tracks])
    regressed = np.stack([face.more.expression for face in seen])
    return {
        "frames": count,
        "landmarks_68_percent": 100 * float(measures.landmark_error(found68, points).mean()),
        "head_degrees_of_fit": float(
            measures.rotation_error(_heads(np.stack([track.rotations[0] for track in tracks])), heads).mean()
        ),
        "head_degrees_of_regressor": float(
            measures.rotation_error(np.stack([face.more.head for face in seen]), heads).mean()
        ),
        "expression_correlation_of_fit": measures.correlation(fitted, expression),
        "expression_correlation_of_refiner": measures.correlation(regressed, expression),
    }


def portraits(locator: RefinedLocator, folder: Path) -> dict[str, float]:
    """Measures pictures with hand-placed points; errors are relative to the distance of the eyes."""
    marked = json.loads((folder / "landmarks5.json").read_text())["images"]
    errors = []
    for name, points in marked.items():
        picture = images.read_rgb(folder / name, background=(255, 255, 255))
        (face,) = follow([picture], LbpDetector(), locator, locator.placing)
        found, wanted = face.more.landmarks68, np.array(points)
        five = np.stack([found[36:42].mean(axis=0), found[42:48].mean(axis=0), *found[[30, 48, 54]]])
        away = np.linalg.norm(five - wanted, axis=-1) / np.linalg.norm(wanted[1] - wanted[0])
        print(f"{name:16} " + " ".join(f"{100 * each:6.1f}" for each in away))
        errors.append(away)
    return {"mean_percent": 100 * float(np.mean(errors)), "worst_percent": 100 * float(np.max(errors))}


def speed(locator: RefinedLocator, path: Path) -> dict[str, float]:
    """Times following and fitting, what is compiled beforehand; memory is the process's peak, in megabytes."""
    film, ready = Film(path), face_tracks.make_fitter(load_open_head())
    found: dict[str, float] = {}
    for _ in range(2):  # the first time compiles
        times: list[float] = []
        start, used = time.perf_counter(), time.process_time()
        size = (0, 0)

        def pictures(times: list[float] = times) -> Iterator[np.ndarray]:
            nonlocal size
            for at, picture in film.frames():
                times.append(at)
                size = picture.shape[0], picture.shape[1]
                yield picture

        faces = list(follow(pictures(), LbpDetector(), locator, locator.placing))
        followed = time.perf_counter() - start
        face_tracks.make_track(faces, size=size, time=np.array(times), fps=film.fps, ready=ready)
        whole = time.perf_counter() - start
        found = {
            "frames": len(faces),
            "found": sum(face.found for face in faces),
            "frames_per_second": len(faces) / whole,
            "frames_per_second_without_fit": len(faces) / followed,
            "processor_seconds_per_frame": (time.process_time() - used) / len(faces),
            "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regressor", type=Path, help="by default the one that ships")
    parser.add_argument("--refiner", type=Path, help="by default the one that ships")
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--portraits", type=Path)
    parser.add_argument("--video", type=Path)
    options = parser.parse_args(arguments)
    locator = load_locator(options.regressor, options.refiner, careful=options.video is None)
    if options.portraits:
        found = portraits(locator, options.portraits)
    elif options.video:
        found = speed(locator, options.video)
    else:
        found = drawn_frames(locator, options.frames)
    for name, value in found.items():
        print(f"{name:40} {value:10.3f}")


def _heads(rotations: np.ndarray) -> np.ndarray:
    return np.asarray(landmarks.head_rotation(jnp.asarray(rotations), chain=(0, 1)))


if __name__ == "__main__":
    main()
