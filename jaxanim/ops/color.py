"""Colour spaces and alpha. Values in [0, 1], colours in the last axis; numpy in, numpy out; JAX in, JAX out.

The sRGB curve is IEC 61966-2-1 with the constants that the THA4 code uses.
"""

from typing import Any

from jaxanim.core.types import AnyArray, Float

_KNEE = 0.003130804953560372  # of linear light, where the line of sRGB's curve ends


def _namespace(x: Any) -> Any:
    return x.__array_namespace__()


def srgb_to_linear(srgb: Float[AnyArray, "*n"]) -> Float[AnyArray, "*n"]:
    """Decodes sRGB values to linear light."""
    xp = _namespace(srgb)
    return xp.where(srgb <= 0.04045, srgb / 12.92, ((xp.maximum(srgb, xp.zeros_like(srgb)) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: Float[AnyArray, "*n"]) -> Float[AnyArray, "*n"]:
    """Encodes linear light as sRGB values; the input is clipped to [0, 1] first."""
    xp = _namespace(linear)
    linear = xp.clip(linear, 0, 1)
    curve = xp.maximum(linear, linear.dtype.type(_KNEE))  # the slope of the power at 0 is infinite
    return xp.where(linear <= _KNEE, linear * 12.92, 1.055 * curve ** (1.0 / 2.4) - 0.055)


def premultiply(rgba: Float[AnyArray, "*b 4"]) -> Float[AnyArray, "*b 4"]:
    """Multiplies the colour of straight-alpha linear RGBA by its alpha."""
    xp = _namespace(rgba)
    return xp.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], axis=-1)


def unpremultiply(rgba: Float[AnyArray, "*b 4"]) -> Float[AnyArray, "*b 4"]:
    """Divides the colour of premultiplied linear RGBA by its alpha; where alpha is below 1/510 the colour is black.

    1/510 is half a step of 8-bit alpha: such a pixel is stored as fully transparent.
    """
    xp = _namespace(rgba)
    alpha = rgba[..., 3:]
    visible = alpha >= 1 / 510
    colour = rgba[..., :3] / xp.where(visible, alpha, xp.ones_like(alpha))
    return xp.concatenate([xp.where(visible, colour, xp.zeros_like(colour)), alpha], axis=-1)
