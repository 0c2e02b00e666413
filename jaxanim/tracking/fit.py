"""Fits a morphable model to landmarks: identity, expression, turn of the head and camera of pictures and videos.

Maximum a posteriori: landmarks are seen with noise, people are normally distributed, expressions come together as
`expression_prior` says and stay within their limits. Only landmarks are used: what they do not move with, such as
`cheekPuff`, `tongueOut` or `jawForward` of a frontal face, stays where the priors say; pixels are not compared.

The head turns on the neck and the world's root stays upright; jaw and eyes move by expression coefficients (jawOpen,
eyeLook...), not by their joints. A FLAME model, whose jaw is a joint, therefore keeps its mouth as its expressions
have it. Landmarks are in pixels from the picture's upper left corner, as in `cameras`.
"""

import dataclasses
import math
from typing import Literal

import jax.numpy as jnp
import numpy as np

from jaxanim.core import checks
from jaxanim.core.types import Array, Float
from jaxanim.geometry import rotations
from jaxanim.geometry.morphable import MorphableModel
from jaxanim.tracking import expression_prior, landmark_batches, landmark_model, spread
from jaxanim.tracking.landmark_batches import Expected, Faces, Solved
from jaxanim.tracking.landmark_model import LandmarkModel

FAR = 1000.0
"""A focal length of so many longer sides is weak perspective, as of DECA, for `focal_px`."""

_FOCAL = 2.5  # longer sides of the picture: a portrait lens
_FOCAL_SPREAD = 0.4  # of its logarithm
_IDENTITY_SAMPLES = 30
_ROTATION_SPREAD = 1.0  # radians
# How wrong a prior of weight 1 is expected to be.
_PRIOR_IDENTITY, _PRIOR_EXPRESSION, _PRIOR_ROTATION = 0.5, 0.08, 0.1
_FEWEST_POINTS = 6
# Outlines that are drawn by hand or by a detector slide along the face when it turns.
_OUTLINE_DEGREES, _OUTLINE_WEIGHTS = (20.0, 45.0), (0.5, 0.1)

Contour = Literal["outline", "fixed"]
_CONTOURS = ("outline", "fixed")


@dataclasses.dataclass(frozen=True)
class Fit:
    """Fitted faces of n pictures; arrays of numpy, float32.

    Attributes:
      identity: coefficients; one row per picture, or one for all of them (`fit_video`).
      expression: coefficients.
      rotations: of every joint, root first, as axis times angle.
      camera: focal length, centre x and y in pixels, distance in metres, of a camera on the z axis that looks along
        -z. The centre carries where the face is.
      head_degrees: yaw (positive to the picture's right), pitch (positive down), roll (positive to its left).
      residual: root mean square distance of landmarks, by weight, relative to the distance of the eyes' centres as
        they would be seen from the front.
    """

    identity: Float[np.ndarray, "*p i"]
    expression: Float[np.ndarray, "n e"]
    rotations: Float[np.ndarray, "n j 3"]
    camera: Float[np.ndarray, "n 4"]
    head_degrees: Float[np.ndarray, "n 3"]
    residual: Float[np.ndarray, " n"]


@dataclasses.dataclass(frozen=True)
class Fitter:
    """A model made ready for `fit_picture` and `fit_video`.

    Attributes:
      landmarks: the model's landmarks.
      expression_precision: inverse second moments of expressions.
      noise: expected error of a landmark of weight 1, relative to the distance of the eyes.
      huber: how many times the expected error a landmark is off before it counts as an outlier.
      contour: 'outline' for landmarks of detectors, whose first points mark the outline that is seen: these have half
        the weight, and less for faces that are turned by more than 20 degrees. 'fixed' if they are points of the skin.
      steps: of the search.
    """

    landmarks: LandmarkModel
    expression_precision: Float[Array, "e e"]
    noise: float = 0.01
    huber: float = 3.0
    contour: Contour = "outline"
    steps: int = 8

    def __post_init__(self) -> None:
        """Checks the settings."""
        checks.check_option("contour", self.contour, _CONTOURS)
        if not (self.noise > 0 and self.huber > 0 and self.steps >= 1):
            raise ValueError(
                f"noise and huber must be above 0 and steps at least 1, got {self.noise}, {self.huber}, {self.steps}"
            )


def fitter(
    model: MorphableModel, count: int, *, noise: float = 0.01, huber: float = 3.0, contour: Contour = "outline"
) -> Fitter:
    """Makes a model ready for fits; see `Fitter`.

    Args:
      model: with landmarks. Named expressions are ARKit's.
      count: of landmarks, 68 or 98. Gaze needs the pupils, the last two of the 98.
      noise: see `Fitter`.
      huber: see `Fitter`.
      contour: see `Fitter`.

    Raises:
      ValueError: the model has no such landmarks, or a setting is out of range.
      InputError: an expression's name is not ARKit's.
    """
    names = model.expression_names
    precision = (
        expression_prior.expression_precision(names)
        if names
        else expression_prior.plain_precision(model.expression_basis.shape[-1])
    )
    return Fitter(landmark_model.landmark_model(model, count), precision, noise, huber, contour)


