"""How well landmarks tell a drawn person's pose and expression: `python -m benchmarks.face_fit --people 25 --frames 4`.

Prints, for people of the test split: error of the head's turn, correlation of all expressions and of each, of the
identity, and processor time per picture and per frame of a video.
"""

import argparse
import time

import jax.numpy as jnp
import numpy as np

from data_pipelines.procedural_faces import clip, motion, person, scene
from data_pipelines.procedural_faces.records import split_of
from jaxanim.evaluate import faces
from jaxanim.geometry import cameras, morphable, open_head
from jaxanim.geometry.morphable import MorphableModel
from jaxanim.tracking import fit, landmark_model, surfaces

_SIZE, _LENGTH = 256, 48
_LEAST_USED = 0.02  # deviation of an expression that the motions show

Rows = dict[str, np.ndarray]


def truth(people: int, frames: int) -> Rows:
    """Returns parameters of frames of people who are for tests, person after person."""
    rows = []
    for number in [n for n in range(20 * people) if split_of(n) == "test"]:
        shown = clip.Clip(
            person.random_person(number), scene.random_scene(number), motion.random_motion(number, _LENGTH)
        )
        rows += [clip.parameters(shown, int(frame), _SIZE) for frame in np.linspace(0, _LENGTH - 1, frames)]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def landmarks(model: MorphableModel, rows: Rows, count: int, noise: float) -> np.ndarray:
    """Returns points in pixels, (n, count, 2), with noise relative to the distance of the eyes."""
    pictures = len(rows["camera"])
    known = fit.Fit(
        rows["identity"],
        rows["expression"],
        rows["rotations"],
        rows["camera"],
        np.zeros((pictures, 3), np.float32),
        np.zeros(pictures, np.float32),
    )
    posed = morphable.pose(model, surfaces.face_parameters(known)).vertices
    at = morphable.embed(posed, model.faces, model.landmarks[count])
    points = np.asarray(cameras.project_perspective(surfaces.cameras_of(known), at).pixels)
    eyes = float(landmark_model.landmark_model(model, count).eye_distance)
    sigma = noise * eyes * rows["camera"][:, 0] / rows["camera"][:, 3]
    return points + np.random.default_rng(0).normal(size=points.shape) * sigma[:, None, None]


def describe(model: MorphableModel, ready: fit.Fitter, found: fit.Fit, rows: Rows) -> str:
    """Returns a line of numbers."""
    turns = [
        np.asarray(landmark_model.head_rotation(jnp.asarray(each), ready.landmarks))
        for each in (found.rotations, rows["rotations"])
    ]
    off = faces.rotation_error(*turns)
    used = rows["expression"].std(axis=0) > _LEAST_USED
    pairs = [(found.expression[:, k], rows["expression"][:, k]) for k in np.flatnonzero(used)]
    each = np.array([np.corrcoef(a, b)[0, 1] if a.std() > 0 else 0.0 for a, b in pairs])
    pooled = np.corrcoef(found.expression[:, used].ravel(), rows["expression"][:, used].ravel())[0, 1]
    weak = [f"{model.expression_names[k]} {r:.2f}" for k, r in zip(np.flatnonzero(used), each, strict=True) if r < 0.8]
    return f"turn {off.mean():.2f} degrees, expressions pooled {pooled:.3f}, mean {each.mean():.3f}; {', '.join(weak)}"


def main() -> None:
    """Draws, fits and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=25)
    parser.add_argument("--frames", type=int, default=4, help="of each person")
    parser.add_argument("--count", type=int, default=98, choices=(68, 98))
    options = parser.parse_args()
    model = open_head.load_open_head()
    ready = fit.fitter(model, options.count, contour="fixed")
    rows = truth(options.people, options.frames)
    for noise in (0.0, 0.01):
        points = landmarks(model, rows, options.count, noise)
        for _ in range(2):  # the first compiles
            start = time.process_time()
            found = fit.fit_picture(ready, points, size=(_SIZE, _SIZE))
            took = (time.process_time() - start) / len(points)
        print(f"noise {noise}: {describe(model, ready, found, rows)}; {1000 * took:.1f} ms a picture")


if __name__ == "__main__":
    main()
