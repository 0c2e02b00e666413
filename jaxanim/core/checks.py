"""Checks of arguments, with messages that say what was given and what is possible."""

from collections.abc import Collection, Sequence

import jax
import numpy as np


def check_option(name: str, value: object, allowed: Collection[object]) -> None:
    """Raises ValueError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {sorted(map(repr, allowed))}, got {value!r}")


def check_float32(name: str, positions: jax.Array | np.ndarray) -> None:
    """Raises TypeError unless positions or displacements are float32."""
    if positions.dtype != np.float32:
        raise TypeError(f"{name} must be float32 (shorter types lose whole pixels), got {positions.dtype}")


def check_rank_at_least(name: str, array: jax.Array | np.ndarray, rank: int) -> None:
    """Raises ValueError unless `array` has at least `rank` axes."""
    if array.ndim < rank:
        raise ValueError(f"{name} needs at least {rank} axes, got shape {tuple(array.shape)}")


def check_trailing_shape(name: str, array: jax.Array | np.ndarray, trailing: Sequence[int | None]) -> None:
    """Raises ValueError unless the last axes of `array` are `trailing` (None takes any length)."""
    shape = tuple(array.shape)
    tail = shape[len(shape) - len(trailing) :] if len(shape) >= len(trailing) else None
    fits = tail is not None and all(want in (None, have) for want, have in zip(trailing, tail, strict=True))
    if not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in trailing)
        raise ValueError(f"{name} must end in shape ({wanted}), got {shape}")


def check_same_leading_shape(names: str, first: Sequence[int], second: Sequence[int]) -> None:
    """Raises ValueError unless two batch shapes are equal."""
    if tuple(first) != tuple(second):
        raise ValueError(f"{names} must have the same batch axes, got {tuple(first)} and {tuple(second)}")