def fit_picture(
    ready: Fitter,
    points: Float[np.ndarray, "n l 2"],
    *,
    size: tuple[int, int],
    weights: Float[np.ndarray, "n l"] | None = None,
    focal_px: float | None = None,
    prior: Fit | None = None,
    prior_weight: float = 1.0,
) -> Fit:
    """Fits pictures of different people, each for itself.

    Args:
      ready: made by `fitter`.
      points: landmarks in pixels.
      size: height and width of the pictures.
      weights: confidence in each landmark, 0 and more; a half doubles the error that is expected. None for 1.
      focal_px: focal length. None searches for it near 2.5 longer sides; `FAR` longer sides are weak perspective.
      prior: what a regressor says of the same pictures; identity, expression and rotations are used.
      prior_weight: 1 for a regressor that is off by half a deviation of identity, 0.08 of an expression and 6 degrees;
        precision is proportional.

    Raises:
      ValueError: numbers are not finite, weights negative, fewer than 6 landmarks have a weight, or shapes do not fit.
    """
    points, weights = _checked(ready, points, weights)
    _check_camera(size, focal_px, prior_weight)
    faces = _faces(ready, points, weights, size, focal_px, together=False)
    expected = _expected(ready, len(points), prior, prior_weight)
    solved = landmark_batches.solve_each(
        ready.landmarks,
        faces,
        expected,
        steps=ready.steps,
        huber=ready.huber,
        focal_precision=_focal_precision(focal_px),
    )
    return _fit(ready, faces, solved, weights)


def fit_video(
    ready: Fitter,
    points: Float[np.ndarray, "n l 2"],
    *,
    size: tuple[int, int],
    weights: Float[np.ndarray, "n l"] | None = None,
    focal_px: float | None = None,
    prior: Fit | None = None,
    prior_weight: float = 1.0,
) -> Fit:
    """Fits frames of one person with one lens: `identity` has one row, and all focal lengths are equal.

    First, identity and focal length together with the other unknowns of up to 30 frames that differ most; then every
    frame with these. Each frame starts in closed form, so that frames do not depend on those before. The working
    memory does not grow with the length.

    Args:
      ready: as for `fit_picture`, as all others.
      points: landmarks of each frame.
      size: height and width of the frames.
      weights: confidences.
      focal_px: focal length, or None.
      prior: of the same frames; its identity may have one row.
      prior_weight: how sure it is.

    Raises:
      ValueError: see `fit_picture`.
    """
    points, weights = _checked(ready, points, weights)
    _check_camera(size, focal_px, prior_weight)
    faces = _faces(ready, points, weights, size, focal_px, together=True)
    expected = _expected(ready, len(points), prior, prior_weight)
    chosen = spread.spread_frames(points, weights, _IDENTITY_SAMPLES)
    precision = _focal_precision(focal_px)
    known = landmark_batches.solve_group(
        ready.landmarks,
        faces.take(chosen),
        expected.take(chosen),
        length=_IDENTITY_SAMPLES,
        steps=ready.steps,
        huber=ready.huber,
        focal_precision=precision,
    )
    solved = landmark_batches.solve_each(
        ready.landmarks,
        faces,
        expected,
        steps=ready.steps,
        huber=ready.huber,
        focal_precision=precision,
        known=known,
    )
    fit = _fit(ready, faces, solved, weights)
    return dataclasses.replace(fit, identity=fit.identity[0])


def _focal_precision(focal_px: float | None) -> float:
    return 1 / _FOCAL_SPREAD**2 if focal_px is None else math.inf


def _checked(
    ready: Fitter, points: Float[np.ndarray, "n l 2"], weights: Float[np.ndarray, "n l"] | None
) -> tuple[np.ndarray, np.ndarray]:
    count = ready.landmarks.fixed.shape[0]
    checks.check_trailing_shape("points", points, (None, count, 2))
    if weights is None:
        weights = np.ones(points.shape[:2])
    if points.ndim != 3 or weights.shape != points.shape[:2] or len(points) == 0:
        raise ValueError(
            f"points must be (n, {count}, 2) and weights (n, {count}), got {points.shape}, {weights.shape}"
        )
    for name, array in (("points", points), ("weights", weights)):
        if not np.isfinite(array).all():
            frame = int(np.argwhere(~np.isfinite(array))[0, 0])
            raise ValueError(f"{name} must be finite, those of picture {frame} are not")
    if weights.min() < 0:
        raise ValueError(f"weights must be 0 or more, got {weights.min():g}")
    few = (weights > 0).sum(axis=1) < _FEWEST_POINTS
    if few.any():
        raise ValueError(
            f"a face needs {_FEWEST_POINTS} landmarks with a weight above 0, picture {int(few.argmax())} has "
            f"{int((weights[few.argmax()] > 0).sum())}"
        )
    return points.astype(np.float64), weights.astype(np.float64)


