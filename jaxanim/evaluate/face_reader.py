"""Finds faces whose place is known in many pictures: landmarks by networks, the rest by fitting the open head.

It is what `jaxanim fit` does with frames, without detecting anything: what is compared must be looked at alike.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.geometry import open_head
from jaxanim.tracking import alignments, face_tracks, fit
from jaxanim.tracking.fit import Fitter
from jaxanim.tracking.follow import Located
from jaxanim.tracking.locators import load_locator
from jaxanim.tracking.refiner.locator import RefinedLocator


@dataclasses.dataclass(frozen=True, eq=False)
class FoundFaces:
    """What is found in n pictures.

    Attributes:
      landmarks68: in pixels of the pictures.
      expression: coefficients.
      head_degrees: yaw, pitch and roll.
    """

    landmarks68: Float[np.ndarray, "n 68 2"]
    expression: Float[np.ndarray, "n e"]
    head_degrees: Float[np.ndarray, "n 3"]


@dataclasses.dataclass(frozen=True, eq=False)
class FaceReader:
    """What finds landmarks, and the model that is fitted to them.

    Attributes:
      locator: of 68 + 98 landmarks.
      ready: the fitter.
    """

    locator: RefinedLocator
    ready: Fitter

    def __call__(self, pictures: UInt8[np.ndarray, "n h w 3"], points: Float[np.ndarray, "n 68 2"]) -> FoundFaces:
        """Finds the face around given landmarks in each picture.

        Args:
          pictures: of one size.
          points: where to look: 68 landmarks in pixels. Pictures that are compared need the same ones.
        """
        seen = [self._see(picture, each) for picture, each in zip(pictures, points, strict=True)]
        fitted = fit.fit_picture(
            self.ready,
            np.stack([each.points for each in seen]),
            size=pictures.shape[1:3],
            prior=face_tracks.expected([each.more for each in seen], self.ready),
        )
        landmarks68 = np.stack([each.more.landmarks68 for each in seen])
        return FoundFaces(landmarks68, fitted.expression, fitted.head_degrees)

    def _see(self, picture: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "68 2"]) -> Located:
        placing = self.locator.placing
        (found,) = self.locator(picture, [alignments.around_face(points, placing.scale, placing.size, upright=True)])
        return found


def bundled_reader() -> FaceReader:
    """Returns the reader of what ships with the package: its networks and the open head."""
    return FaceReader(load_locator(careful=False), face_tracks.make_fitter(open_head.load_open_head()))
