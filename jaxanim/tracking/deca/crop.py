"""Squares around faces: from 68 landmarks to crops for DECA's encoder and for GDPW, as GDPW's released code cuts them.

Positions are those of the released code: (0, 0) is the centre of a picture's first pixel. Boxes and crops are made on
the host in float64, and checked there; pictures are cut on the device.
"""

import flax.struct
import jax.numpy as jnp
import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.core.types import Array, Float
from jaxanim.ops import flow as flows
from jaxanim.ops.grid_sample import grid_sample
from jaxanim.tracking.crops import Alignment
from jaxanim.tracking.deca.networks import ENCODER_SIZE

LANDMARKS = 68
GDPW_SIZE = 256
_MARGIN = 1.1  # from the landmarks to the face, as in DECA
_ENCODER_MARGIN, _GDPW_MARGIN = 1.25, 1.35
_ABOVE = 0.6  # share of GDPW's square that lies above the landmarks' centre
_MIN_SIDE = 2.0
_MIN_SHARE = 0.25


@flax.struct.dataclass
class FaceBox:
    """The smallest box around landmarks.

    Attributes:
      first: its left and top.
      last: its right and bottom.
    """

    first: Float[np.ndarray, "*b 2"]
    last: Float[np.ndarray, "*b 2"]


@flax.struct.dataclass
class Crop:
    """An upright square of a picture, scaled: position p of the picture is (p - corner) * scale of the crop.

    Attributes:
      corner: position of the picture at the crop's (0, 0).
      scale: pixels of the crop per pixel of the picture.
    """

    corner: Float[np.ndarray | Array, "*b 2"]
    scale: Float[np.ndarray | Array, "*b"]


def face_box(landmarks: Float[np.ndarray, "*b n d"]) -> FaceBox:
    """Returns the box around 68 landmarks (x, y), for any number of faces.

    Raises:
      InputError: they are not 68, not finite, or on one point or line.
    """
    if landmarks.shape[-2:] != (LANDMARKS, 2):
        raise InputError(f"a face has {LANDMARKS} landmarks (x, y), got shape {landmarks.shape}")
    if not np.isfinite(landmarks).all():
        raise InputError(f"landmarks hold {np.count_nonzero(~np.isfinite(landmarks))} numbers that are not finite")
    points = landmarks.astype(np.float64)
    box = FaceBox(points.min(axis=-2), points.max(axis=-2))
    sides = (box.last - box.first).reshape(-1, 2)
    flat = int(sides.min(axis=-1).argmin()) if len(sides) else None
    if flat is not None and sides[flat].min() < _MIN_SIDE:
        width, height = sides[flat]
        raise InputError(
            f"the landmarks{_of(flat, sides)} span {width:.3g} by {height:.3g} pixels, at least {_MIN_SIDE:g} by "
            f"{_MIN_SIDE:g} are needed"
        )
    return box


def encoder_crop(box: FaceBox, *, height: int, width: int) -> Crop:
    """Returns the square that DECA's encoder sees.

    Args:
      box: around the landmarks.
      height: of the picture.
      width: of the picture.

    Raises:
      InputError: less than a quarter of the square lies in the picture.
    """
    center, side = _square(box, _ENCODER_MARGIN)
    corner = center - side[..., None] / 2
    _check_inside(corner, side, height=height, width=width)
    # DECA's own code puts the far corner on 223, the last pixel's centre; GDPW's, on 224.
    return Crop(corner, ENCODER_SIZE / side)


def gdpw_crop(box: FaceBox, *, size: int = GDPW_SIZE) -> Crop:
    """Returns the larger square, with room above, that GDPW animates; the far corner is the last pixel's centre."""
    center, side = _square(box, _GDPW_MARGIN)
    before = np.stack([side / 2, side * _ABOVE], axis=-1)
    return Crop(center - before, (size - 1) / side)


def whole_picture(faces: tuple[int, ...] = ()) -> Crop:
    """Returns the crop that leaves a picture as it is, for a batch of that shape."""
    return Crop(np.zeros((*faces, 2)), np.ones(faces))


