"""Finding faces in pictures: the default detector, and the choice among what was found.

Pictures are uint8 RGB, (h, w, 3). Every detector gives boxes of one kind: squares from above the brows to the chin,
without hair and ears, as `alignments.face_box` makes them of landmarks.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from jaxanim.core.errors import InputError
from jaxanim.tracking import alignments, crops
from jaxanim.tracking.crops import Box

Which = Literal["largest", "all"] | int
# Longest sides of the pictures that are searched: the next one only where nothing was found in those before.
_SIDES = (320, 640, 1280)
_SCALE_FACTOR = 1.1  # between the windows of the cascade
_WINDOW = 24  # pixels: the smallest face it knows
_MIN_SCORE = 10  # boxes on one face; what is none gets four, at times nine
_MIN_OVERLAP = 0.4  # intersection over union of boxes on one face
_COVERED = 0.5  # share of a box in a better one, from which on it counts as the same face


@dataclasses.dataclass(frozen=True)
class Detection:
    """A face.

    Attributes:
      box: a square around it, in pixels of the picture.
      score: how sure its detector is; of use among detections of one detector.
    """

    box: Box
    score: float


@runtime_checkable
class Detector(Protocol):
    """Finds faces in a picture, best first; none is a result, too."""

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"]) -> tuple[Detection, ...]:
        """Returns the faces of a picture."""


class LbpDetector:
    """scikit-image's cascade of local binary patterns, for faces seen from the front (Liao et al. 2007).

    It sees faces that are 24 pixels wide or more, a thirtieth of the longest side in large pictures; smaller ones of a
    picture are found only where there are no larger ones.
    """

    def __init__(self, *, tilts: Sequence[float] = (20.0, 40.0)):
        """Reads the cascade.

        Args:
          tilts: degrees by which heads may lean to either side, tried in turn where no upright face is found.
        """
        import skimage.data
        from skimage.feature import Cascade

        self._cascade = Cascade(skimage.data.lbp_frontal_face_cascade_filename())
        self._tilts = tuple(tilts)

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"]) -> tuple[Detection, ...]:
        """Returns the faces; a score is the number of overlapping windows in which the cascade sees a face."""
        for number, side in enumerate(_SIDES):
            if number and max(picture.shape[:2]) <= _SIDES[number - 1]:
                break
            found = self._upright(picture, side)
            for tilt in self._tilts if number == 0 else ():
                found = found or best(self._tilted(picture, side, -tilt) + self._tilted(picture, side, tilt))
            if found:
                return found
        return ()

    def _upright(self, picture: UInt8[np.ndarray, "h w 3"], side: int) -> tuple[Detection, ...]:
        """Returns the faces of a picture that is shrunk to a longest side."""
        height, width = picture.shape[:2]
        scale = min(1.0, side / max(height, width))
        sides = max(1, round(width * scale)), max(1, round(height * scale))
        faces = self._faces(np.asarray(Image.fromarray(picture).resize(sides, Image.Resampling.BOX)))
        return tuple(dataclasses.replace(face, box=_scaled(face.box, 1 / scale)) for face in faces)

    def _tilted(self, picture: UInt8[np.ndarray, "h w 3"], side: int, tilt: float) -> tuple[Detection, ...]:
        """Returns the faces of the square in the picture's middle, turned so that tilted heads are upright."""
        length = max(picture.shape[:2])
        center = np.array([picture.shape[1] / 2, picture.shape[0] / 2])
        turned = alignments.around_center(center, float(length), min(side, length), degrees=tilt)
        faces = self._faces(crops.take(picture, turned))
        return tuple(dataclasses.replace(face, box=_back(face.box, turned)) for face in faces)

    def _faces(self, picture: UInt8[np.ndarray, "h w 3"]) -> tuple[Detection, ...]:
        if min(picture.shape[:2]) < _WINDOW:
            return ()
        grey = np.asarray(Image.fromarray(picture).convert("L"))
        found = self._cascade.detect_multi_scale(
            img=grey,
            scale_factor=_SCALE_FACTOR,
            step_ratio=1.0,
            min_size=(_WINDOW, _WINDOW),
            max_size=(min(grey.shape), min(grey.shape)),
            min_neighbor_number=1,
            intersection_score_threshold=2.0,  # no two of its boxes are made one: that is done here, and counted
        )
        boxes = np.array([(raw["c"], raw["r"], raw["width"], raw["height"]) for raw in found], np.float64)
        return merge(boxes.reshape(-1, 4), min_score=_MIN_SCORE)


