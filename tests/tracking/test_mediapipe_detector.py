"""MediaPipe as a detector, with a stand-in for its package, and without it."""

import sys
import types

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.tracking import alignments
from jaxanim.tracking.mediapipe_detector import MediaPipeDetector, five_points

FACE = np.array([[0.3, 0.4], [0.5, 0.4], [0.4, 0.5], [0.32, 0.6], [0.48, 0.6]])  # shares of the picture's sides


def points478():
    """The face's five points where MediaPipe has them, eyes as two corners each."""
    points = np.full((478, 2), 0.45)
    for corners, eye in (((33, 133), FACE[0]), ((263, 362), FACE[1])):
        points[list(corners)] = eye + [[-0.02, 0], [0.02, 0]]
    points[[1, 61, 291]] = FACE[2:]
    return points


def stand_in(monkeypatch, faces):
    """Puts a package into place that has what is used of mediapipe."""

    class Landmarker:
        @classmethod
        def create_from_options(cls, options):
            if "broken" in options["base_options"]["model_asset_path"]:
                raise RuntimeError("Unable to open zip archive")
            return cls()

        def detect(self, image):
            assert image["data"].dtype == np.uint8
            landmarks = [[types.SimpleNamespace(x=x, y=y) for x, y in face] for face in faces]
            return types.SimpleNamespace(face_landmarks=landmarks)

    vision = types.SimpleNamespace(FaceLandmarkerOptions=dict, FaceLandmarker=Landmarker)
    python = types.ModuleType("mediapipe.tasks.python")
    python.BaseOptions, python.vision = dict, vision
    package = types.ModuleType("mediapipe")
    package.Image, package.ImageFormat = dict, types.SimpleNamespace(SRGB=1)
    monkeypatch.setitem(sys.modules, "mediapipe", package)
    monkeypatch.setitem(sys.modules, "mediapipe.tasks", types.ModuleType("mediapipe.tasks"))
    monkeypatch.setitem(sys.modules, "mediapipe.tasks.python", python)


def task(tmp_path, name="face_landmarker.task"):
    path = tmp_path / name
    path.write_bytes(b"")
    return path


def test_boxes_come_from_the_landmarks(monkeypatch, tmp_path):
    stand_in(monkeypatch, [points478()])
    (face,) = MediaPipeDetector(task(tmp_path))(np.zeros((300, 400, 3), np.uint8))
    assert face.box == alignments.face_box(five_points(points478() * [400.0, 300.0]))
    np.testing.assert_allclose(five_points(points478()), FACE)


def test_no_face(monkeypatch, tmp_path):
    stand_in(monkeypatch, [])
    assert MediaPipeDetector(task(tmp_path))(np.zeros((30, 40, 3), np.uint8)) == ()


def test_files_and_packages_that_are_missing(monkeypatch, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        MediaPipeDetector(tmp_path / "missing.task")
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(InputError, match="pip install mediapipe"):
        MediaPipeDetector(task(tmp_path))
    stand_in(monkeypatch, [])
    with pytest.raises(InputError, match=r"not a FaceLandmarker file \(Unable to open"):
        MediaPipeDetector(task(tmp_path, "broken.task"))
