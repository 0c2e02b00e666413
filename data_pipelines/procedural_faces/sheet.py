"""Sheets of what is drawn: `python -m data_pipelines.procedural_faces.sheet people|expressions -o FILE.png`."""

import argparse
import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image

from data_pipelines.procedural_faces import anatomy, clip, figure, frame, ground_truth
from data_pipelines.procedural_faces.expressions import EMOTIONS, coefficients
from data_pipelines.procedural_faces.motion import axis_angle
from data_pipelines.procedural_faces.pieces import NECK
from data_pipelines.procedural_faces.scene import Scene, random_scene
from jaxanim.cli.argument_types import writable

# The eight emotions, and what they do not show; then turns of the head.
_FACES = [
    *EMOTIONS.values(),
    {"eyeBlink": 1.0},
    {"jawOpen": 0.75},
    {"mouthPucker": 0.9},
    {"mouthFunnel": 0.8, "jawOpen": 0.15},
    {"eyeBlinkLeft": 1.0, "mouthSmileLeft": 0.6, "cheekSquintLeft": 0.5},
    {"cheekPuff": 0.9},
    {"eyeLookOutLeft": 0.9, "eyeLookInRight": 0.9, "mouthLeft": 0.6},
    {"jawOpen": 0.6, "tongueOut": 0.9, "eyeSquint": 0.3},
]
_DEGREES = [(0, 0, 0)] * 12 + [(-20, 0, 4), (20, 0, -4), (-42, 4, 0), (42, -4, 0)]


EXPRESSION_PEOPLE = (3, 6, 17, 21)


def people(count: int, columns: int, size: int) -> np.ndarray:
    """Returns different people in the middle of a clip each."""
    cells = []
    for number in range(count):
        drawn = clip.random_clip(number, number, 25)
        cells.append(clip.draw(drawn, clip.figure_of(number), 12, size).image)
    return _tiled(cells, columns)


def expressions(numbers: tuple[int, ...], size: int) -> np.ndarray:
    """Returns two rows for each person: sixteen faces."""
    cells = []
    for face, degrees in zip(_FACES, _DEGREES, strict=True):
        for number in numbers:
            rotations = np.zeros((len(anatomy.anatomy().parents), 3))
            rotations[NECK] = axis_angle(np.array([degrees], float))[0]
            built = clip.figure_of(number)
            posed = figure.pose(built, coefficients(face), rotations)
            scene = _closer(random_scene(number))
            cells.append(frame.draw(built, posed, scene, ground_truth.view(built, posed, scene.camera, size)))
    by_person = [cells[k :: len(numbers)] for k in range(len(numbers))]
    return _tiled([cell for row in by_person for cell in row], len(_FACES) // 2)


def _closer(scene: Scene) -> Scene:
    camera = dataclasses.replace(scene.camera, focal=1.5 * scene.camera.focal, center=np.array([0.5, 0.36]))
    return dataclasses.replace(scene, camera=camera)


def _tiled(cells: list[np.ndarray], columns: int) -> np.ndarray:
    missing = [np.zeros_like(cells[0])] * (-len(cells) % columns)
    cells = cells + missing
    rows = [np.concatenate(cells[start : start + columns], axis=1) for start in range(0, len(cells), columns)]
    return np.concatenate(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes a sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("people", "expressions"))
    parser.add_argument("-o", "--output", type=writable, required=True, help="the .png file to write")
    parser.add_argument(
        "--size",
        type=int,
        default=128,
        choices=clip.SIZES,
        help="side of each picture as drawn",
    )
    options = parser.parse_args(arguments)
    sheet = people(64, 8, options.size) if options.what == "people" else expressions(EXPRESSION_PEOPLE, options.size)
    # The sheet is made smaller by a quarter.
    smaller = tuple(3 * side // 4 for side in reversed(sheet.shape[:2]))
    Image.fromarray(sheet).resize(smaller, Image.Resampling.LANCZOS).save(options.output, optimize=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
