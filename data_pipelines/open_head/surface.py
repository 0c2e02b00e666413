"""The shape of a bald head as a signed distance, and where rays from inside leave it.

Smooth unions of ellipsoids and capsules; x is folded, so the head is symmetric.
"""

import numpy as np

EYE_CENTRE = np.array([0.315, 0.0, 0.575])
EYE_RADIUS = 0.135
LID_RADIUS = 0.156
"""The closed lids' distance from the eyeball's centre."""


def ellipsoid(points: np.ndarray, centre: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    """Returns an approximate signed distance, exact on the surface."""
    scaled = (points - np.asarray(centre)) / np.asarray(radii)
    length = np.linalg.norm(scaled, axis=-1)
    slope = np.linalg.norm(scaled / np.asarray(radii), axis=-1)
    return length * (length - 1) / np.maximum(slope, 1e-6)


def capsule(
    points: np.ndarray, start: tuple[float, ...], end: tuple[float, ...], radius: float, end_radius: float
) -> np.ndarray:
    """Returns the signed distance from a capsule whose radius changes linearly."""
    axis = np.asarray(end) - np.asarray(start)
    along = np.clip(((points - start) @ axis) / (axis @ axis), 0, 1)
    return np.linalg.norm(points - start - along[..., None] * axis, axis=-1) - (radius + (end_radius - radius) * along)


def unite(first: np.ndarray, second: np.ndarray, blend: float) -> np.ndarray:
    """Returns the smooth union of two signed distances."""
    share = np.clip(0.5 + 0.5 * (second - first) / blend, 0, 1)
    return second + (first - second) * share - blend * share * (1 - share)


def cut(solid: np.ndarray, tool: np.ndarray, blend: float) -> np.ndarray:
    """Returns a solid minus a tool, smoothly."""
    return -unite(-solid, tool, blend)


def distance(points: np.ndarray) -> np.ndarray:
    """Returns the head's signed distance at points of shape (n, 3)."""
    folded = points * 1.0
    folded[:, 0] = np.abs(points[:, 0])
    return _lips(_nose(_eye_region(_bones(folded), folded), folded), folded)


def _bones(p: np.ndarray) -> np.ndarray:
    d = ellipsoid(p, (0, 0.30, -0.13), (0.745, 0.83, 0.97))
    d = unite(d, ellipsoid(p, (0, -0.26, 0.17), (0.56, 0.80, 0.62)), 0.22)
    d = unite(d, ellipsoid(p, (0.27, -0.60, 0.06), (0.18, 0.22, 0.30)), 0.26)  # angle of the jaw
    d = unite(d, ellipsoid(p, (0, -0.95, 0.52), (0.22, 0.17, 0.25)), 0.24)  # chin
    d = unite(d, ellipsoid(p, (0.37, -0.22, 0.49), (0.19, 0.15, 0.18)), 0.24)  # cheekbone
    d = unite(d, ellipsoid(p, (0.21, -0.50, 0.50), (0.20, 0.22, 0.21)), 0.25)  # cheek
    d = unite(d, ellipsoid(p, (0, -0.66, 0.56), (0.25, 0.27, 0.285)), 0.22)  # around the teeth
    d = unite(d, ellipsoid(p, (0, 0.38, 0.50), (0.46, 0.40, 0.31)), 0.28)  # forehead
    d = unite(d, capsule(p, (0, -0.55, -0.24), (0, -2.2, -0.36), 0.365, 0.47), 0.12)  # neck
    d = unite(
        d, capsule(p, (0.30, -0.35, -0.30), (0.14, -1.9, -0.02), 0.09, 0.13), 0.20
    )  # muscle from ear to collarbone
    return unite(d, ellipsoid(p, (0, -1.36, 0.13), (0.07, 0.10, 0.05)), 0.10)  # larynx


def _eye_region(d: np.ndarray, p: np.ndarray) -> np.ndarray:
    d = unite(d, capsule(p, (0.10, 0.16, 0.76), (0.42, 0.19, 0.62), 0.055, 0.045), 0.14)  # brow
    d = cut(d, ellipsoid(p, (0.325, -0.01, 0.93), (0.21, 0.12, 0.215)), 0.11)  # socket
    return unite(d, np.linalg.norm(p - EYE_CENTRE, axis=-1) - LID_RADIUS, 0.035)


def _nose(d: np.ndarray, p: np.ndarray) -> np.ndarray:
    d = unite(d, capsule(p, (0, 0.12, 0.765), (0, -0.34, 0.955), 0.050, 0.068), 0.11)
    d = unite(d, ellipsoid(p, (0, -0.385, 0.975), (0.085, 0.075, 0.085)), 0.08)
    d = unite(d, ellipsoid(p, (0.105, -0.425, 0.885), (0.064, 0.058, 0.085)), 0.07)
    d = cut(d, ellipsoid(p, (0.052, -0.500, 0.93), (0.034, 0.036, 0.052)), 0.025)  # nostril
    return cut(d, capsule(p, (0, -0.50, 0.915), (0, -0.62, 0.905), 0.016, 0.022), 0.05)  # philtrum


def _lips(d: np.ndarray, p: np.ndarray) -> np.ndarray:
    across = np.clip(p[:, 0] / 0.27, 0, 1.3)
    dip = 0.012 * np.exp(-((across / 0.13) ** 2))  # of Cupid's bow
    up = p[:, 1] - (-0.703 - 0.020 * across**2 - dip)
    d = unite(d, _tube(up / 0.80, p[:, 2] - (0.858 - 0.125 * across**2), p[:, 0], across, 0.060), 0.045)
    up = p[:, 1] - (-0.789 + 0.036 * across**2)
    d = unite(d, _tube(up / 0.85, p[:, 2] - (0.842 - 0.13 * across**2), p[:, 0], across, 0.071), 0.05)
    return cut(d, capsule(p, (0, -0.880, 0.87), (0.12, -0.868, 0.835), 0.022, 0.012), 0.07)  # fold above the chin


def _tube(up: np.ndarray, ahead: np.ndarray, x: np.ndarray, across: np.ndarray, radius: float) -> np.ndarray:
    """A lip: a tube that thins out towards the corners of the mouth."""
    thin = radius * np.sqrt(np.clip(1 - 0.93 * np.clip(across, 0, 1) ** 2, 0.03, 1))
    return 0.85 * (np.sqrt(up**2 + ahead**2 + np.maximum(x - 0.255, 0) ** 2) - thin)


def cast(origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Returns where rays from inside leave the head for the last time; arrays of shape (n, 3)."""
    steps = np.linspace(1.8, 0.15, 84)
    inside = np.full(len(directions), steps[-1])
    found = np.zeros(len(directions), bool)
    for step in steps:
        left = np.flatnonzero(~found)
        hit = left[distance(origins[left] + directions[left] * step) < 0]
        inside[hit], found[hit] = step, True
    outside = inside + (steps[0] - steps[1])
    for _ in range(12):
        middle = (inside + outside) / 2
        is_in = distance(origins + directions * middle[:, None]) < 0
        inside, outside = np.where(is_in, middle, inside), np.where(is_in, outside, middle)
    return origins + directions * inside[:, None]
