"""Videos of faces that are single white pixels, and a detector and a locator that know how to see them."""

import numpy as np

from jaxanim.tracking import alignments, crops
from jaxanim.tracking.crops import Box
from jaxanim.tracking.detect import Detection
from jaxanim.tracking.follow import Located, Placing

HEIGHT, WIDTH = 120, 200
PLACING = Placing(size=64, scale=1.5)
# A face around (0, 0): eyes, nose, mouth.
SHAPE = np.array([[-8.0, -6], [8, -6], [0, 2], [-6, 9], [6, 9]])


def frame(*centers):
    """Returns a picture with faces at pixels (x, y); each has room around it."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for x, y in centers:
        picture[y, x] = 255
    return picture


def faces_of(picture):
    """Returns where faces are, as positions that count from the picture's corner."""
    return np.argwhere(picture[..., 0] == 255)[:, ::-1] + 0.5


class PixelDetector:
    """Sees every face, or the first few times none; counts its calls."""

    def __init__(self, *, blind=0):
        self.calls = 0
        self._blind = blind

    def __call__(self, picture):
        """Returns boxes three pixels off."""
        self.calls += 1
        if self.calls <= self._blind:
            return ()
        boxes = [alignments.face_box(SHAPE + center + [3, -3]) for center in faces_of(picture)]
        return tuple(Detection(Box(box.x, box.y, box.width, box.height), 1.0) for box in boxes)


class PixelLocator:
    """Sees a face that lies in the crop, the one nearest to its middle; else it is not confident."""

    def __init__(self):
        self.calls = 0

    def __call__(self, picture, places):
        """Returns landmarks around the pixel."""
        self.calls += 1
        return [self._locate(faces_of(picture), place) for place in places]

    def _locate(self, centers, place):
        inside = crops.to_crop(place, centers) if len(centers) else np.zeros((0, 2))
        middle = np.abs(inside - place.size / 2).max(axis=1, initial=0.0)
        if not len(centers) or middle.min() > place.size / 2:
            center = crops.to_picture(place, np.full(2, place.size / 2))
            return Located(SHAPE + center, 0.1)
        return Located(SHAPE + centers[middle.argmin()], 0.9)
