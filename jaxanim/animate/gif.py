"""Turns pictures into paletted frames for GIF files: one palette for all, extended only when new colours come up."""

from typing import Any

import av
import numpy as np
from jaxtyping import UInt8
from PIL import Image

Picture = UInt8[np.ndarray, "h w c"]
_FIRST = 12  # pictures that the first palette is chosen from
_KEPT = 16  # pictures that a palette is chosen from at most
_COLOURS = 255  # one of 256 is kept for transparency
_NEW_COLOUR = 24.0  # levels: pixels further than this from the palette ...
_NEW_SHARE = 2e-4  # ... in this share of the picture ask for another


class GifEncoder:
    """Converts pictures to frames; the first few wait until a palette has been chosen.

    A palette per picture would make flat areas flicker, one from the first pictures alone would lack the colours of
    what shows later (an open mouth): a new one is chosen when a picture has colours that the palette has not.
    """

    def __init__(self, transparent: bool):
        self._transparent = transparent
        self._waiting: list[Picture] = []
        self._samples: list[Image.Image] = []
        self._palette: Image.Image | None = None
        self._tolerated = _NEW_SHARE

    def __call__(self, picture: Picture | None) -> list[av.VideoFrame]:
        """Takes one picture, or None at the end, and returns the frames that are ready."""
        if picture is not None:
            self._waiting.append(picture)
        if self._palette is None:
            if not self._waiting or (picture is not None and len(self._waiting) < _FIRST):
                return []
            self._learn(self._waiting)
        ready, self._waiting = self._waiting, []
        return [self._convert(one) for one in ready]

    def _learn(self, pictures: list[Picture]) -> None:
        self._samples = [*self._samples, *map(_opaque, pictures)][-_KEPT:]
        width, height = self._samples[0].size
        strip = Image.new("RGB", (width, height * len(self._samples)))
        for number, sample in enumerate(self._samples):
            strip.paste(sample, (0, number * height))
        self._palette = strip.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)

    def _convert(self, picture: Picture) -> av.VideoFrame:
        assert self._palette is not None
        image = _opaque(picture)
        indexed = image.quantize(palette=self._palette, dither=Image.Dither.NONE)
        if _share_of_new_colours(image, indexed) > self._tolerated:
            self._learn([picture])
            indexed = image.quantize(palette=self._palette, dither=Image.Dither.NONE)
            # Where no palette has them all, choosing again for every picture would only make it flicker.
            self._tolerated = max(self._tolerated, 2.0 * _share_of_new_colours(image, indexed))
        return self._frame(np.asarray(indexed).copy(), picture)

    def _frame(self, indexed: UInt8[np.ndarray, "h w"], picture: Picture) -> av.VideoFrame:
        assert self._palette is not None
        argb = np.full((256, 4), 255, np.uint8)
        table = np.asarray((self._palette.getpalette() or [])[: 3 * _COLOURS], np.uint8).reshape(-1, 3)
        argb[: len(table), 1:] = table
        if self._transparent:
            indexed[picture[..., 3] < 128] = _COLOURS
            argb[_COLOURS, 0] = 0  # the one transparent entry: FFmpeg takes the first it finds
        paletted: Any = (indexed, argb)
        return av.VideoFrame.from_ndarray(paletted, format="pal8")


def _opaque(picture: Picture) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(picture[..., :3]))


def _share_of_new_colours(image: Image.Image, indexed: Image.Image) -> float:
    """Returns which part of the pixels is far from its entry in the palette, by its most different channel."""
    difference = np.asarray(image, np.int16) - np.asarray(indexed.convert("RGB"), np.int16)
    return float((np.abs(difference).max(axis=-1) > _NEW_COLOUR).mean())
