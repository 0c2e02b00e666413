"""Fits many faces in batches of one shape, so that nothing compiles twice and memory stays the same.

Arrays of numpy in and out. Positions are those of `landmark_solver`: around 0, of a spread of about 1.
"""

import dataclasses
import functools

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Array, Float
from jaxanim.tracking import landmark_model, landmark_solver
from jaxanim.tracking.landmark_model import LandmarkModel
from jaxanim.tracking.landmark_solver import Observations, Priors, Unknowns
from jaxanim.tracking.start_pose import start_poses

_BATCH = 8  # one picture takes as long as so many; to compile for another number would take longer


@dataclasses.dataclass(frozen=True)
class Faces:
    """Landmarks of n pictures.

    Attributes:
      points: positions, y down.
      weights: 1 over the expected error relative to the distance of the eyes; 0 for a point that is not seen.
      outline: 1 for points that mark the outline that is seen, else 0.
      outline_degrees: turns of the head between which these lose weight.
      outline_weights: what their weights are multiplied by up to the first turn, and from the second on.
      log_focal: logarithm of the focal length that is given or expected.
      middle_px: pixel at 0.
      unit_px: how many pixels 1 is.
    """

    points: Float[np.ndarray, "n l 2"]
    weights: Float[np.ndarray, "n l"]
    outline: Float[np.ndarray, " l"]
    outline_degrees: Float[np.ndarray, "2"]
    outline_weights: Float[np.ndarray, "2"]
    log_focal: Float[np.ndarray, " n"]
    middle_px: Float[np.ndarray, "n 2"]
    unit_px: Float[np.ndarray, " n"]

    def take(self, numbers: np.ndarray) -> "Faces":
        """Returns some of the pictures."""
        names = ("points", "weights", "log_focal", "middle_px", "unit_px")
        return dataclasses.replace(self, **{name: getattr(self, name)[numbers] for name in names})


@dataclasses.dataclass(frozen=True)
class Expected:
    """What is expected of n pictures before their landmarks are looked at; see `landmark_solver.Priors`."""

    identity: Float[np.ndarray, "n i"]
    identity_precision: np.float32
    expression: Float[np.ndarray, "n e"]
    expression_precision: Float[np.ndarray, "e e"]
    rotation: Float[np.ndarray, "n 3 3"]
    rotation_precision: np.float32

    def take(self, numbers: np.ndarray) -> "Expected":
        """Returns that of some of the pictures."""
        names = ("identity", "expression", "rotation")
        return dataclasses.replace(self, **{name: getattr(self, name)[numbers] for name in names})


@flax.struct.dataclass
class Solved:
    """The most likely faces of n pictures.

    Attributes:
      identity: coefficients.
      log_focal: logarithm of the focal length.
      expression: coefficients.
      rotation: of the head.
      center: where the camera's axis meets the picture.
      log_scale: logarithm of the size of a metre.
      away: from the landmarks that were seen to those of the model.
    """

    identity: Float[np.ndarray | Array, "n i"]
    log_focal: Float[np.ndarray | Array, " n"]
    expression: Float[np.ndarray | Array, "n e"]
    rotation: Float[np.ndarray | Array, "n 3 3"]
    center: Float[np.ndarray | Array, "n 2"]
    log_scale: Float[np.ndarray | Array, " n"]
    away: Float[np.ndarray | Array, "n l 2"]


@dataclasses.dataclass(frozen=True)
class Shared:
    """Identity (i,) and logarithm of the focal length of a person and a lens."""

    identity: np.ndarray
    log_focal: np.ndarray


def solve_each(
    model: LandmarkModel,
    faces: Faces,
    expected: Expected,
    *,
    steps: int,
    huber: float,
    focal_precision: float,
    known: Shared | None = None,
) -> Solved:
    """Fits pictures, each for itself.

    Args:
      model: whose landmarks.
      faces: the pictures; of one unit if something is known.
      expected: of them.
      steps: of the search.
      huber: see `landmark_solver.solve`.
      focal_precision: of the focal length's logarithm; infinite if it is given.
      known: identity and focal length that are the same in all pictures; None searches for them in each.
    """
    count = len(faces.points)
    parts = []
    for first in range(0, count, _BATCH):
        # The last batch is filled up with its last picture.
        numbers = np.minimum(np.arange(first, first + _BATCH), count - 1)
        chosen = faces.take(numbers)
        part = _solve_groups(
            model,
            *(array[:, None] for array in (chosen.points, chosen.weights)),
            (faces.outline, faces.outline_degrees, faces.outline_weights),
            chosen.log_focal if known is None else np.full(_BATCH, known.log_focal),
            _priors(expected.take(numbers), groups=_BATCH, focal_precision=focal_precision),
            None if known is None else np.broadcast_to(known.identity, (_BATCH, *known.identity.shape)),
            steps=steps,
            huber=huber,
        )
        kept = min(_BATCH, count - first)
        parts.append(jax.tree.map(lambda array, kept=kept: np.asarray(array)[:kept], part))
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