def choose(detections: Sequence[Detection], which: Which) -> tuple[Detection, ...]:
    """Returns the faces that are wanted.

    Args:
      detections: what a detector found.
      which: 'largest', 'all', or a number: 0 is the face furthest to the left.

    Returns:
      One face, or with 'all' every one, from left to right.

    Raises:
      InputError: there is no such face.
    """
    if not detections:
        raise InputError("no face found")
    ordered = sorted(detections, key=lambda face: float(face.box.center[0]))
    if which == "all":
        return tuple(ordered)
    if which == "largest":
        return (max(ordered, key=lambda face: face.box.width * face.box.height),)
    if not isinstance(which, int):
        raise InputError(f"faces are 'largest', 'all' or a number, got {which!r}")
    if not 0 <= which < len(ordered):
        count = "there is one face, number 0" if len(ordered) == 1 else f"there are faces 0 to {len(ordered) - 1}"
        raise InputError(f"no face {which}: {count}, from left to right")
    return (ordered[which],)


def merge(boxes: Float[np.ndarray, "n 4"], *, min_score: float) -> tuple[Detection, ...]:
    """Makes one face of the boxes (x, y, width, height) that overlap: their mean, with their number as its score."""
    labels = np.arange(len(boxes))
    for first, second in np.argwhere(np.triu(overlap(boxes, boxes) > _MIN_OVERLAP, 1)):
        labels[labels == labels[second]] = labels[first]
    groups = [boxes[labels == label] for label in np.unique(labels)]
    return best(
        [Detection(Box(*group.mean(axis=0).tolist()), len(group)) for group in groups if len(group) >= min_score]
    )


def best(faces: Sequence[Detection]) -> tuple[Detection, ...]:
    """Returns faces by score, without those that are half covered by better ones."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(_covered(face.box, better.box) for better in kept):
            kept.append(face)
    return tuple(kept)


def overlap(first: Float[np.ndarray, "m 4"], second: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "m n"]:
    """Returns the intersection over union of boxes (x, y, width, height)."""
    ends = [boxes[:, :2] + boxes[:, 2:] for boxes in (first, second)]
    corner, end = np.maximum(first[:, None, :2], second[None, :, :2]), np.minimum(ends[0][:, None], ends[1][None])
    common = np.maximum(end - corner, 0.0).prod(axis=-1)
    return common / (first[:, None, 2:].prod(axis=-1) + second[None, :, 2:].prod(axis=-1) - common)


def _covered(box: Box, other: Box) -> bool:
    """Tells whether half of the smaller box lies in the larger."""
    wide = min(box.x + box.width, other.x + other.width) - max(box.x, other.x)
    high = min(box.y + box.height, other.y + other.height) - max(box.y, other.y)
    smaller = min(box.width * box.height, other.width * other.height)
    return wide > 0 and high > 0 and wide * high > _COVERED * smaller


def _scaled(box: Box, factor: float) -> Box:
    return Box(box.x * factor, box.y * factor, box.width * factor, box.height * factor)


def _back(box: Box, alignment: crops.Alignment) -> Box:
    """Returns the upright box of the same size and middle in the picture."""
    x, y = crops.to_picture(alignment, box.center)
    side = box.width / alignment.scale
    return Box(float(x - side / 2), float(y - side / 2), side, side)
