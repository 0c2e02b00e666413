"""Augmentation on the host: uint8 pictures (h, w, 3), landmarks in pixels; pure functions of a numpy Generator.

Every function returns new arrays and takes its random numbers from `rng` alone. What changes geometry (`flip`, `crop`)
takes the landmarks along; positions count from the picture's upper left corner, as in `geometry.cameras`.
"""

import io
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageFilter

from jaxanim.data.loader import Transform
from jaxanim.data.source import Sample
from jaxanim.geometry import mirror

Picture = UInt8[np.ndarray, "h w 3"]
Points = Float[np.ndarray, "k 2"]
_LUMA = np.array([0.299, 0.587, 0.114])


def flip(
    rng: np.random.Generator, picture: Picture, points: Points | None = None, *, chance: float = 0.5
) -> tuple[Picture, Points | None]:
    """Mirrors left and right, sometimes."""
    if rng.random() >= chance:
        return picture, points
    mirrored = None if points is None else mirror.mirror_points(points, picture.shape[1])
    return np.ascontiguousarray(picture[:, ::-1]), mirrored


def crop(
    rng: np.random.Generator,
    picture: Picture,
    points: Points | None = None,
    *,
    size: int,
    zoom: tuple[float, float] = (0.85, 1.0),
) -> tuple[UInt8[np.ndarray, "s s 3"], Points | None]:
    """Cuts out a square at a random place and resizes it.

    Args:
      rng: random numbers.
      picture: what to cut from.
      points: landmarks that move along.
      size: side of the result.
      zoom: smallest and largest side of the square, relative to the shorter side of the picture; at most 1.
    """
    low, high = zoom
    if not 0.0 < low <= high <= 1.0:
        raise ValueError(f"zoom must be two numbers in (0, 1] in ascending order, got {zoom}")
    height, width = picture.shape[:2]
    side = rng.uniform(low, high) * min(height, width)
    left, top = rng.uniform(0.0, width - side), rng.uniform(0.0, height - side)
    box = (left, top, left + side, top + side)
    # Bicubic in Pillow averages over the area when it makes pictures smaller.
    cut = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC, box=box)
    if points is None:
        return np.asarray(cut), None
    moved = (points - np.array([left, top])) * (size / side)
    return np.asarray(cut), moved.astype(points.dtype)


def color(
    rng: np.random.Generator,
    picture: Picture,
    *,
    brightness: float = 0.2,
    contrast: float = 0.2,
    saturation: float = 0.2,
) -> Picture:
    """Multiplies brightness, contrast and saturation by up to 1 +- the given shares; 0 leaves one as it is."""
    light, spread, chroma = 1.0 + np.array([brightness, contrast, saturation]) * rng.uniform(-1.0, 1.0, 3)
    mean = picture.mean(axis=(0, 1)) @ _LUMA
    # The three steps, each linear, in one: brightness, then contrast about the mean, then saturation about the grey.
    mix = light * spread * (chroma * np.eye(3) + (1.0 - chroma) * _LUMA[:, None])
    shift = (1.0 - spread) * light * mean
    value = picture.reshape(-1, 3).astype(np.float32) @ mix.astype(np.float32) + np.float32(shift)
    return _to_bytes(value.reshape(picture.shape))


def hue(rng: np.random.Generator, picture: Picture, *, largest: float = 0.1) -> Picture:
    """Turns all hues by the same random part of the circle, `largest` at most."""
    by = int(rng.uniform(-largest, largest) * 256)
    turned = np.asarray(Image.fromarray(picture).convert("HSV")) + np.array([by % 256, 0, 0], np.uint8)
    return np.asarray(Image.fromarray(turned, "HSV").convert("RGB"))


def shift(rng: np.random.Generator, picture: Picture, *, largest: int) -> Picture:
    """Moves a picture by whole pixels, `largest` at most in each direction; what comes in is its mirrored edge."""
    left, top = rng.integers(0, 2 * largest, 2, endpoint=True)
    padded = np.pad(picture, ((largest, largest), (largest, largest), (0, 0)), mode="reflect")
    return padded[top : top + picture.shape[0], left : left + picture.shape[1]]


def blur(rng: np.random.Generator, picture: Picture, *, largest: float = 1.5, chance: float = 0.3) -> Picture:
    """Blurs by a Gaussian, sometimes.

    Args:
      rng: random numbers.
      picture: what to blur.
      largest: largest standard deviation, in pixels.
      chance: how often.
    """
    radius = rng.uniform(0.0, largest)
    if rng.random() >= chance:
        return picture
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def noise(rng: np.random.Generator, picture: Picture, *, largest: float = 6.0, chance: float = 0.3) -> Picture:
    """Adds normal noise, sometimes.

    Args:
      rng: random numbers.
      picture: what to add to.
      largest: largest standard deviation, in levels of 255.
      chance: how often.
    """
    deviation = np.float32(rng.uniform(0.0, largest))
    if rng.random() >= chance:
        return picture
    return _to_bytes(picture + deviation * rng.standard_normal(picture.shape, np.float32))


def jpeg(
    rng: np.random.Generator, picture: Picture, *, quality: tuple[int, int] = (40, 95), chance: float = 0.3
) -> Picture:
    """Compresses as JPEG and reads it back, sometimes.

    Args:
      rng: random numbers.
      picture: what to compress.
      quality: lowest and highest quality, both included.
      chance: how often.
    """
    level = int(rng.integers(quality[0], quality[1], endpoint=True))
    if rng.random() >= chance:
        return picture
    compressed = io.BytesIO()
    Image.fromarray(picture).save(compressed, "JPEG", quality=level)
    return np.asarray(Image.open(compressed))


def _to_bytes(value: Float[np.ndarray, "h w 3"]) -> Picture:
    return np.clip(value + np.float32(0.5), 0.0, 255.0).astype(np.uint8)


def pictures_of(*steps: Callable[[np.random.Generator, Picture], Picture]) -> Transform:
    """Returns a transform for `Loader` that changes every picture of an example, each by random numbers of its own.

    Args:
      steps: what is done in turn, such as `blur`, `noise` and `jpeg`, or `functools.partial`s of them. Pictures are the
        uint8 arrays (h, w, 3) whose name is 'image' or ends with '_image'.
    """

    def transform(sample: Sample, rng: np.random.Generator) -> Sample:
        changed = dict(sample)
        for name in sorted(sample):
            if name == "image" or name.endswith("_image"):
                picture = sample[name]
                for step in steps:
                    picture = step(rng, picture)
                changed[name] = picture
        return changed

    return transform
