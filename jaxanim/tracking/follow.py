"""Following one face through a video: found once, then looked for where it was in the frame before.

Frames are uint8 RGB, (h, w, 3). Memory does not grow with their number. `follow_all` follows every face.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.core import checks
from jaxanim.core.errors import InputError
from jaxanim.tracking import alignments
from jaxanim.tracking.crops import Alignment, Box
from jaxanim.tracking.detect import Detection, Detector, Which, choose, overlap

Picture = UInt8[np.ndarray, "h w 3"]
OnMissing = Literal["hold", "skip", "error"]
ON_MISSING: tuple[OnMissing, ...] = ("hold", "skip", "error")
MIN_CONFIDENCE = 0.5
_MIN_SIDE = 8.0  # pixels of a face's box: what is smaller is none
_SAME = 0.3  # intersection over union, from which on two boxes are of one face


@dataclasses.dataclass(frozen=True, eq=False)
class Located:
    """What a landmark network makes of a crop.

    Attributes:
      points: landmarks in pixels of the picture, which count from its corner.
      confidence: that there is a face, 0 to 1.
      more: whatever else the locator knows of the face; it is handed on.
    """

    points: Float[np.ndarray, "n 2"]
    confidence: float
    more: Any = None


@runtime_checkable
class Locator(Protocol):
    """Finds the landmarks of faces whose place is about known."""

    def __call__(self, picture: Picture, places: Sequence[Alignment]) -> Sequence[Located]:
        """Returns the landmarks of the face in each of the crops of a picture."""


@dataclasses.dataclass(frozen=True)
class Placing:
    """The crops that a locator is made for.

    Attributes:
      size: side of a crop, in pixels.
      scale: side of a crop over that of the face's box (`alignments.face_box`).
    """

    size: int
    scale: float


@dataclasses.dataclass(frozen=True, eq=False)
class TrackedFace:
    """A face in a frame.

    Attributes:
      frame: number of the frame, from 0.
      face: number of the face, from 0.
      found: whether it was seen in this frame; if not, the rest is held from another one.
      points: landmarks in pixels of the frame.
      confidence: of the locator; 0 where the face was not found.
      alignment: the crop it was located in.
      more: what the locator added.
    """

    frame: int
    face: int
    found: bool
    points: Float[np.ndarray, "n 2"]
    confidence: float
    alignment: Alignment
    more: Any = None

    def held(self, frame: int) -> "TrackedFace":
        """Returns it for a frame in which it was not found."""
        return dataclasses.replace(self, frame=frame, found=False, confidence=0.0)


def follow(
    frames: Iterable[Picture],
    detector: Detector,
    locator: Locator,
    placing: Placing,
    *,
    which: Which = "largest",
    on_missing: OnMissing = "hold",
    min_confidence: float = MIN_CONFIDENCE,
) -> Iterator[TrackedFace]:
    """Yields one face in the frames of a video, in their order.

    Where the face is lost it is looked for in the whole frame; of several faces the one nearest to where it was last is
    taken. So it is after a cut, too: of the new scene's faces that one goes on.

    Args:
      frames: of equal size.
      detector: for the first frame, and for those after the face was lost.
      locator: for every frame.
      placing: crops that the locator wants.
      which: 'largest', or the number of the face in the first frame that has one, from left to right; what a detector
        sees and the locator does not believe is none.
      on_missing: for frames without the face. 'hold' repeats the last one (`found` is False), and gives the first one
        to the frames before it; 'skip' leaves them out; 'error' ends.
      min_confidence: of the locator, below which the face is lost.

    Raises:
      InputError: no frame has a face; a frame has none, and that is an error; or there is no face `which`.
    """
    checks.check_option("on_missing", on_missing, ON_MISSING)
    if which == "all":
        raise ValueError("follow gives one face, follow_all gives all")
    last: TrackedFace | None = None
    waiting = 0  # frames before the first face
    count = 0
    for count, picture in enumerate(frames, start=1):
        now = _look(picture, count - 1, last, detector, locator, placing, which, min_confidence)
        if now is None and on_missing == "error":
            raise InputError(f"no face in frame {count - 1} (--on-missing hold or skip goes on without)")
        if now is not None:
            if on_missing == "hold" and last is None:
                yield from (now.held(frame) for frame in range(waiting))
            yield now
            last = now
        elif last is None:
            waiting += 1
        else:
            last = last.held(count - 1)
            if on_missing == "hold":
                yield last
    if last is None:
        raise InputError("no face found" if count == 1 else f"no face found in any of {count} frames")


def find(
    picture: Picture,
    frame: int,
    detector: Detector,
    locator: Locator,
    placing: Placing,
    *,
    min_confidence: float = MIN_CONFIDENCE,
) -> list[TrackedFace]:
    """Returns the faces of a picture that the locator believes, numbered from left to right."""
    detections = sorted(detector(picture), key=lambda face: float(face.box.center[0]))
    faces: list[TrackedFace] = []
    taken: list[Box] = []
    for found, place in locate(picture, detections, locator, placing):
        if found.confidence < min_confidence or not is_a_face(found.points, picture):
            continue
        box = alignments.face_box(found.points)
        if not any(is_same(box, other) for other in taken):
            taken.append(box)
            faces.append(TrackedFace(frame, len(faces), True, found.points, found.confidence, place, found.more))
    return faces


def pick(faces: Sequence[TrackedFace], which: Which) -> TrackedFace:
    """Returns the face that is wanted of a picture's.

    Raises:
      InputError: there is no such face.
    """
    boxes = [Detection(alignments.face_box(face.points), face.confidence) for face in faces]
    (chosen,) = choose(boxes, which)
    return next(face for face, box in zip(faces, boxes, strict=True) if box is chosen)


def locate(
    picture: Picture, detections: Sequence[Detection], locator: Locator, placing: Placing
) -> list[tuple[Located, Alignment]]:
    """Returns landmarks of faces that were detected: looked at twice, the second time upright and centred."""
    places = [alignments.around_box(face.box, placing.scale, placing.size) for face in detections]
    results = list(zip(locator(picture, places), places, strict=True)) if places else []
    seen = [index for index, (found, _) in enumerate(results) if is_a_face(found.points, picture)]
    again = [place_again(results[index][0].points, placing) for index in seen]
    for index, found, place in zip(seen, locator(picture, again) if again else (), again, strict=True):
        if is_a_face(found.points, picture):
            results[index] = found, place
    return results


def place_again(points: Float[np.ndarray, "n 2"], placing: Placing) -> Alignment:
    """Returns the upright crop around landmarks."""
    return alignments.around_face(points, placing.scale, placing.size, upright=True)


def is_a_face(points: Float[np.ndarray, "n 2"], picture: Picture) -> bool:
    """Tells whether landmarks have a face's extent, and the middle of its box lies in the picture."""
    if not np.isfinite(points).all() or np.ptp(points, axis=0).max() < _MIN_SIDE:
        return False
    try:
        box = alignments.face_box(points)
    except InputError:  # eyes and mouth on one point
        return False
    height, width = picture.shape[:2]
    inside = (box.center > 0).all() and (box.center < [width, height]).all()
    return bool(box.width >= _MIN_SIDE and inside)


