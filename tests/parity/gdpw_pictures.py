"""What GDPW's goldens were recorded with: pictures, and smooth maps within an ellipse that stand for painted meshes.

Drawn anew from a salt and a name (numpy alone).
"""

import hashlib

import numpy as np

TARGET = (136, 126, 70, 92)  # centre and radii, x and y
SOURCE = (122, 134, 74, 90)


def maps(salt: str, size: int = 256) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the displacement (2 channels), and the codes on the target's mesh and on the source's (16)."""
    inside, around = _ellipse(size, *TARGET), _ellipse(size, *SOURCE)
    flow = 0.12 * _smooth(salt, "flow", 2, size) * inside
    target, source = (_smooth(salt, name, 16, size) for name in ("template_d", "template_s"))
    return flow.astype(np.float32), (target * inside).astype(np.float32), (source * around).astype(np.float32)


def picture(salt: str, name: str, size: int = 256) -> np.ndarray:
    """Returns an RGB picture of soft blots, a chequered board and noise (size, size, 3), uint8."""
    rng = _generator(salt, name)
    values = 128 + 55 * _enlarge(rng.standard_normal((17, 17, 3)), size).astype(np.float64)
    rows, columns = np.mgrid[0:size, 0:size]
    values += 25 * (((columns // 16 + rows // 16) % 2)[..., None] - 0.5)
    values += 6 * rng.standard_normal((size, size, 3))
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _smooth(salt: str, name: str, channels: int, size: int) -> np.ndarray:
    return _enlarge(_generator(salt, name).standard_normal((9, 9, channels)), size)


def _generator(salt: str, name: str) -> np.random.Generator:
    seed = hashlib.sha256(f"{salt}input.{name}".encode()).digest()[:8]
    return np.random.default_rng(int.from_bytes(seed, "little"))


def _enlarge(cells: np.ndarray, size: int) -> np.ndarray:
    """Enlarges a lattice bilinearly, corner to corner."""
    place = np.linspace(0, len(cells) - 1, size)
    low = np.minimum(place.astype(int), len(cells) - 2)
    down, right = (place - low)[:, None, None], (place - low)[None, :, None]
    above, below = cells[low], cells[low + 1]
    value = (1 - down) * ((1 - right) * above[:, low] + right * above[:, low + 1])
    value += down * ((1 - right) * below[:, low] + right * below[:, low + 1])
    return value.astype(np.float32)


def _ellipse(size: int, x: int, y: int, radius_x: int, radius_y: int) -> np.ndarray:
    rows, columns = np.mgrid[0:size, 0:size]
    return ((((columns - x) / radius_x) ** 2 + ((rows - y) / radius_y) ** 2) < 1)[..., None]
