"""Following every face of a video: each has a number, keeps it, and gets it back when it returns to where it was.

As `follow`, with a search of the whole frame from time to time for faces that come in.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from jaxanim.core import checks
from jaxanim.core.errors import InputError
from jaxanim.tracking import alignments
from jaxanim.tracking.crops import Box
from jaxanim.tracking.detect import Detector
from jaxanim.tracking.follow import (
    MIN_CONFIDENCE,
    ON_MISSING,
    Located,
    Locator,
    OnMissing,
    Picture,
    Placing,
    TrackedFace,
    is_a_face,
    is_same,
    locate,
    place_again,
)

EVERY = 12  # frames from one search to the next
_NEAR = 1.0  # how far a face may have moved while it was lost, in sides of its box


def follow_all(
    frames: Iterable[Picture],
    detector: Detector,
    locator: Locator,
    placing: Placing,
    *,
    on_missing: OnMissing = "hold",
    min_confidence: float = MIN_CONFIDENCE,
    every: int = EVERY,
) -> Iterator[tuple[TrackedFace, ...]]:
    """Yields the faces of each frame, by their numbers.

    A face has the next number when it is first found; those of one frame are numbered from left to right.

    Args:
      frames: of equal size.
      detector: for the first frame, every so many frames, and as long as a face is lost.
      locator: for every frame.
      placing: crops that the locator wants.
      on_missing: for faces that are lost. 'hold' repeats them (`found` is False), 'skip' leaves them out of their
        frames, 'error' ends. Frames before a face's first are without it.
      min_confidence: of the locator, below which a face is lost.
      every: frames from one search for new faces to the next.

    Raises:
      InputError: no frame has a face, or a frame lacks one and that is an error.
    """
    checks.check_option("on_missing", on_missing, ON_MISSING)
    if every < 1:
        raise ValueError(f"every is at least 1 frame, got {every}")
    tracks: list[TrackedFace] = []
    count = 0
    for count, picture in enumerate(frames, start=1):
        frame = count - 1
        tracks = _go_on(picture, frame, tracks, locator, placing, min_confidence)
        if frame % every == 0 or not all(track.found for track in tracks) or not tracks:
            tracks = _search(picture, frame, tracks, detector, locator, placing, min_confidence)
        lost = [track.face for track in tracks if not track.found]
        if on_missing == "error" and (lost or not tracks):
            what = f"face {lost[0]} is not" if lost else "no face is"
            raise InputError(f"{what} in frame {frame} (--on-missing hold or skip goes on without)")
        yield tuple(track for track in tracks if track.found or on_missing == "hold")
    if not tracks:
        raise InputError("no face found" if count == 1 else f"no face found in any of {count} frames")


def _go_on(
    picture: Picture,
    frame: int,
    tracks: list[TrackedFace],
    locator: Locator,
    placing: Placing,
    min_confidence: float,
) -> list[TrackedFace]:
    """Returns the faces where they were in the frame before; those that are not there are held."""
    alive = [track for track in tracks if track.found]
    places = [place_again(track.points, placing) for track in alive]
    located = locator(picture, places) if places else ()
    now = {track.face: track.held(frame) for track in tracks}
    taken: list[Box] = []
    for track, found, place in zip(alive, located, places, strict=True):
        if _good(found, picture, min_confidence):
            box = alignments.face_box(found.points)
            if not any(is_same(box, other) for other in taken):  # else two faces have run into one
                taken.append(box)
                now[track.face] = TrackedFace(
                    frame, track.face, True, found.points, found.confidence, place, found.more
                )
    return [now[track.face] for track in tracks]


def _search(
    picture: Picture,
    frame: int,
    tracks: list[TrackedFace],
    detector: Detector,
    locator: Locator,
    placing: Placing,
    min_confidence: float,
) -> list[TrackedFace]:
    """Returns the faces with those that a search finds: lost ones that are back, and new ones."""
    taken = [alignments.face_box(track.points) for track in tracks if track.found]
    new = [face for face in detector(picture) if not any(is_same(face.box, box) for box in taken)]
    new.sort(key=lambda face: float(face.box.center[0]))
    result = {track.face: track for track in tracks}
    for found, place in locate(picture, new, locator, placing):
        if not _good(found, picture, min_confidence):
            continue
        box = alignments.face_box(found.points)
        if any(is_same(box, other) for other in taken):
            continue
        taken.append(box)
        number = _nearest_lost(box, list(result.values()))
        number = len(result) if number is None else number
        result[number] = TrackedFace(frame, number, True, found.points, found.confidence, place, found.more)
    return [result[number] for number in sorted(result)]


def _nearest_lost(box: Box, tracks: list[TrackedFace]) -> int | None:
    """Returns the number of the lost face that was nearest to a box, None if all were far."""
    lost = [(alignments.face_box(track.points), track.face) for track in tracks if not track.found]
    distances = [
        (float(np.hypot(*(box.center - other.center))) / max(box.width, other.width), number) for other, number in lost
    ]
    distance, number = min(distances, default=(np.inf, None))
    return number if distance <= _NEAR else None


def _good(found: Located, picture: Picture, min_confidence: float) -> bool:
    return found.confidence >= min_confidence and is_a_face(found.points, picture)