def cut(image: Float[Array, "*b h w c"], crop: Crop, *, size: int) -> Float[Array, "*b {size} {size} c"]:
    """Cuts a square out of each picture: bilinear, 0 outside of the picture, without smoothing before.

    Equal to what the released code does with OpenCV but for rounding: results are 8-bit there, and in its older
    versions positions are multiples of 1/32 pixel.

    Args:
      image: any range.
      crop: where to cut.
      size: of the result, in pixels; `networks.ENCODER_SIZE`, or what `gdpw_crop` was given.
    """
    crop = _on_device(crop)
    pixels = jnp.broadcast_to(flows.pixel_grid(size, size), (*crop.scale.shape, size, size, 2))
    grid = pixels / crop.scale[..., None, None, None] + crop.corner[..., None, None, :]
    return grid_sample(image, grid, padding="zeros", align_corners=False, units="pixel")


def transform(crop: Crop, points: Float[Array, "*b n 2"]) -> Float[Array, "*b n 2"]:
    """Returns where points of the picture are in the crop."""
    crop = _on_device(crop)
    return (points - crop.corner[..., None, :]) * crop.scale[..., None, None]


def between(first: Crop, second: Crop) -> Crop:
    """Returns the crop that takes positions of the first to positions of the second."""
    return Crop((second.corner - first.corner) * first.scale[..., None], second.scale / first.scale)


def matrix(crop: Crop) -> Float[np.ndarray, "*b 3 3"]:
    """Returns the matrix that takes (x, y, 1) of the picture to the crop."""
    scale = np.asarray(crop.scale)
    matrices = np.zeros((*scale.shape, 3, 3), scale.dtype)
    matrices[..., 0, 0] = matrices[..., 1, 1] = scale
    matrices[..., :2, 2] = -np.asarray(crop.corner) * scale[..., None]
    matrices[..., 2, 2] = 1
    return matrices


def alignment(crop: Crop, *, size: int) -> Alignment:
    """Returns the crop of one face as all others are described, for `crops.take` and `crops.paste`.

    Positions of an alignment count from the corners of picture and crop, half a pixel from the first one's centre.

    Args:
      crop: as `encoder_crop` and `gdpw_crop` return it.
      size: of the crop, in pixels.

    Raises:
      ValueError: it is of several faces.
    """
    if np.ndim(crop.scale):
        raise ValueError(f"an alignment is of one face, got crops of shape {np.shape(crop.scale)}")
    scale = float(crop.scale)
    shift = 0.5 - scale * (np.asarray(crop.corner, np.float64) + 0.5)
    return Alignment(np.concatenate([scale * np.eye(2), shift[:, None]], axis=1), size)


def _square(box: FaceBox, margin: float) -> tuple[Float[np.ndarray, "*b 2"], Float[np.ndarray, "*b"]]:
    """Returns centre and side, the latter in whole pixels."""
    face = (box.last - box.first).mean(axis=-1) * _MARGIN
    return (box.first + box.last) / 2, np.asarray(np.floor(face * margin))


def _check_inside(corner: np.ndarray, side: np.ndarray, *, height: int, width: int) -> None:
    far = np.minimum(corner + side[..., None], [width, height])
    shares = (np.maximum(far - np.maximum(corner, 0.0), 0.0) / side[..., None]).prod(axis=-1).ravel()
    worst = int(shares.argmin()) if len(shares) else None
    if worst is not None and shares[worst] < _MIN_SHARE:
        (left, top), length = corner.reshape(-1, 2)[worst], side.ravel()[worst]
        raise InputError(
            f"the square around the face{_of(worst, shares)}, x {left:.0f} to {left + length:.0f} and y {top:.0f} to "
            f"{top + length:.0f}, is outside of the picture of {width}x{height} pixels for the most part"
        )


def _of(number: int, faces: np.ndarray) -> str:
    return f" of face {number}" if len(faces) > 1 else ""


def _on_device(crop: Crop) -> Crop:
    return Crop(jnp.asarray(crop.corner, jnp.float32), jnp.asarray(crop.scale, jnp.float32))
