"""Where faces are cut: around boxes and landmarks, as FFHQ and VoxCeleb do, and boxes that detectors would give.

Landmarks are 5 (eyes, nose tip, mouth corners), 68 (iBUG) or 98 (WFLW) points, in pixels that count from the picture's
corner; 'left' is the picture's left.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from jaxanim.core.errors import InputError
from jaxanim.tracking.crops import Alignment, Box

# Rings of the left and the right eye, corners of the mouth.
_RINGS: dict[int, tuple[slice, slice]] = {
    5: (slice(0, 1), slice(1, 2)),
    68: (slice(36, 42), slice(42, 48)),
    98: (slice(60, 68), slice(68, 76)),
}
_MOUTH_CORNERS: dict[int, tuple[int, int]] = {5: (3, 4), 68: (48, 54), 98: (76, 82)}
_MIN_SPAN = 1e-3  # pixels
# What frontal-face detectors of the Viola-Jones kind give, in shares of FFHQ's square and of the way to the mouth.
_BOX_SIDE, _BOX_BELOW = 0.64, 0.31


def around_center(center: Float[np.ndarray, "2"], side: float, size: int, *, degrees: float = 0.0) -> Alignment:
    """Returns the crop of a square.

    Args:
      center: of the square.
      side: of the square, in pixels of the picture.
      size: of the crop.
      degrees: turns the square clockwise as one looks at the picture; what is tilted so stands upright in the crop.

    Raises:
      InputError: the square has no extent, or is not finite.
    """
    if not (np.isfinite(center).all() and math.isfinite(side) and math.isfinite(degrees)) or side < _MIN_SPAN:
        raise InputError(f"no square can be cut around {center.tolist()} with a side of {side:g} pixels")
    scale, angle = size / side, math.radians(degrees)
    turn = scale * np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return Alignment(np.concatenate([turn, (size / 2 - turn @ center)[:, None]], axis=1), size)


def around_box(box: Box, scale: float, size: int) -> Alignment:
    """Returns an upright crop with a box in its middle, `scale` times as large as the box's longer side."""
    return around_center(box.center, scale * max(box.width, box.height), size)


def around_points(points: Float[np.ndarray, "n 2"], scale: float, size: int, *, upright: bool) -> Alignment:
    """Returns a crop with points in its middle.

    Args:
      points: any; with `upright`, landmarks.
      scale: side of the crop over the longer side of the box around the points.
      size: of the crop.
      upright: whether the crop turns with the face, so that its eyes are level.
    """
    degrees = tilt(points) if upright else 0.0
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    level = points @ turn.T
    first, last = level.min(axis=0), level.max(axis=0)
    return around_center((first + last) / 2 @ turn, scale * float((last - first).max()), size, degrees=degrees)


def ffhq(landmarks: Float[np.ndarray, "n 2"], size: int) -> Alignment:
    """Returns the crop of FFHQ (Karras et al. 2019), which e4e's encoder and StyleGAN's faces have.

    Positions count from the corner here; FFHQ's program adds the half pixel to those of its landmarks.
    """
    center, half = _ffhq_square(landmarks)
    return around_center(center, 2 * math.hypot(*half), size, degrees=math.degrees(math.atan2(half[1], half[0])))


def over_clip(boxes: Sequence[Box], size: int, *, increase: float = 0.1) -> Alignment:
    """Returns the one crop for a clip that VoxCeleb and the First Order Motion Model (Siarohin et al. 2019) have.

    It is the square around the box around a face's boxes in all frames. Unlike in their program it is neither rounded
    to pixels nor cut off at the picture's edges.

    Args:
      boxes: of the face, in the frames.
      size: of the crop.
      increase: how far it reaches beyond the box, on each side, in shares of the box's longer side.

    Raises:
      InputError: there are no boxes.
    """
    if not boxes:
        raise InputError("a crop for a clip needs the face's box in at least one frame, got none")
    first = np.min([(box.x, box.y) for box in boxes], axis=0)
    last = np.max([(box.x + box.width, box.y + box.height) for box in boxes], axis=0)
    return around_center((first + last) / 2, (1 + 2 * increase) * float((last - first).max()), size)


def around_face(landmarks: Float[np.ndarray, "n 2"], scale: float, size: int, *, upright: bool) -> Alignment:
    """Returns the crop that `around_box` makes of `face_box`, turned with the face if it is to be upright."""
    box = face_box(landmarks)
    return around_center(box.center, scale * box.width, size, degrees=tilt(landmarks) if upright else 0.0)


def face_box(landmarks: Float[np.ndarray, "n 2"]) -> Box:
    """Returns the square box that a detector would give to a face: brows to chin, without hair and ears."""
    left, right, mouth = _features(landmarks)
    _, half = _ffhq_square(landmarks)
    side = _BOX_SIDE * 2 * math.hypot(*half)
    x, y = (left + right) / 2 + _BOX_BELOW * (mouth - (left + right) / 2) - side / 2
    return Box(float(x), float(y), side, side)


def tilt(landmarks: Float[np.ndarray, "n 2"]) -> float:
    """Returns by how many degrees a face leans clockwise, as one looks at the picture: the line between its eyes."""
    left, right, _ = _features(landmarks)
    return math.degrees(math.atan2(right[1] - left[1], right[0] - left[0]))


def eye_centers(landmarks: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "2 2"]:
    """Returns the middles of the left and the right eye.

    Raises:
      InputError: the landmarks are not 5, 68 or 98, or not finite.
    """
    if len(landmarks) not in _RINGS:
        raise InputError(f"a face has {', '.join(map(str, _RINGS))} landmarks, got {len(landmarks)}")
    if not np.isfinite(landmarks).all():
        raise InputError(f"landmarks hold {np.count_nonzero(~np.isfinite(landmarks))} numbers that are not finite")
    return np.stack([landmarks[ring].mean(axis=0) for ring in _RINGS[len(landmarks)]]).astype(np.float64)


def _features(landmarks: Float[np.ndarray, "n 2"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the left eye, the right eye and the middle between the mouth's corners."""
    left, right = eye_centers(landmarks)
    mouth = landmarks[list(_MOUTH_CORNERS[len(landmarks)])].mean(axis=0).astype(np.float64)
    return left, right, mouth


def _ffhq_square(landmarks: Float[np.ndarray, "n 2"]) -> tuple[np.ndarray, np.ndarray]:
    """Returns FFHQ's centre, and the way from there to the middle of the right edge."""
    left, right, mouth = _features(landmarks)
    middle, across = (left + right) / 2, right - left
    down = mouth - middle
    # The mouth's direction turned by a quarter is another estimate of the face's left and right.
    along = across + np.array([down[1], -down[0]])
    length = math.hypot(*along)
    if length < _MIN_SPAN:
        raise InputError(f"eyes at {left.tolist()} and {right.tolist()} with the mouth at {mouth.tolist()} are no face")
    reach = max(2.0 * math.hypot(*across), 1.8 * math.hypot(*down))
    return middle + 0.1 * down, along / length * reach
