"""Drawn people's landmarks and what they were made of: the truth that fits are held against."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from data_pipelines.procedural_faces import clip, motion, person, scene
from jaxanim.geometry import cameras, morphable

SIZE = 256


@dataclasses.dataclass(frozen=True)
class Truth:
    """Of n pictures; see `clip.parameters`."""

    identity: np.ndarray
    expression: np.ndarray
    rotations: np.ndarray
    camera: np.ndarray


def drawn(people, frames=1, length=48):
    """Returns the truth of some frames, spread over a clip, of each person."""
    rows = []
    for number in people:
        shown = clip.Clip(
            person.random_person(number), scene.random_scene(number), motion.random_motion(number, length)
        )
        rows += [clip.parameters(shown, int(frame), SIZE) for frame in np.linspace(0, length - 1, frames)]
    return Truth(**{f.name: np.stack([row[f.name] for row in rows]) for f in dataclasses.fields(Truth)})


def project(model, truth, count, noise=0.0):
    """Returns landmarks in pixels by all vertices, with noise relative to the distance of the eyes."""
    points = np.stack([_project_one(model, truth, number, count) for number in range(len(truth.camera))])
    scale = truth.camera[:, 0] / truth.camera[:, 3] * 0.0609
    return points + np.random.default_rng(0).normal(size=points.shape) * noise * scale[:, None, None]


def _project_one(model, truth, number, count):
    rows = [jnp.asarray(getattr(truth, name)[number]) for name in ("identity", "expression", "rotations")]
    posed = _posed(model, morphable.FaceParameters(*rows))
    focal, x, y, distance = (float(value) for value in truth.camera[number])
    camera = cameras.PerspectiveCamera(
        jnp.eye(3), jnp.array([0.0, 0.0, -distance]), jnp.asarray(focal), jnp.array([x, y])
    )
    points = morphable.embed(posed.vertices, model.faces, model.landmarks[count])
    return np.asarray(cameras.project_perspective(camera, points).pixels, np.float64)


_posed = jax.jit(morphable.pose)
