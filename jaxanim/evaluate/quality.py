"""How near pictures are to what they should be. Pictures are float arrays; `peak` is the width of their value range."""

import numpy as np
from jaxtyping import Bool, Float


def psnr(
    pictures: Float[np.ndarray, "b h w c"],
    truth: Float[np.ndarray, "b h w c"],
    mask: Bool[np.ndarray, "b h w"] | None = None,
    *,
    peak: float = 2.0,
) -> Float[np.ndarray, " b"]:
    """Returns the peak signal-to-noise ratio of each picture in dB: 10 log10(peak^2 / mean squared error).

    Args:
      pictures: to judge.
      truth: what they should be.
      mask: pixels that count; all by default. Every picture needs one.
      peak: largest possible difference: 2 for pictures in [-1, 1].
    """
    wrong = np.square(np.asarray(pictures, np.float64) - truth).mean(axis=-1)
    if mask is None:
        mask = np.ones(wrong.shape, bool)
    counted = mask.sum(axis=(1, 2))
    if not counted.all():
        raise ValueError("the mask of a picture has no pixel")
    error = (wrong * mask).sum(axis=(1, 2)) / counted
    return np.asarray(10.0 * np.log10(peak**2 / np.maximum(error, 1e-12)))
