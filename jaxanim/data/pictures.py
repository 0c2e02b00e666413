"""Encoded pictures to uint8 arrays, by stated rules; what cannot be read raises CorruptRecordError.

To RGB: grey is repeated, palettes are looked up, transparency is laid over a background (white unless asked). To RGBA:
the picture must have an alpha channel, which stays straight. An EXIF orientation is applied, colour profiles are not.
Other kinds (CMYK, 16-bit grey, floating point) are refused: there is no one right way to show them.
"""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from jaxanim.data.source import CorruptRecordError

MAX_PIXELS = 64_000_000  # a small file can claim thousands of millions
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")  # Pillow knows formats that start other programs
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
WHITE = (255, 255, 255)
Color = tuple[int, int, int]
_OPAQUE, _TRANSPARENT = ("RGB", "L", "1", "P"), ("RGBA", "LA", "PA")


def decode_rgb(data: bytes, name: str, *, background: Color = WHITE) -> UInt8[np.ndarray, "h w 3"]:
    """Decodes a picture to RGB.

    Args:
      data: an encoded picture, one of `FORMATS`.
      name: what to call it in errors.
      background: what transparent pixels show, as sRGB.
    """
    image, transparent = _decode(data, name)
    if transparent:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (*background, 255)), rgba)
    return np.asarray(image.convert("RGB"))


def decode_rgba(data: bytes, name: str) -> UInt8[np.ndarray, "h w 4"]:
    """Decodes a picture that has an alpha channel."""
    image, transparent = _decode(data, name)
    if not transparent:
        raise CorruptRecordError(f"{name}: is a {image.mode} picture without transparency; one with it is needed")
    return np.asarray(image.convert("RGBA"))


def encode(picture: UInt8[np.ndarray, "h w c"], *, quality: int | None = None) -> bytes:
    """Encodes RGB or RGBA as PNG, or RGB as JPEG of a quality, with colour at full resolution."""
    data = io.BytesIO()
    if quality is None:
        Image.fromarray(picture).save(data, "PNG", compress_level=3)
    else:
        Image.fromarray(picture).save(data, "JPEG", quality=quality, subsampling=0)
    return data.getvalue()


def square(picture: UInt8[np.ndarray, "h w c"], size: int) -> UInt8[np.ndarray, "s s c"]:
    """Cuts out the central square and resizes it; alpha is taken into account."""
    height, width, channels = picture.shape
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    image = Image.fromarray(picture[top : top + side, left : left + side])
    if side == size:
        return np.asarray(image)
    if channels == 4:
        return np.asarray(image.convert("RGBa").resize((size, size), Image.Resampling.LANCZOS).convert("RGBA"))
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))


def _decode(data: bytes, name: str) -> tuple[Image.Image, bool]:
    """Returns the upright picture and whether it has transparency."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise CorruptRecordError(f"{name}: {_too_large()}") from error
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        raise CorruptRecordError(
            f"{name}: not a readable picture ({len(data)} bytes; {', '.join(FORMATS)} can be read)"
        ) from error
    if image.width * image.height > MAX_PIXELS:
        raise CorruptRecordError(f"{name}: {image.width}x{image.height} {_too_large()}")
    if image.mode not in _OPAQUE + _TRANSPARENT:
        raise CorruptRecordError(f"{name}: is a {image.mode} picture; {', '.join(_OPAQUE + _TRANSPARENT)} can be read")
    transparent = image.mode in _TRANSPARENT or "transparency" in image.info
    try:
        upright = ImageOps.exif_transpose(image)
        upright.load()
    except Exception as error:
        raise CorruptRecordError(f"{name}: damaged picture ({error})") from error
    return upright, transparent


def _too_large() -> str:
    return f"is larger than {MAX_PIXELS // 1_000_000} megapixels"
