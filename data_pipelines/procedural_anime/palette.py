"""Colours: sRGB triples in [0, 1], how they are made lighter and darker, and those that characters often have."""

import numpy as np

Color = tuple[float, float, float]

SKINS: tuple[Color, ...] = (
    *((1.0, 0.92, 0.87), (1.0, 0.885, 0.80), (0.97, 0.81, 0.69)),
    *((0.88, 0.69, 0.55), (0.71, 0.51, 0.39), (0.52, 0.36, 0.28)),
)
HAIR_COLORS: tuple[Color, ...] = (
    *((0.20, 0.19, 0.24), (0.31, 0.23, 0.21), (0.46, 0.31, 0.24), (0.62, 0.42, 0.28)),
    *((0.95, 0.83, 0.52), (0.88, 0.70, 0.42), (0.85, 0.86, 0.90), (0.72, 0.30, 0.22)),
)
# Reds, oranges, blues, teals and violets; the greens between are rarely worn.
CLOTH_HUES: tuple[float, ...] = (0.0, 0.03, 0.09, 0.13, 0.38, 0.48, 0.55, 0.6, 0.64, 0.72, 0.82, 0.94)


def hsv(hue: float, saturation: float, value: float) -> Color:
    """Converts hue, saturation and value in [0, 1] to sRGB."""
    k = (np.array([5.0, 3.0, 1.0]) + hue * 6.0) % 6.0
    rgb = value - value * saturation * np.clip(np.minimum(k, 4.0 - k), 0.0, 1.0)
    return float(rgb[0]), float(rgb[1]), float(rgb[2])


def shade(color: Color, *factors: float) -> Color:
    """Multiplies a colour by one factor, or by one per channel, and clips it."""
    red, green, blue = factors if len(factors) == 3 else factors * 3
    return min(color[0] * red, 1.0), min(color[1] * green, 1.0), min(color[2] * blue, 1.0)


def tint(color: Color, amount: float) -> Color:
    """Mixes a colour with white."""
    red, green, blue = (channel * (1.0 - amount) + amount for channel in color)
    return red, green, blue


def ink(color: Color) -> Color:
    """Returns the colour of outlines on cloth of a colour."""
    return shade(color, 0.45, 0.42, 0.46)


def dusk(color: Color) -> Color:
    """Returns cloth of a colour in the shade."""
    return shade(color, 0.80, 0.76, 0.84)
