"""Levenberg-Marquardt for faces that share an identity: the least squares problem behind `fit`.

Identity and focal length belong to a group of pictures; expression, rotation, centre and scale belong to each. The
pictures' unknowns are eliminated picture by picture (Schur complement), so that a step costs as much per picture as
one of a single picture. Coefficients at a limit that would leave it are held there for a step, the others are cut at
theirs (projected Newton: Bertsekas 1982).

Positions are in units near the distance of the eyes, y down, from a point near the face.
"""

import flax.struct
import jax
import jax.numpy as jnp

from jaxanim.core.types import Array, Bool, Float
from jaxanim.geometry import rotations
from jaxanim.tracking import landmark_model
from jaxanim.tracking.landmark_model import LandmarkModel

POSE = 6
"""Unknowns of a picture besides its expression: three of rotation, two of the centre, one of scale."""

_NEAREST = 0.2  # of the camera's distance: points nearer than that are projected as if they were there
_LEAST_DAMPING, _MOST_DAMPING = 1e-7, 1e5
_LEAST_PRECISION = 1e-6  # keeps the equations of a picture in which nothing is seen solvable


@flax.struct.dataclass
class Unknowns:
    """What is fitted for a group of pictures of one person.

    Attributes:
      identity: coefficients.
      log_focal: logarithm of the focal length.
      expression: coefficients.
      rotation: of the head, in the world.
      center: where the camera's axis meets the picture.
      log_scale: logarithm of the size of one metre at the world's origin: focal length over distance.
    """

    identity: Float[Array, " i"]
    log_focal: Float[Array, ""]
    expression: Float[Array, "n e"]
    rotation: Float[Array, "n 3 3"]
    center: Float[Array, "n 2"]
    log_scale: Float[Array, " n"]


@flax.struct.dataclass
class Observations:
    """What is seen, and how sure of it one is.

    Attributes:
      points: landmarks.
      certainty: 1 over the standard deviation of each; 0 for one that is not seen.
    """

    points: Float[Array, "n l 2"]
    certainty: Float[Array, "n l"]


@flax.struct.dataclass
class Priors:
    """What is likely before anything is seen; precisions are 1 over variances.

    Attributes:
      identity: expected coefficients.
      identity_precision: of each coefficient.
      log_focal: expected.
      focal_precision: of `log_focal`; infinite where the focal length is known.
      expression: expected coefficients.
      expression_precision: a matrix, as expressions come together.
      rotation: expected.
      rotation_precision: of each axis.
    """

    identity: Float[Array, " i"]
    identity_precision: Float[Array, " i"]
    log_focal: Float[Array, ""]
    focal_precision: Float[Array, ""]
    expression: Float[Array, "n e"]
    expression_precision: Float[Array, "e e"]
    rotation: Float[Array, "n 3 3"]
    rotation_precision: Float[Array, ""]


@flax.struct.dataclass
class _Normal:
    """Normal equations: of what is shared, of each picture, and between both; then the gradients."""

    shared: Float[Array, "s s"]
    own: Float[Array, "n p p"]
    across: Float[Array, "n p s"]
    shared_gradient: Float[Array, " s"]
    own_gradient: Float[Array, "n p"]


def solve(
    model: LandmarkModel,
    seen: Observations,
    priors: Priors,
    start: Unknowns,
    *,
    steps: int,
    huber: float,
    shared: bool,
) -> Unknowns:
    """Returns the most likely unknowns of a group of pictures.

    Args:
      model: whose landmarks.
      seen: where they are.
      priors: see there.
      start: from where to search.
      steps: how many are tried; one that makes it worse is taken back, and damping raised.
      huber: standard deviations from which on a point pulls no harder.
      shared: whether identity and focal length are searched for, too.
    """

    def step(_: Array, state: tuple[Unknowns, Array, Array]) -> tuple[Unknowns, Array, Array]:
        at, cost, damping = state
        normal = _normal(model, seen, priors, at, huber)
        moved = _move(model, at, normal, damping, shared)
        new = objective(model, seen, priors, moved, huber=huber)
        better = new < cost
        at = jax.tree.map(lambda now, then: jnp.where(better, now, then), moved, at)
        damping = jnp.clip(jnp.where(better, damping * 0.2, damping * 5.0), _LEAST_DAMPING, _MOST_DAMPING)
        return at, jnp.where(better, new, cost), damping

    with jax.default_matmul_precision("highest"):
        cost = objective(model, seen, priors, start, huber=huber)
        return jax.lax.fori_loop(0, steps, step, (start, cost, jnp.asarray(1e-2, cost.dtype)))[0]


