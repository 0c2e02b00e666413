"""Named expressions as action units, and how an expression comes and goes.

The combinations are EMFACS' prototypes of the basic emotions (Friesen and Ekman, "EMFACS-7: Emotional Facial Action
Coding System", 1983; Ekman, Friesen and Hager, "FACS Investigator's Guide", 2002), without what OpenFace
does not measure (AU16 of disgust, AU27 of surprise; one eye alone, so that a wink is a blink). Intensities at full
amount are those of a clear, not an extreme, expression on OpenFace's scale of 0 to 5.
"""

import re
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from jaxanim.core.errors import InputError
from jaxanim.signals import action_units, tracks

EXPRESSIONS: Mapping[str, Mapping[str, float]] = {
    "smile": {"AU06": 3.0, "AU12": 4.0, "AU25": 2.0},
    "surprise": {"AU01": 4.0, "AU02": 4.0, "AU05": 3.0, "AU25": 3.0, "AU26": 3.5},
    "anger": {"AU04": 4.0, "AU05": 2.0, "AU07": 3.0, "AU23": 3.0},
    "sad": {"AU01": 3.0, "AU04": 3.0, "AU15": 4.0, "AU17": 2.0},
    "disgust": {"AU09": 4.0, "AU10": 2.0, "AU15": 2.0, "AU17": 2.0},
    "fear": {"AU01": 3.0, "AU02": 2.0, "AU04": 3.0, "AU05": 3.0, "AU07": 2.0, "AU20": 3.0, "AU26": 2.0},
    "blink": {"AU45": 5.0},
}

_ONSET, _OFFSET = 0.3, 0.3  # shares of the time
_LONGEST_CHANGE = 0.8  # seconds


def parse(text: str) -> tuple[str, float]:
    """Reads 'smile' or 'smile=0.5'.

    Raises:
      InputError: it is of another form, or the amount is not above 0 and at most 1.
    """
    name, equals, amount = text.partition("=")
    if not equals:
        return name.strip(), 1.0
    if not re.fullmatch(r"\s*\d*\.?\d+\s*", amount) or not 0.0 < float(amount) <= 1.0:
        raise InputError(
            f"expression {text!r} is not of the form NAME or NAME=AMOUNT, with an amount above 0, at most 1"
        )
    return name.strip(), float(amount)


def row_of_action_units(name: str) -> Float[np.ndarray, "17"]:
    """Returns the intensities of an expression at full amount, in the order of `action_units.NAMES`.

    Raises:
      InputError: there is no such expression.
    """
    if name not in EXPRESSIONS:
        raise InputError(f"unknown expression {name!r}; a model of action units knows {', '.join(EXPRESSIONS)}")
    return np.array([EXPRESSIONS[name].get(unit, 0.0) for unit in action_units.NAMES], np.float32)


def row_of_classes(name: str, labels: tuple[str, ...]) -> Float[np.ndarray, " d"]:
    """Returns all of one class and nothing of the others.

    Args:
      name: a label.
      labels: of all classes.

    Raises:
      InputError: there is no such class.
    """
    if name not in labels:
        raise InputError(f"unknown expression {name!r}; this model knows {', '.join(labels)}")
    return np.eye(len(labels), dtype=np.float32)[labels.index(name)]


def come_and_go(duration: float, fps: float) -> Float[np.ndarray, " n"]:
    """Returns how much of an expression each frame shows: none, all of it, none again; first and last frame are 0.

    It comes and goes in 30 % of the time each, at most 0.8 s, with a smooth start and end.

    Raises:
      InputError: that is less than three frames, or more than a video may have.
    """
    frames = duration * fps if duration > 0 and fps > 0 else 0.0
    tracks.check_frame_count(frames)
    count = round(frames)
    if count < 3:
        raise InputError(f"an expression needs three frames or more, {duration:g} s at {fps:g} a second are {count}")
    time, end = np.arange(count) / fps, (count - 1) / fps
    onset, offset = (min(share * end, _LONGEST_CHANGE) for share in (_ONSET, _OFFSET))
    x = np.clip(np.minimum(time / onset, (end - time) / offset), 0.0, 1.0)
    return (x * x * (3.0 - 2.0 * x)).astype(np.float32)