def solve_group(
    model: LandmarkModel,
    faces: Faces,
    expected: Expected,
    *,
    length: int,
    steps: int,
    huber: float,
    focal_precision: float,
) -> Shared:
    """Fits pictures of one person and one lens together, and returns what they share.

    Args:
      model: whose landmarks.
      faces: at most `length` pictures of one unit.
      expected: of them.
      length: what to fill the group up to; pictures that are added see nothing.
      steps: of the search.
      huber: see `landmark_solver.solve`.
      focal_precision: of the focal length's logarithm; infinite if it is given.
    """
    count = len(faces.points)
    numbers = np.minimum(np.arange(length), count - 1)
    filled, wanted = faces.take(numbers), expected.take(numbers)
    # Of what a regressor says of each picture, the mean.
    wanted = dataclasses.replace(wanted, identity=np.repeat(expected.identity.mean(axis=0)[None], length, axis=0))
    empty = (np.arange(length) >= count)[:, None]
    solved = _solve_groups(
        model,
        filled.points[None],
        filled.weights[None],
        (faces.outline, faces.outline_degrees, faces.outline_weights),
        filled.log_focal[:1],
        _priors(wanted, groups=1, focal_precision=focal_precision),
        None,
        np.where(empty, np.float32(0.0), np.float32(1.0))[None],
        steps=steps,
        huber=huber,
    )
    return Shared(np.asarray(solved.identity)[0], np.asarray(np.asarray(solved.log_focal)[0]))


def _priors(expected: Expected, *, groups: int, focal_precision: float) -> Priors:
    """Returns priors of groups of the same number of pictures; `log_focal` is to be put in."""
    length = len(expected.identity) // groups

    def split(array: np.ndarray) -> np.ndarray:
        return array.reshape(groups, length, *array.shape[1:])

    def repeated(array: np.ndarray) -> np.ndarray:
        return np.broadcast_to(array, (groups, *np.shape(array)))

    identity = split(expected.identity)[:, 0]
    return Priors(
        identity=jnp.asarray(identity),
        identity_precision=jnp.asarray(np.full_like(identity, expected.identity_precision)),
        log_focal=jnp.asarray(np.zeros(groups, np.float32)),
        focal_precision=jnp.asarray(np.full(groups, focal_precision, np.float32)),
        expression=jnp.asarray(split(expected.expression)),
        expression_precision=jnp.asarray(repeated(expected.expression_precision)),
        rotation=jnp.asarray(split(expected.rotation)),
        rotation_precision=jnp.asarray(np.full(groups, expected.rotation_precision, np.float32)),
    )


@functools.partial(jax.jit, static_argnames=("steps", "huber"))
def _solve_groups(
    model: LandmarkModel,
    points: Float[Array, "g n l 2"],
    weights: Float[Array, "g n l"],
    outline: tuple[Array, Array, Array],
    log_focal: Float[Array, " g"],
    priors: Priors,
    identity: Float[Array, "g i"] | None,
    seen: Float[Array, "g n 1"] | None = None,
    *,
    steps: int,
    huber: float,
) -> Solved:
    """Fits groups of pictures: one person and lens each; all pictures of a group are returned one after the other."""
    seen = jnp.ones((*weights.shape[:2], 1), weights.dtype) if seen is None else seen

    def fit(
        points: Array, weights: Array, log_focal: Array, priors: Priors, identity: Array | None, seen: Array
    ) -> Solved:
        priors = dataclasses.replace(priors, log_focal=log_focal)
        head = model
        if identity is not None:
            nobody = jnp.zeros((0,), identity.dtype)
            priors = dataclasses.replace(priors, identity=nobody, identity_precision=nobody)
            head = landmark_model.of_somebody(model, identity)
        start = _start(head, priors.identity, log_focal, priors, points, weights)
        certainty = _certainty(head, start, weights, outline) * jnp.broadcast_to(seen, weights.shape)
        found = landmark_solver.solve(
            head,
            Observations(points, certainty),
            priors,
            start,
            steps=steps,
            huber=huber,
            shared=identity is None,
        )
        count = len(points)
        whose = found.identity if identity is None else identity
        return Solved(
            identity=jnp.broadcast_to(whose, (count, *whose.shape)),
            log_focal=jnp.broadcast_to(found.log_focal, (count,)),
            expression=found.expression,
            rotation=found.rotation,
            center=found.center,
            log_scale=found.log_scale,
            away=landmark_solver.residuals(head, Observations(points, jnp.ones_like(weights)), found),
        )

    with jax.default_matmul_precision("highest"):
        solved = jax.vmap(fit)(points, weights, log_focal, priors, identity, seen)
    return jax.tree.map(lambda array: array.reshape(-1, *array.shape[2:]), solved)


def _start(
    model: LandmarkModel,
    identity: Float[Array, " i"],
    log_focal: Float[Array, ""],
    priors: Priors,
    points: Float[Array, "n l 2"],
    weights: Float[Array, "n l"],
) -> Unknowns:
    neutral = jnp.zeros_like(model.lowest)
    rotation, center, scale = start_poses(model, identity, neutral, points, weights)
    low, high = (jnp.broadcast_to(limit, priors.expression.shape) for limit in (model.lowest, model.highest))
    return Unknowns(
        identity=identity,
        log_focal=log_focal,
        expression=jnp.clip(priors.expression, low, high),
        rotation=rotation,
        center=center,
        log_scale=jnp.log(scale),
    )


def _certainty(
    model: LandmarkModel, start: Unknowns, weights: Float[Array, "n l"], outline: tuple[Array, Array, Array]
) -> Float[Array, "n l"]:
    on_outline, degrees, shares = outline
    yaw = jnp.abs(landmark_model.head_degrees(start.rotation)[:, :1])
    factor = jnp.interp(yaw, degrees, shares)
    factor = 1.0 + (factor - 1.0) * jnp.broadcast_to(on_outline, weights.shape)
    return weights * factor / (jnp.exp(start.log_scale) * model.eye_distance)[:, None]