def objective(
    model: LandmarkModel, seen: Observations, priors: Priors, at: Unknowns, *, huber: float
) -> Float[Array, ""]:
    """Returns what `solve` makes small: half the sum of squared deviations, those of points by Huber's rule."""
    away = jnp.linalg.norm(residuals(model, seen, at), axis=-1)
    points = jnp.where(away <= huber, 0.5 * away**2, huber * (away - 0.5 * huber))
    shared_away, own_away = _from_expected(priors, at)
    shared_precision, own_precision = _precisions(priors)
    # Nothing is lost where the focal length is known: it stays where it is.
    shared = 0.5 * (jnp.where(jnp.isinf(shared_precision), 0.0, shared_precision) * shared_away**2).sum()
    own = 0.5 * jnp.einsum("np,pq,nq->", own_away, own_precision, own_away)
    return points.sum() + shared + own


def residuals(model: LandmarkModel, seen: Observations, at: Unknowns) -> Float[Array, "n l 2"]:
    """Returns how far the model's landmarks are from those seen, in standard deviations."""
    pixels = jax.vmap(_project, in_axes=(None, None, None, 0, 0, 0, 0))(
        model, at.identity, at.log_focal, at.expression, at.rotation, at.center, at.log_scale
    )
    return (pixels - seen.points) * seen.certainty[..., None]


def _project(
    model: LandmarkModel,
    identity: Float[Array, " i"],
    log_focal: Float[Array, ""],
    expression: Float[Array, " e"],
    rotation: Float[Array, "3 3"],
    center: Float[Array, " 2"],
    log_scale: Float[Array, ""],
) -> Float[Array, "l 2"]:
    points = landmark_model.place(model, identity, expression, rotation)
    slope, _ = _view(points, log_focal, log_scale)
    return slope + center[None]


def _view(
    points: Float[Array, "l 3"], log_focal: Float[Array, ""], log_scale: Float[Array, ""]
) -> tuple[Float[Array, "l 2"], Float[Array, " l"]]:
    """Returns where points are from the centre, and their distance from the camera relative to the origin's."""
    scale = jnp.exp(log_scale)
    depth = jnp.maximum(1.0 - points[:, 2] * scale * jnp.exp(-log_focal), _NEAREST)
    return scale * jnp.stack([points[:, 0], -points[:, 1]], axis=-1) / depth[:, None], depth


def jacobian(
    model: LandmarkModel,
    identity: Float[Array, " i"],
    log_focal: Float[Array, ""],
    expression: Float[Array, " e"],
    rotation: Float[Array, "3 3"],
    log_scale: Float[Array, ""],
) -> Float[Array, "l 2 u"]:
    """Returns how landmarks of one picture move with each unknown.

    The unknowns' order: identity, log_focal, expression, a turn of the world about three axes after `rotation`,
    centre, log_scale.
    """
    fixed, turned = landmark_model.parts(model, identity, expression, rotation)
    points = fixed + turned
    slope, depth = _view(points, log_focal, log_scale)
    near = jnp.exp(log_scale) / depth
    nearer = slope * (near * jnp.exp(-log_focal))[:, None]
    zero = jnp.zeros_like(near)
    by_place = jnp.stack(
        [jnp.stack([near, zero, nearer[:, 0]], axis=-1), jnp.stack([zero, -near, nearer[:, 1]], axis=-1)], axis=-2
    )
    by_coefficient = _along(by_place, model.fixed_basis) + _along(by_place @ rotation, model.turning_basis)
    by_turn = -by_place @ rotations.cross_matrix(turned)
    by_scale = slope / depth[:, None]
    by_focal = slope - by_scale
    count = len(depth)
    identities = model.identities
    return jnp.concatenate(
        [
            by_coefficient[..., :identities],
            by_focal[..., None],
            by_coefficient[..., identities:],
            by_turn,
            jnp.broadcast_to(jnp.eye(2, dtype=slope.dtype), (count, 2, 2)),
            by_scale[..., None],
        ],
        axis=-1,
    )


