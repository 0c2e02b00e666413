"""8-bit pictures to what the THA4 networks see, and back.

A picture is RGBA, sRGB, straight alpha, uint8. The networks see linear light, premultiplied by alpha, scaled to [-1,
1].
"""

import numpy as np

from jaxanim.core.types import AnyArray, Float, UInt8
from jaxanim.ops import color

SIZE = 512
FACE_ROWS, FACE_COLUMNS = slice(80, 208), slice(192, 320)  # what the face student paints
_LINEAR = color.srgb_to_linear(np.arange(256, dtype=np.float32) / np.float32(255))


def encode(rgba8: UInt8[AnyArray, "*b h w 4"]) -> Float[AnyArray, "*b h w 4"]:
    """Converts a picture to network input. Bit for bit what the released loader does (numpy)."""
    xp = rgba8.__array_namespace__()
    straight = xp.concatenate([xp.asarray(_LINEAR)[rgba8[..., :3]], rgba8[..., 3:].astype(xp.float32) / 255], axis=-1)
    return color.premultiply(straight) * 2 - 1


def decode(image: Float[AnyArray, "*b h w 4"]) -> UInt8[AnyArray, "*b h w 4"]:
    """Converts network output to a picture with straight alpha, rounded."""
    return _to_uint8(color.unpremultiply(_unit(image)))


def decode_official(image: Float[AnyArray, "*b h w 4"]) -> UInt8[AnyArray, "*b h w 4"]:
    """Converts network output as the released programs do: the colour stays multiplied by alpha.

    Shown as straight alpha, such a picture has dark fringes; this is for comparisons with the released programs only.
    """
    return _to_uint8(_unit(image))


def _unit(image: Float[AnyArray, "*b h w 4"]) -> Float[AnyArray, "*b h w 4"]:
    xp = image.__array_namespace__()
    return xp.clip((image + 1) / 2, 0, 1)


def _to_uint8(linear: Float[AnyArray, "*b h w 4"]) -> UInt8[AnyArray, "*b h w 4"]:
    xp = linear.__array_namespace__()
    encoded = xp.concatenate([color.linear_to_srgb(linear[..., :3]), linear[..., 3:]], axis=-1)
    return xp.round(encoded * 255).astype(xp.uint8)


def blank(height: int = SIZE, width: int = SIZE) -> Float[np.ndarray, "h w 4"]:
    """Returns a fully transparent picture as the networks see it."""
    return np.full((height, width, 4), -1.0, np.float32)
