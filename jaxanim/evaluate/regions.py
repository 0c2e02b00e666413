"""Which pixels of a face belong to its eyes and mouth: where expressions show."""

import numpy as np
from jaxtyping import Bool, Float

# Of iBUG's 68 points: the person's right eye, left eye, mouth.
_PARTS = (slice(36, 42), slice(42, 48), slice(48, 68))
_AROUND = 0.25  # how far a box reaches beyond its points, in distances between the eyes' centres


def eyes_and_mouth(points: Float[np.ndarray, "*b k 2"], size: int) -> Bool[np.ndarray, "*b s s"]:
    """Returns masks of boxes around eyes and mouth, each wider than its points by a quarter of the eyes' distance.

    Args:
      points: iBUG's 68 landmarks, in pixels from the picture's upper left corner.
      size: side of the pictures.
    """
    if points.shape[-2:] != (68, 2):
        raise ValueError(f"68 landmarks are needed, got an array of shape {points.shape}")
    centres = [points[..., part, :].mean(axis=-2) for part in _PARTS[:2]]
    margin = _AROUND * np.linalg.norm(centres[0] - centres[1], axis=-1)[..., None]
    middle = np.arange(size) + 0.5
    mask = np.zeros((*points.shape[:-2], size, size), bool)
    for part in _PARTS:
        low, high = points[..., part, :].min(axis=-2) - margin, points[..., part, :].max(axis=-2) + margin
        inside = [(middle >= low[..., k, None]) & (middle <= high[..., k, None]) for k in range(2)]
        mask |= inside[1][..., :, None] & inside[0][..., None, :]
    return mask
