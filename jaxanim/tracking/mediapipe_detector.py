"""MediaPipe's FaceLandmarker as a detector: the package and its .task file come from the user."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.core.errors import InputError
from jaxanim.tracking import alignments
from jaxanim.tracking.detect import Detection, best

_MAX_FACES = 16
# Corners of the left and the right eye, the nose tip and the mouth's corners among its 478 points.
_EYES = ((33, 133), (263, 362))
_NOSE, _MOUTH = 1, (61, 291)


class MediaPipeDetector:
    """Boxes from the landmarks of MediaPipe."""

    def __init__(self, path: Path):
        """Opens a file.

        Args:
          path: face_landmarker.task.

        Raises:
          InputError: mediapipe is not installed, or the file is missing or damaged.
        """
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        try:
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision
        except ImportError as error:
            raise InputError(f"{path}: MediaPipe's files need its package: pip install mediapipe") from error
        self._mediapipe: Any = mediapipe
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(path)), num_faces=_MAX_FACES
        )
        try:
            self._landmarker = vision.FaceLandmarker.create_from_options(options)
        except Exception as error:  # its C++ errors have several types
            raise InputError(f"{path}: not a FaceLandmarker file ({str(error).splitlines()[0][:200]})") from error

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"]) -> tuple[Detection, ...]:
        """Returns the faces of a picture; MediaPipe gives no scores, so that all are 1."""
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        size = np.array([picture.shape[1], picture.shape[0]], np.float64)
        faces = self._landmarker.detect(image).face_landmarks
        points = [np.array([(point.x, point.y) for point in face], np.float64) * size for face in faces]
        return best([Detection(alignments.face_box(five_points(each)), 1.0) for each in points])


def five_points(points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "5 2"]:
    """Returns eyes, nose tip and mouth corners, the picture's left first."""
    eyes = [points[list(corners)].mean(axis=0) for corners in _EYES]
    return np.stack([*eyes, points[_NOSE], *points[list(_MOUTH)]])
