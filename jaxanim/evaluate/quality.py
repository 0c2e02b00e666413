"""How near pictures are to what they should be. Pictures are float arrays; `peak` is the width of their value range."""

import numpy as np
import skimage.metrics
from jaxtyping import Bool, Float

_SIGMA = 1.5  # pixels; scikit-image's window for it is 11x11


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


def l1(
    pictures: Float[np.ndarray, "b h w c"], truth: Float[np.ndarray, "b h w c"], *, peak: float = 2.0
) -> Float[np.ndarray, " b"]:
    """Returns the mean absolute difference of each picture in grey levels, of which `peak` has 255.

    This is the scale that the tables of reenactment papers have (GDPW, table 2).

    Args:
      pictures: to judge.
      truth: what they should be.
      peak: largest possible difference: 2 for pictures in [-1, 1].
    """
    return np.abs(np.asarray(pictures, np.float64) - truth).mean(axis=(1, 2, 3)) * (255.0 / peak)


def ssim(
    pictures: Float[np.ndarray, "b h w c"], truth: Float[np.ndarray, "b h w c"], *, peak: float = 2.0
) -> Float[np.ndarray, " b"]:
    """Returns the structural similarity of each picture, 1 for equal ones.

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity": a Gaussian window of
    11x11 pixels, sigma 1.5, K1 = 0.01, K2 = 0.03, without the window's overlap at the edges; the mean over channels.

    Args:
      pictures: to judge, with sides of 11 pixels or more.
      truth: what they should be.
      peak: largest possible difference: 2 for pictures in [-1, 1].
    """
    found = [
        skimage.metrics.structural_similarity(
            np.asarray(picture, np.float64),
            np.asarray(right, np.float64),
            data_range=peak,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=_SIGMA,
            use_sample_covariance=False,
        )
        for picture, right in zip(pictures, truth, strict=True)
    ]
    return np.asarray(found, np.float64)
