"""Frames of a video that differ most from each other: what identity is best seen in."""

import numpy as np
from jaxtyping import Float, Int


def spread_frames(
    points: Float[np.ndarray, "n l 2"], weights: Float[np.ndarray, "n l"], count: int
) -> Int[np.ndarray, " m"]:
    """Returns numbers of up to `count` frames in rising order: each farthest from those chosen before.

    Frames are compared by their landmarks after moving and scaling: turns of the head and expressions differ.

    Args:
      points: landmarks.
      weights: of the points; those of frames that are seen badly make these frames less likely.
      count: how many to choose at most.
    """
    if len(points) <= count:
        return np.arange(len(points))
    share = weights / weights.sum(axis=1, keepdims=True)
    away = points - np.einsum("nl,nlk->nk", share, points)[:, None]
    away = away / np.sqrt(np.einsum("nl,nlk->n", share, away**2))[:, None, None]
    seen = weights.mean(axis=1) / weights.mean(axis=1).max()
    shapes = (away * np.sqrt(weights > 0)[..., None]).reshape(len(points), -1)
    chosen = [int((((shapes - np.median(shapes, axis=0)) ** 2).sum(axis=1) / seen).argmin())]
    distance = np.full(len(points), np.inf)
    for _ in range(count - 1):
        distance = np.minimum(distance, ((shapes - shapes[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int((distance * seen).argmax()))
    return np.unique(chosen)