def _along(slopes: Float[Array, "l 2 3"], basis: Float[Array, "l 3 q"]) -> Float[Array, "l 2 q"]:
    """Multiplies small matrices; sums of three written out, as CPUs are slow at many small products."""
    first, second, third = (slopes[:, :, k, None] * basis[:, None, k] for k in range(3))
    return first + second + third


def _normal(model: LandmarkModel, seen: Observations, priors: Priors, at: Unknowns, huber: float) -> _Normal:
    away = residuals(model, seen, at)
    length = jnp.linalg.norm(away, axis=-1)
    # Huber's rule as weights: what is far away counts as its distance, not as its square.
    share = jnp.sqrt(jnp.where(length > huber, huber / jnp.maximum(length, huber), 1.0))
    slopes = jax.vmap(jacobian, in_axes=(None, None, None, 0, 0, 0))(
        model, at.identity, at.log_focal, at.expression, at.rotation, at.log_scale
    )
    slopes = slopes * (seen.certainty * share)[..., None, None]
    pictures, unknowns = slopes.shape[0], slopes.shape[-1]
    slopes = slopes.reshape(pictures, -1, unknowns)
    away = (away * share[..., None]).reshape(pictures, -1)
    squares = jnp.swapaxes(slopes, 1, 2) @ slopes
    gradient = (jnp.swapaxes(slopes, 1, 2) @ away[..., None])[..., 0]
    first = model.identities + 1
    shared_precision, own_precision = _precisions(priors)
    shared_away, own_away = _from_expected(priors, at)
    known = jnp.isinf(shared_precision)
    finite = jnp.where(known, 0.0, shared_precision)
    shared = squares[:, :first, :first].sum(axis=0) + jnp.diag(finite)
    normal = _Normal(
        shared=shared,
        own=squares[:, first:, first:] + jnp.broadcast_to(own_precision, (pictures, *own_precision.shape)),
        across=squares[:, first:, :first],
        shared_gradient=gradient[:, :first].sum(axis=0) + finite * shared_away,
        own_gradient=gradient[:, first:] + own_away @ own_precision,
    )
    return _hold(normal, known, _at_limits(model, at, normal.own_gradient))


def _precisions(priors: Priors) -> tuple[Float[Array, " s"], Float[Array, "p p"]]:
    shared = jnp.append(priors.identity_precision, priors.focal_precision)
    expressions = priors.expression_precision.shape[0]
    own = _LEAST_PRECISION * jnp.eye(expressions + POSE, dtype=shared.dtype)
    own = own.at[:expressions, :expressions].set(priors.expression_precision)
    turn = jnp.arange(expressions, expressions + 3)
    return shared, own.at[turn, turn].set(jnp.broadcast_to(priors.rotation_precision, turn.shape))


def _from_expected(priors: Priors, at: Unknowns) -> tuple[Float[Array, " s"], Float[Array, "n p"]]:
    shared = jnp.append(at.identity - priors.identity, at.log_focal - priors.log_focal)
    turn = rotations.matrix_to_axis_angle(at.rotation @ jnp.swapaxes(priors.rotation, -1, -2))
    free = jnp.zeros((len(turn), 3), turn.dtype)
    return shared, jnp.concatenate([at.expression - priors.expression, turn, free], axis=-1)


def _at_limits(model: LandmarkModel, at: Unknowns, gradient: Float[Array, "n p"]) -> Bool[Array, "n p"]:
    """Returns which unknowns of each picture are at a limit that the gradient pushes them over."""
    slope = gradient[:, : at.expression.shape[-1]]
    low = (at.expression <= jnp.broadcast_to(model.lowest, slope.shape)) & (slope > 0)
    high = (at.expression >= jnp.broadcast_to(model.highest, slope.shape)) & (slope < 0)
    return jnp.concatenate([low | high, jnp.zeros((len(slope), POSE), bool)], axis=-1)


