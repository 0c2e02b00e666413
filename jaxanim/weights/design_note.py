"""The design of networks on their card: which frozen dataclass of numbers, texts and tuples they were built from."""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from jaxanim.core.errors import WeightsError
from jaxanim.weights.card import Card

NOTE = "design"
Design = TypeVar("Design")  # a dataclass


def note(design: Any) -> Mapping[str, str]:
    """Returns what `read` finds on a card: equal designs give equal notes."""
    return {NOTE: json.dumps(dataclasses.asdict(design), sort_keys=True)}


def read(path: Path, card: Card, example: Design) -> Design:
    """Reads the design from a card.

    Args:
      path: of the file, for errors.
      card: of the file.
      example: any design of that kind; every field must be there, of the same type, and finite.

    Raises:
      WeightsError: the card does not say it, or what it says is no such design.
    """
    text = card.notes.get(NOTE)
    if text is None:
        raise WeightsError(f"{path}: its card does not say the design of the networks")
    try:
        fields: dict[str, Any] = dict(json.loads(text))
        for name, known in vars(example).items():
            if isinstance(known, tuple) and isinstance(fields[name], list):
                fields[name] = tuple(fields[name])
            _check(name, fields[name], known)
        return type(example)(**fields)
    except KeyError as error:
        raise WeightsError(f"{path}: the design on its card is damaged (it has no {error})") from error
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{path}: the design on its card is damaged ({error})") from error


def _check(name: str, value: Any, known: Any) -> None:
    if type(value) is not type(known) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{name} is {value!r}")
    if isinstance(value, tuple) and known:
        for each in value:
            _check(f"one of {name}", each, known[0])