def _check_camera(size: tuple[int, int], focal_px: float | None, prior_weight: float) -> None:
    if min(size) < 1 or (focal_px is not None and not 0 < focal_px < np.inf) or not 0 <= prior_weight < np.inf:
        raise ValueError(
            f"sizes and focal_px must be above 0, prior_weight 0 or more, got {size}, {focal_px}, {prior_weight}"
        )


def _faces(
    ready: Fitter,
    points: Float[np.ndarray, "n l 2"],
    weights: Float[np.ndarray, "n l"],
    size: tuple[int, int],
    focal_px: float | None,
    *,
    together: bool,
) -> Faces:
    """Returns landmarks around 0 with a spread of about 1; `together` gives all pictures one unit."""
    share = weights / weights.sum(axis=1, keepdims=True)
    middle = np.einsum("nl,nlk->nk", share, points)
    unit = np.sqrt(np.einsum("nl,nlk->n", share, (points - middle[:, None]) ** 2))
    if unit.min() <= 1e-6 * max(size):
        raise ValueError(f"the landmarks of picture {int(unit.argmin())} are on one point")
    if together:
        unit = np.full(len(unit), np.median(unit))
    focal = focal_px or _FOCAL * max(size)
    count = points.shape[1]
    outline = np.zeros(count)
    if ready.contour == "outline":
        outline[: landmark_model.CONTOUR[count]] = 1.0
    return Faces(
        points=((points - middle[:, None]) / unit[:, None, None]).astype(np.float32),
        weights=(weights / ready.noise).astype(np.float32),
        outline=outline.astype(np.float32),
        outline_degrees=np.asarray(_OUTLINE_DEGREES, np.float32),
        outline_weights=np.asarray(_OUTLINE_WEIGHTS, np.float32),
        log_focal=np.log(focal / unit).astype(np.float32),
        middle_px=middle,
        unit_px=unit,
    )


def _expected(ready: Fitter, count: int, prior: Fit | None, weight: float) -> Expected:
    model = ready.landmarks
    identities, expressions = model.identities, len(model.lowest)
    if prior is None:
        identity, expression = np.zeros((count, identities)), np.zeros((count, expressions))
        rotation, weight = np.broadcast_to(np.eye(3), (count, 3, 3)), 0.0
    else:
        identity = np.broadcast_to(prior.identity, (count, prior.identity.shape[-1]))
        expression = prior.expression
        if identity.shape[1] != identities or expression.shape != (count, expressions):
            raise ValueError(
                f"the prior has identities {prior.identity.shape} and expressions {expression.shape}, {count} pictures "
                f"of this model need {identities} and {expressions} coefficients each"
            )
        rotation = np.asarray(landmark_model.head_rotation(jnp.asarray(prior.rotations), model))
    guess = np.float32(weight / _PRIOR_IDENTITY**2), np.float32(weight / _PRIOR_EXPRESSION**2)
    precision = np.asarray(ready.expression_precision)
    both = precision + guess[1] * np.eye(expressions, dtype=np.float32)
    return Expected(
        # The product of two normal distributions: one around 0, one around the guess.
        identity=(identity * guess[0] / (1 + guess[0])).astype(np.float32),
        identity_precision=np.float32(1 + guess[0]),
        expression=np.linalg.solve(both, guess[1] * expression.T).T.astype(np.float32),
        expression_precision=both,
        rotation=np.asarray(rotation, np.float32),
        rotation_precision=np.float32(1 / _ROTATION_SPREAD**2 + weight / _PRIOR_ROTATION**2),
    )


def _fit(ready: Fitter, faces: Faces, solved: Solved, weights: Float[np.ndarray, "n l"]) -> Fit:
    count, joints = len(solved.expression), len(ready.landmarks.parents)
    turns = np.zeros((count, joints, 3), np.float32)
    turns[:, ready.landmarks.joint] = rotations.matrix_to_axis_angle(jnp.asarray(solved.rotation))
    focal = np.exp(solved.log_focal.astype(np.float64)) * faces.unit_px
    scale = np.exp(solved.log_scale.astype(np.float64)) * faces.unit_px
    center = faces.middle_px + solved.center * faces.unit_px[:, None]
    share = weights / weights.sum(axis=1, keepdims=True)
    mean = np.sqrt((share * (solved.away**2).sum(axis=-1)).sum(axis=1))
    points = ready.landmarks.fixed.shape[0]
    eyes = landmark_model.neutral_eye_distance(ready.landmarks, jnp.asarray(solved.identity), points)
    return Fit(
        identity=np.asarray(solved.identity),
        expression=np.asarray(solved.expression),
        rotations=turns,
        camera=np.concatenate([focal[:, None], center, (focal / scale)[:, None]], axis=1).astype(np.float32),
        head_degrees=np.asarray(landmark_model.head_degrees(jnp.asarray(solved.rotation))),
        residual=(mean / (np.exp(solved.log_scale) * np.asarray(eyes))).astype(np.float32),
    )