def _hold(normal: _Normal, shared: Bool[Array, " s"], own: Bool[Array, "n p"]) -> _Normal:
    """Takes unknowns out of the equations: they will not move."""
    eye = jnp.eye(own.shape[-1], dtype=normal.own.dtype)
    shared_eye = jnp.eye(len(shared), dtype=normal.own.dtype)
    return _Normal(
        shared=jnp.where(shared[:, None] | shared[None], shared_eye, normal.shared),
        own=jnp.where(own[:, :, None] | own[:, None], jnp.broadcast_to(eye, normal.own.shape), normal.own),
        across=jnp.where(own[:, :, None] | shared[None, None], 0.0, normal.across),
        shared_gradient=jnp.where(shared, 0.0, normal.shared_gradient),
        own_gradient=jnp.where(own, 0.0, normal.own_gradient),
    )


def _move(model: LandmarkModel, at: Unknowns, normal: _Normal, damping: Float[Array, ""], shared: bool) -> Unknowns:
    own = jax.vmap(_damped, in_axes=(0, None))(normal.own, damping)
    gradient = normal.own_gradient[..., None]
    if shared:
        both = jax.vmap(_eliminate)(own, jnp.concatenate([normal.across, gradient], axis=-1))
        across, alone = both[..., :-1], both[..., -1]
        reduced = _damped(normal.shared, damping) - jnp.einsum("nps,npt->st", normal.across, across)
        rest = normal.shared_gradient - jnp.einsum("nps,np->s", normal.across, alone)
        shared_step = -_solve(reduced, rest[:, None])[:, 0]
        step = -alone - across @ shared_step
        identity = at.identity + shared_step[:-1]
        log_focal = at.log_focal + shared_step[-1]
    else:
        step = -_solve(own, gradient)[..., 0]
        identity, log_focal = at.identity, at.log_focal
    expressions = at.expression.shape[-1]
    expression, turn, shift, scale = jnp.split(step, [expressions, expressions + 3, expressions + 5], axis=-1)
    moved = at.expression + expression
    low, high = (jnp.broadcast_to(limit, moved.shape) for limit in (model.lowest, model.highest))
    return Unknowns(
        identity=identity,
        log_focal=log_focal,
        expression=jnp.clip(moved, low, high),
        rotation=rotations.axis_angle_to_matrix(turn) @ at.rotation,
        center=at.center + shift,
        log_scale=at.log_scale + scale[..., 0],
    )


def _damped(matrix: Float[Array, "p p"], damping: Float[Array, ""]) -> Float[Array, "p p"]:
    return matrix + jnp.diag(damping * jnp.diagonal(matrix))


def _solve(matrix: Float[Array, "*b p p"], right: Float[Array, "*b p 1"]) -> Float[Array, "*b p 1"]:
    """Solves symmetric positive definite equations; NaN if they are not."""
    factor = jnp.linalg.cholesky(matrix)
    first = jax.lax.linalg.triangular_solve(factor, right, left_side=True, lower=True)
    return jax.lax.linalg.triangular_solve(factor, first, left_side=True, lower=True, transpose_a=True)


def _eliminate(matrix: Float[Array, "p p"], right: Float[Array, "p r"]) -> Float[Array, "p r"]:
    """Solves for many right sides by Gauss and Jordan, for which XLA's triangular solver takes ten times as long."""
    scale = jax.lax.rsqrt(jnp.diagonal(matrix))[:, None]
    rows = jnp.concatenate([matrix * scale * scale.T, right * scale], axis=-1)
    numbers = jnp.arange(len(matrix))[:, None]

    def clear(column: Array, rows: Array) -> Array:
        chosen = jax.lax.dynamic_slice_in_dim(rows, column, 1, axis=0)
        chosen = chosen / jax.lax.dynamic_slice_in_dim(chosen, column, 1, axis=1)
        factor = jax.lax.dynamic_slice_in_dim(rows, column, 1, axis=1)
        return jnp.where(numbers == column, chosen, rows - factor * chosen)

    return jax.lax.fori_loop(0, len(matrix), clear, rows)[:, len(matrix) :] * scale
