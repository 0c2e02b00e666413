"""The One-Euro filter (Casiez, Roussel and Vogel, CHI 2012): little jitter at rest, little lag in motion.

An exponential low-pass whose cutoff rises with the speed of the signal (algorithm 1 there; the speed is taken against
the last filtered value, as in the paper and its authors' code since 2023). Streaming is pure: `start`, then `step` by
step; `smooth_track` does the same for a whole track. Rotations are filtered on the sphere of rotations, by the turn
from the last filtered one, and know no wrap-around.

Defaults: 1 Hz where nothing moves, 1 Hz for the speed (the paper's), and a `beta` for values between 0 and 1 per
second. `beta` has a unit, hertz per speed: for the same effect it is divided by what values are multiplied by, such as
1/50 for degrees of a head. A slope v lags behind by at most v / (2 pi (min_cutoff + beta v)).
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import scipy.spatial.transform
from jaxtyping import Float

MIN_CUTOFF = 1.0
BETA = 1.0
ROTATION_BETA = 1.0  # hertz per radian a second
DERIVATIVE_CUTOFF = 1.0

_Array = Float[np.ndarray, "..."]


@dataclasses.dataclass(frozen=True)
class FilterState:
    """What the filter knows after a step.

    Attributes:
      value: the filtered value; rotations are axis times angle in radians.
      derivative: its filtered speed per second; of rotations in the turned axes.
      waited: seconds since the last step that was not of confidence 0.
      started: whether there was a value of confidence above 0.
    """

    value: Float[np.ndarray, "..."]
    derivative: Float[np.ndarray, "..."]
    waited: float = 0.0
    started: bool = False


def start(shape: tuple[int, ...]) -> FilterState:
    """Returns the state before the first value, of one axis or more; the last axis of rotations is of length 3."""
    return FilterState(np.zeros(shape), np.zeros(shape))


def step(
    state: FilterState,
    value: Float[np.ndarray, "..."],
    dt: float,
    *,
    confidence: float = 1.0,
    min_cutoff: float = MIN_CUTOFF,
    beta: float = BETA,
    derivative_cutoff: float = DERIVATIVE_CUTOFF,
) -> FilterState:
    """Filters one value; the result's `value` is the filtered one.

    Args:
      state: from `start` or the last step.
      value: of the state's shape.
      dt: seconds since the last step, positive; the first step ignores it.
      confidence: weight of the value in [0, 1]. At 0 the last value holds, and the next one to count is trusted more
        the longer that took; until a first value counts, values pass as they are.
      min_cutoff: hertz, positive.
      beta: hertz per unit a second.
      derivative_cutoff: hertz, positive.

    Raises:
      ValueError: a value has another shape or is not finite, or an option is out of range.
    """
    options = _Options(min_cutoff, beta, derivative_cutoff)
    return _step(state, value, dt, confidence, options, _VALUES)


def step_rotations(
    state: FilterState,
    value: Float[np.ndarray, "*b 3"],
    dt: float,
    *,
    confidence: float = 1.0,
    min_cutoff: float = MIN_CUTOFF,
    beta: float = ROTATION_BETA,
    derivative_cutoff: float = DERIVATIVE_CUTOFF,
) -> FilterState:
    """Filters rotations, axis times angle in radians; each has one cutoff, by its angular speed. See `step`."""
    options = _Options(min_cutoff, beta, derivative_cutoff)
    return _step(state, value, dt, confidence, options, _ROTATIONS)


def smooth_track(
    values: Float[np.ndarray, "n *d"],
    time: Float[np.ndarray, " n"],
    *,
    confidence: Float[np.ndarray, " n"] | None = None,
    min_cutoff: float = MIN_CUTOFF,
    beta: float = BETA,
    derivative_cutoff: float = DERIVATIVE_CUTOFF,
) -> Float[np.ndarray, "n *d"]:
    """Filters a track.

    Args:
      values: one per time.
      time: seconds, increasing.
      confidence: of each frame, see `step`; frames before the first that counts take its value.
      min_cutoff: see `step`.
      beta: see `step`.
      derivative_cutoff: see `step`.

    Raises:
      ValueError: times do not increase, no frame counts, or as `step` does.
    """
    return _smooth(values, time, confidence, _Options(min_cutoff, beta, derivative_cutoff), _VALUES)


def smooth_rotations(
    rotations: Float[np.ndarray, "n *d 3"],
    time: Float[np.ndarray, " n"],
    *,
    confidence: Float[np.ndarray, " n"] | None = None,
    min_cutoff: float = MIN_CUTOFF,
    beta: float = ROTATION_BETA,
    derivative_cutoff: float = DERIVATIVE_CUTOFF,
) -> Float[np.ndarray, "n *d 3"]:
    """Filters a track of rotations, axis times angle in radians; angles of the result are at most pi.

    Args, Raises: see `smooth_track`.
    """
    return _smooth(rotations, time, confidence, _Options(min_cutoff, beta, derivative_cutoff), _ROTATIONS)


@dataclasses.dataclass(frozen=True)
class _Options:
    min_cutoff: float
    beta: float
    derivative_cutoff: float

    def __post_init__(self) -> None:
        if not (0 < self.min_cutoff < np.inf and 0 < self.derivative_cutoff < np.inf and 0 <= self.beta < np.inf):
            raise ValueError(f"cutoffs must be positive and beta not negative, got {self}")


@dataclasses.dataclass(frozen=True)
class _Space:
    """How values differ, move by a difference, and how large a speed is."""

    difference: Callable[[_Array, _Array], _Array]
    moved: Callable[[_Array, _Array], _Array]
    speed: Callable[[_Array], _Array]


def _turn(rotations: _Array) -> scipy.spatial.transform.Rotation:
    return scipy.spatial.transform.Rotation.from_rotvec(rotations.reshape(-1, 3))


_VALUES = _Space(
    difference=lambda value, last: value - last,
    moved=lambda last, by: last + by,
    speed=np.abs,
)
_ROTATIONS = _Space(
    difference=lambda value, last: np.asarray((_turn(last).inv() * _turn(value)).as_rotvec()).reshape(value.shape),
    moved=lambda last, by: np.asarray((_turn(last) * _turn(by)).as_rotvec()).reshape(last.shape),
    speed=lambda derivative: np.linalg.norm(derivative, axis=-1, keepdims=True),
)


def _share(cutoff: _Array | float, dt: float) -> _Array:
    """Returns how much of a new value an exponential low-pass takes (eq. 3 and 6 of the paper)."""
    return np.asarray(1.0 / (1.0 + 1.0 / (2.0 * np.pi * np.asarray(cutoff) * dt)))


def _step(
    state: FilterState, value: _Array, dt: float, confidence: float, options: _Options, space: _Space
) -> FilterState:
    value = np.asarray(value, np.float64)
    if value.shape != state.value.shape:
        raise ValueError(f"a value of shape {state.value.shape} was expected, got {value.shape}")
    if not (np.isfinite(value).all() and 0.0 <= confidence <= 1.0):
        raise ValueError(f"values must be finite and confidence in [0, 1], got a confidence of {confidence}")
    if not state.started:
        return FilterState(value, np.zeros_like(value), started=confidence > 0)
    if not 0 < dt < np.inf:
        raise ValueError(f"time must go on from step to step, got {dt} s")
    waited = state.waited + dt
    if confidence == 0:
        return dataclasses.replace(state, waited=waited)
    difference = space.difference(value, state.value)
    change = difference / waited - state.derivative
    derivative = state.derivative + confidence * _share(options.derivative_cutoff, waited) * change
    cutoff = options.min_cutoff + options.beta * space.speed(derivative)
    moved = space.moved(state.value, confidence * _share(cutoff, waited) * difference)
    return FilterState(moved, derivative, started=True)


def _smooth(
    values: _Array,
    time: Float[np.ndarray, " n"],
    confidence: Float[np.ndarray, " n"] | None,
    options: _Options,
    space: _Space,
) -> _Array:
    weights = np.ones(len(time)) if confidence is None else np.asarray(confidence, np.float64)
    if not (weights > 0).any():
        raise ValueError(f"none of {len(weights)} frames has a confidence above 0")
    first = int(np.argmax(weights > 0))
    rows = values[:, None] if values.ndim == 1 else values
    state, result = start(rows.shape[1:]), np.empty(rows.shape)
    for frame in range(first, len(rows)):
        dt = float(time[frame] - time[frame - 1]) if frame > first else 0.0
        state = _step(state, rows[frame], dt, float(weights[frame]), options, space)
        result[frame] = state.value
    result[:first] = result[first]
    return result.reshape(values.shape)