def is_same(first: Box, second: Box) -> bool:
    """Tells whether two boxes are of one face."""
    rows = [np.array([[box.x, box.y, box.width, box.height]]) for box in (first, second)]
    return bool(overlap(rows[0], rows[1])[0, 0] > _SAME)


def _look(
    picture: Picture,
    frame: int,
    last: TrackedFace | None,
    detector: Detector,
    locator: Locator,
    placing: Placing,
    which: Which,
    min_confidence: float,
) -> TrackedFace | None:
    """Returns the face in a frame: where it was if it was there, else anywhere."""

    def good(found: Located) -> bool:
        return found.confidence >= min_confidence and is_a_face(found.points, picture)

    if last is not None and last.found:
        place = place_again(last.points, placing)
        (found,) = locator(picture, [place])
        if good(found):
            return TrackedFace(frame, 0, True, found.points, found.confidence, place, found.more)
    if last is None:
        faces = find(picture, frame, detector, locator, placing, min_confidence=min_confidence)
        return dataclasses.replace(pick(faces, which), face=0) if faces else None
    middle = alignments.face_box(last.points).center
    for face in sorted(detector(picture), key=lambda face: float(np.hypot(*(face.box.center - middle)))):
        ((found, place),) = locate(picture, [face], locator, placing)
        if good(found):
            return TrackedFace(frame, 0, True, found.points, found.confidence, place, found.more)
    return None
