"""Puts rendered frames on a canvas: any size, any background. Pictures are uint8 RGBA with straight alpha, sRGB."""

import dataclasses
import re

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageColor

from jaxanim.core.errors import InputError

MAX_SIDE = 8192
Rgb = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class Canvas:
    """The size of the result, and what is behind the character.

    Attributes:
      width, height: pixels.
      background: a colour, or None for transparency.
    """

    width: int
    height: int
    background: Rgb | None


def parse_size(text: str) -> tuple[int, int]:
    """Reads '720' or '1280x720'.

    Raises:
      InputError: it is neither, or out of range.
    """
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    if match is None:
        raise InputError(f"size {text!r} is neither like 720 nor like 1280x720")
    width, height = int(match[1]), int(match[2] or match[1])
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise InputError(f"size {width}x{height} is out of range (1 to {MAX_SIDE} pixels a side)")
    return width, height


def parse_background(text: str) -> Rgb | None:
    """Reads 'transparent', a colour name or '#rrggbb'.

    Raises:
      InputError: there is no such colour.
    """
    if text == "transparent":
        return None
    try:
        red, green, blue, *alpha = ImageColor.getrgb(text)
        if alpha:
            raise ValueError("a colour with alpha")
    except ValueError as error:
        raise InputError(
            f"background {text!r} is neither 'transparent' nor a colour such as white or #40a0ff"
        ) from error
    return red, green, blue


def place(frame: UInt8[np.ndarray, "h w c"], canvas: Canvas) -> UInt8[np.ndarray, "i j d"]:
    """Scales a frame (RGBA, or RGB that covers everything) to fit the canvas, centres it, and fills what is behind.

    Returns:
      RGBA on a transparent canvas, RGB on a coloured one.
    """
    if frame.shape == (canvas.height, canvas.width, 3) and canvas.background is not None:
        return frame
    image = _fit(frame, canvas.width, canvas.height)
    if canvas.background is None:
        return np.asarray(image)
    backdrop = Image.new("RGBA", image.size, (*canvas.background, 255))
    return np.asarray(Image.alpha_composite(backdrop, image).convert("RGB"))


def _fit(frame: UInt8[np.ndarray, "h w c"], width: int, height: int) -> Image.Image:
    image = Image.fromarray(frame).convert("RGBA")
    if image.size == (width, height):
        return image
    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    resized = image.resize(size, Image.Resampling.LANCZOS)  # Pillow premultiplies RGBA meanwhile: no dark edges
    if size == (width, height):
        return resized
    canvas = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    canvas.paste(resized, ((width - size[0]) // 2, (height - size[1]) // 2))
    return canvas
