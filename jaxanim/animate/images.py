"""Reading pictures that strangers send, and writing ours."""

import warnings
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from jaxanim.core import files
from jaxanim.core.errors import InputError

MAX_PIXELS = 64_000_000  # 4K has 8.3 million; a small file can claim thousands of millions
_TOO_LARGE = f"is larger than {MAX_PIXELS // 1_000_000} megapixels"


def read_rgba(path: Path) -> UInt8[np.ndarray, "h w 4"]:
    """Reads a picture that has an alpha channel.

    Raises:
      InputError: the file is missing or damaged, too large, or has no alpha channel.
    """
    with _open(path) as image:
        has_alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
        if not has_alpha:
            raise InputError(
                f"{path}: is a {image.mode} picture without transparency; a character cut out on a transparent "
                "background (an RGBA PNG) is needed"
            )
        try:
            return np.asarray(image.convert("RGBA"))
        except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
            raise InputError(f"{path}: damaged picture ({error})") from error


def read_rgb(path: Path, *, background: tuple[int, int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """Reads a photo: upright (by its EXIF orientation), grey repeated, palettes looked up, colour profiles left alone.

    Args:
      path: of the picture.
      background: what transparent pixels show, sRGB.

    Raises:
      InputError: the file is missing or damaged, too large, or of a kind that has no one right way to be shown (CMYK,
        16-bit grey, floating point).
    """
    with _open(path) as image:
        if image.mode not in ("RGB", "L", "1", "P", "RGBA", "LA", "PA"):
            raise InputError(f"{path}: is a {image.mode} picture; save it as 8-bit RGB or grey")
        try:
            upright = ImageOps.exif_transpose(image)
            if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                rgba = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", rgba.size, (*background, 255)), rgba)
            return np.array(upright.convert("RGB"))
        except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
            raise InputError(f"{path}: damaged picture ({error})") from error


def write_png(path: Path, picture: UInt8[np.ndarray, "h w c"]) -> None:
    """Writes an RGB or RGBA picture as PNG, whole or not at all."""
    with files.replacing(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")


def _open(path: Path) -> Image.Image:
    """Reads the header; pixels are decoded when they are asked for."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own, lower limit follows
            image = Image.open(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: {_TOO_LARGE}") from error
    except Exception as error:
        raise InputError(f"{path}: not a readable picture ({type(error).__name__})") from error
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise InputError(f"{path}: {_TOO_LARGE}")
    return image
