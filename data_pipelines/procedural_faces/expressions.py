"""Faces that people make, as coefficients of ARKit's blendshapes; a name without a side means both."""

from collections.abc import Mapping

import numpy as np

from data_pipelines.procedural_faces import anatomy

EMOTIONS: dict[str, Mapping[str, float]] = {
    "neutral": {},
    "happy": {"mouthSmile": 0.85, "cheekSquint": 0.75, "eyeSquint": 0.30, "mouthUpperUp": 0.25, "mouthDimple": 0.15},
    "sad": {"browInnerUp": 0.85, "mouthFrown": 0.70, "browDown": 0.15, "mouthShrugLower": 0.35, "eyeSquint": 0.15},
    "angry": {"browDown": 0.95, "eyeSquint": 0.45, "noseSneer": 0.35, "mouthPress": 0.55, "mouthFrown": 0.20},
    "surprised": {"browInnerUp": 0.8, "browOuterUp": 0.8, "eyeWide": 0.85, "jawOpen": 0.42, "mouthFunnel": 0.15},
    "disgusted": {"noseSneer": 0.95, "mouthUpperUp": 0.65, "browDown": 0.45, "eyeSquint": 0.45, "mouthFrown": 0.25},
    "fearful": {"browInnerUp": 0.9, "browOuterUp": 0.35, "browDown": 0.25, "eyeWide": 0.8, "mouthStretch": 0.7}
    | {"jawOpen": 0.18},
    "contemptuous": {"mouthSmileLeft": 0.45, "mouthDimpleLeft": 0.7, "eyeSquintLeft": 0.2, "browOuterUpRight": 0.15},
}
"""RaFD's eight classes, by the names of `recipes.rafd`."""

VISEMES: dict[str, Mapping[str, float]] = {
    "aa": {"jawOpen": 0.42, "mouthLowerDown": 0.25, "mouthUpperUp": 0.10},
    "ee": {"jawOpen": 0.14, "mouthStretch": 0.35, "mouthSmile": 0.25, "mouthLowerDown": 0.35, "mouthUpperUp": 0.15},
    "oh": {"jawOpen": 0.30, "mouthFunnel": 0.55, "mouthPucker": 0.25},
    "oo": {"jawOpen": 0.12, "mouthPucker": 0.85, "mouthFunnel": 0.25},
    "eh": {"jawOpen": 0.26, "mouthLowerDown": 0.30, "mouthStretch": 0.15},
    "mm": {"mouthPress": 0.55, "mouthRollLower": 0.30, "mouthRollUpper": 0.25},
    "ff": {"jawOpen": 0.06, "mouthRollLower": 0.55, "mouthUpperUp": 0.25},
    "ll": {"jawOpen": 0.20, "mouthLowerDown": 0.30, "mouthUpperUp": 0.15},
    "ss": {"jawOpen": 0.06, "mouthStretch": 0.25, "mouthLowerDown": 0.35, "mouthUpperUp": 0.20},
    "ch": {"jawOpen": 0.10, "mouthFunnel": 0.60, "mouthLowerDown": 0.20, "mouthUpperUp": 0.15},
}
"""Mouths of sounds; the first five are vowels."""
VOWELS = tuple(VISEMES)[:5]
_WIDE = (0.25, 1.2)  # how far mouths open that are thrown open; who speaks opens it by some 0.4
_WITH_WIDE = ("mouthUpperUp", "mouthLowerDown", "mouthStretch", "mouthFunnel", "mouthSmile", "mouthFrown", "noseSneer")


def coefficients(face: Mapping[str, float]) -> np.ndarray:
    """Returns the 52 coefficients of a face.

    Raises:
      ValueError: a name is not one of ARKit's.
    """
    names = anatomy.anatomy().expression_names
    result = np.zeros(len(names))
    for name, value in face.items():
        chosen = [k for k, known in enumerate(names) if known in (name, f"{name}Left", f"{name}Right")]
        if not chosen:
            raise ValueError(f"{name!r} is not one of ARKit's blendshapes: {', '.join(names)}")
        result[chosen] = value
    return result


def thrown_open(seed: int, chance: float, face: np.ndarray) -> np.ndarray:
    """Opens a face's mouth as wide as faces can, with some of what goes with it; or leaves it.

    Args:
      seed: of the chance and of how far.
      chance: that the mouth is opened.
      face: the 52 coefficients; `jawOpen` of the result may exceed 1.
    """
    rng = np.random.default_rng([seed, 0x81DE])
    if rng.random() >= chance:
        return face
    amounts = {name: float(rng.uniform(0.0, 0.7)) for name in _WITH_WIDE if rng.random() < 0.3}
    jaw = coefficients({"jawOpen": 1.0})
    return np.maximum(face * (1 - jaw) + rng.uniform(*_WIDE) * jaw, coefficients(amounts))
