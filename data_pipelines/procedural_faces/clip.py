"""A person who moves before a camera: pictures with everything that is known of them."""

import dataclasses
import functools
import threading

import numpy as np

from data_pipelines.open_head.model import METRES
from data_pipelines.procedural_faces import anatomy, figure, frame, ground_truth
from data_pipelines.procedural_faces.figure import Figure
from data_pipelines.procedural_faces.motion import Motion, random_motion
from data_pipelines.procedural_faces.person import Person, random_person
from data_pipelines.procedural_faces.scene import Camera, Scene, random_scene
from jaxanim.signals import action_units

SIZES = (64, 128, 256, 512)
_BUILDING = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Clip:
    """What decides every picture of a clip."""

    person: Person
    scene: Scene
    motion: Motion


@dataclasses.dataclass(frozen=True)
class Frame:
    """A picture and what is known of it; pixels as in `ground_truth`.

    Attributes:
      image: sRGB, uint8, (size, size, 3).
      labels: which of `ground_truth.LABELS` each pixel shows, uint8, (size, size).
      landmarks_68: (68, 2), float32.
      landmarks_98: (98, 2), float32.
      view: the surface as the camera sees it, for `ground_truth.flow`.
    """

    image: np.ndarray
    labels: np.ndarray
    landmarks_68: np.ndarray
    landmarks_98: np.ndarray
    view: ground_truth.View


def random_clip(person_seed: int, clip_seed: int, frames: int) -> Clip:
    """Draws a clip of somebody; the same for the same seeds and length."""
    return Clip(random_person(person_seed), random_scene(clip_seed), random_motion(clip_seed, frames))


def draw(clip: Clip, built: Figure, number: int, size: int) -> Frame:
    """Draws a frame.

    Args:
      clip: whose.
      built: the clip's person, as `figure.build` makes it.
      number: of the frame.
      size: side of the picture.
    """
    if size not in SIZES:
        raise ValueError(f"pictures can have sides of {SIZES} pixels, got {size}")
    posed = figure.pose(built, clip.motion.expression[number], clip.motion.rotations[number])
    seen = ground_truth.view(built, posed, clip.scene.camera, size)
    return Frame(
        frame.draw(built, posed, clip.scene, seen),
        ground_truth.labels(built, seen),
        ground_truth.landmarks(seen, 68),
        ground_truth.landmarks(seen, 98),
        seen,
    )


def parameters(clip: Clip, number: int, size: int) -> dict[str, np.ndarray]:
    """Returns what drives the open head in a frame, float32.

    `identity` (60), `expression` (52) and `rotations` (5, 3) are `morphable.FaceParameters`; `camera` (4) is the focal
    length and the centre in pixels from the picture's corner, and the distance in metres of a `PerspectiveCamera` that
    looks along -z; `action_units` (17) are OpenFace's, 0 to 5.
    """
    expression = clip.motion.expression[number]
    values = {
        "identity": clip.person.identity,
        "expression": expression,
        "rotations": clip.motion.rotations[number],
        "camera": _camera(clip.scene.camera, size),
        "action_units": action_units.from_blendshapes(expression, anatomy.anatomy().expression_names),
    }
    return {name: np.asarray(value, np.float32) for name, value in values.items()}


def _camera(camera: Camera, size: int) -> list[float]:
    return [camera.focal * size, *(camera.center * size), camera.distance * METRES]


def figure_of(person_seed: int) -> Figure:
    """Returns somebody's figure; the 256 asked for last are kept, 5.5 MB each. Threads wait for each other."""
    with _BUILDING:
        return _built(person_seed)


@functools.lru_cache(maxsize=1)
def figure_in_turn(person_seed: int) -> Figure:
    """Returns somebody's figure and keeps it alone: for recipes, which draw one person after the other."""
    return figure.build(random_person(person_seed))


@functools.lru_cache(maxsize=256)
def _built(person_seed: int) -> Figure:
    return figure.build(random_person(person_seed))
