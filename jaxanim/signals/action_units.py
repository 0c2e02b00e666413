"""Facial action units from ARKit's blendshapes and back: the 17 that OpenFace gives the intensity of, 0 to 5.

The table pairs what moves the same muscles (Ekman and Friesen's FACS against Apple's description of ARFaceAnchor's
blend shapes); the two sides of a face count half each. It is a convention, not a measurement.
"""

from collections.abc import Sequence

import numpy as np

NAMES = (
    *("AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU12"),
    *("AU14", "AU15", "AU17", "AU20", "AU23", "AU25", "AU26", "AU45"),
)
"""In OpenFace's order."""

LARGEST = 5.0

_BLENDSHAPE = {
    "AU01": "browInnerUp",
    "AU02": "browOuterUp",
    "AU04": "browDown",
    "AU05": "eyeWide",
    "AU06": "cheekSquint",
    "AU07": "eyeSquint",
    "AU09": "noseSneer",
    "AU10": "mouthUpperUp",
    "AU12": "mouthSmile",
    "AU14": "mouthDimple",
    "AU15": "mouthFrown",
    "AU17": "mouthShrugLower",
    "AU20": "mouthStretch",
    "AU23": "mouthPress",
    "AU25": "mouthLowerDown",
    "AU26": "jawOpen",
    "AU45": "eyeBlink",
}
# Lips part as the jaw drops, unless they are held together.
_PARTS_LIPS = {"mouthLowerDown": 1.0, "mouthUpperUp": 0.5, "jawOpen": 2.0, "mouthFunnel": 0.4, "mouthClose": -2.0}


def from_blendshapes(coefficients: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Returns intensities in [0, 5], (..., 17).

    Args:
      coefficients: (..., b), in [0, 1]; what lies outside is clipped.
      names: of the b blendshapes, ARKit's 52.

    Raises:
      ValueError: a blendshape is missing that the table needs.
    """
    values = np.clip(coefficients, 0.0, 1.0)
    parted = sum(share * _mean(values, names, name) for name, share in _PARTS_LIPS.items())
    columns = [parted if unit == "AU25" else _mean(values, names, _BLENDSHAPE[unit]) for unit in NAMES]
    return np.asarray(LARGEST * np.clip(np.stack(columns, axis=-1), 0.0, 1.0))


def to_blendshapes(intensities: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Returns coefficients in [0, 1], (..., b), the same on both sides; what no action unit moves is 0.

    Args:
      intensities: (..., 17), in the order of `NAMES`; what lies outside [0, 5] is clipped.
      names: of the b blendshapes, ARKit's 52.

    Raises:
      ValueError: there are not 17 intensities, or a blendshape is missing that the table needs.
    """
    if intensities.shape[-1:] != (len(NAMES),):
        raise ValueError(f"expected {len(NAMES)} intensities, {NAMES[0]} to {NAMES[-1]}, got shape {intensities.shape}")
    shares = np.clip(intensities / LARGEST, 0.0, 1.0)
    result = np.zeros((*intensities.shape[:-1], len(names)))
    for column, unit in enumerate(NAMES):
        for place in _places(names, _BLENDSHAPE[unit]):
            result[..., place] = shares[..., column]
    # The jaw parts the lips already.
    by_jaw = _PARTS_LIPS["jawOpen"] * shares[..., NAMES.index("AU26")]
    for place in _places(names, "mouthLowerDown"):
        result[..., place] = np.clip(shares[..., NAMES.index("AU25")] - by_jaw, 0.0, 1.0)
    return result


def _mean(values: np.ndarray, names: Sequence[str], name: str) -> np.ndarray:
    return np.asarray(values[..., _places(names, name)].mean(axis=-1))


def _places(names: Sequence[str], name: str) -> list[int]:
    found = [k for k, known in enumerate(names) if known in (name, f"{name}Left", f"{name}Right")]
    if not found:
        raise ValueError(f"action units need the blendshape {name!r}, there are {', '.join(names)}")
    return found
