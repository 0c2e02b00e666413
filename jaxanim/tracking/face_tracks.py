"""From faces that were followed through a video, or seen in a photo, to what `jaxanim fit` writes.

Landmarks are smoothed first, so that everything fitted to them is; then the open head is fitted to the 98 points, with
what regressor and refiner say as what is expected. All other signals follow from the fit.
"""

import dataclasses
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxanim.core.errors import InputError
from jaxanim.geometry import rotations
from jaxanim.geometry.morphable import MorphableModel
from jaxanim.signals import convert, face_signal, smooth
from jaxanim.signals.face_signal import FaceSignal
from jaxanim.signals.face_track import FaceTrack
from jaxanim.tracking import alignments, fit, surfaces
from jaxanim.tracking.fit import Fit, Fitter
from jaxanim.tracking.follow import TrackedFace
from jaxanim.tracking.regressor.locator import RegressorSees

NOISE = 0.02  # expected error of a landmark that the refiner finds, relative to the distance of the eyes
LANDMARK_CUTOFF, LANDMARK_BETA = 3.0, 15.0  # hertz; hertz per eyes' distance a second
_NECK = 1
_SIDE, _DISTANCE, _FOCAL = 512, 1.0, 1.5  # of the picture that signals without one are given


def make_fitter(head: MorphableModel) -> Fitter:
    """Makes the open head ready; once for all tracks."""
    return fit.fitter(head, 98, noise=NOISE)


def make_track(
    faces: Sequence[TrackedFace],
    *,
    size: tuple[int, int],
    time: Float[np.ndarray, " n"],
    fps: float,
    ready: Fitter,
    smoothed: bool = True,
) -> FaceTrack:
    """Fits the open head to a face.

    Args:
      faces: one for each time, as `follow` yields them with a `RegressorLocator`.
      size: height and width of the frames.
      time: of each of them in seconds.
      fps: frames per second.
      ready: from `make_fitter`.
      smoothed: whether landmarks are smoothed over time.

    Raises:
      InputError: there are no faces.
    """
    if not faces:
        raise InputError("no frame shows the face")
    found = np.array([face.found for face in faces])
    confidence = np.array([face.confidence for face in faces])
    points = np.stack([np.concatenate([face.more.landmarks68, face.points]) for face in faces])
    if smoothed and len(faces) > 1:
        points = _smooth(points, time, found)
    points98 = points[:, 68:]
    prior = expected([face.more for face in faces], ready)
    if len(faces) == 1:
        fitted = fit.fit_picture(ready, points98, size=size, prior=prior)
        identity = fitted.identity[0]
    else:
        prior = dataclasses.replace(prior, identity=prior.identity.mean(axis=0))
        fitted = fit.fit_video(ready, points98, size=size, prior=prior)
        identity = fitted.identity
    signal = face_signal.make_signal(
        np.asarray(fitted.expression, np.float64), np.asarray(fitted.head_degrees, np.float64), time
    )
    return FaceTrack(
        fps=float(fps),
        size=np.array(size),
        crop_size=faces[0].alignment.size,
        time=np.asarray(time, np.float64),
        found=found,
        confidence=np.asarray(confidence, np.float32),
        landmarks68=np.asarray(points[:, :68], np.float32),
        landmarks98=np.asarray(points98, np.float32),
        identity=np.asarray(identity, np.float32),
        expression=np.asarray(signal.expression, np.float32),
        rotations=fitted.rotations,
        camera=fitted.camera,
        action_units=np.asarray(convert.to_action_units(signal.expression), np.float32),
        pose=np.asarray(convert.to_pose(signal), np.float32),
        head_degrees=fitted.head_degrees,
        crop=np.stack([face.alignment.matrix for face in faces]).astype(np.float32),
    )


def of_signal(signal: FaceSignal, head: MorphableModel, *, fps: float) -> FaceTrack:
    """Returns the track of a recording that has no picture: the mean face, seen from the front."""
    count = len(signal.time)
    posed = convert.to_open_head(signal.expression, signal.head_degrees)
    focal, middle = _FOCAL * _SIDE, _SIDE / 2
    camera = np.tile(np.array([focal, middle, middle, _DISTANCE], np.float32), (count, 1))
    still = Fit(
        identity=np.zeros(head.identity_basis.shape[-1], np.float32),
        expression=np.asarray(posed.expression, np.float32),
        rotations=np.asarray(posed.rotations, np.float32),
        camera=camera,
        head_degrees=np.asarray(signal.head_degrees, np.float32),
        residual=np.zeros(count, np.float32),
    )
    landmarks = {number: surfaces.landmarks_px(head, still, number) for number in (68, 98)}
    place = alignments.around_face(landmarks[98][0], 1.5, _SIDE // 4, upright=False)
    return FaceTrack(
        fps=float(fps),
        size=np.array([_SIDE, _SIDE]),
        crop_size=place.size,
        time=np.asarray(signal.time, np.float64),
        found=np.ones(count, bool),
        confidence=np.ones(count, np.float32),
        landmarks68=landmarks[68],
        landmarks98=landmarks[98],
        identity=still.identity,
        expression=still.expression,
        rotations=still.rotations,
        camera=camera,
        action_units=np.asarray(convert.to_action_units(signal.expression), np.float32),
        pose=np.asarray(convert.to_pose(signal), np.float32),
        head_degrees=still.head_degrees,
        crop=np.tile(place.matrix.astype(np.float32), (count, 1, 1)),
    )


def fit_of(track: FaceTrack, row: int) -> Fit:
    """Returns one frame of a track as a fit, for previews."""
    only = slice(row, row + 1)
    arrays = (track.expression[only], track.rotations[only], track.camera[only], track.head_degrees[only])
    return Fit(track.identity, *arrays, np.zeros(1, np.float32))


def _smooth(
    points: Float[np.ndarray, "n k 2"], time: Float[np.ndarray, " n"], found: np.ndarray
) -> Float[np.ndarray, "n k 2"]:
    """Smooths landmarks, in units of the eyes' distance; what was not found does not count."""
    unit = float(np.median(np.linalg.norm(points[:, 36] - points[:, 45], axis=-1)))
    smoothed = smooth.smooth_track(
        points / unit, time, confidence=found.astype(np.float64), min_cutoff=LANDMARK_CUTOFF, beta=LANDMARK_BETA
    )
    return smoothed * unit


def expected(seen: Sequence[RegressorSees], ready: Fitter) -> Fit:
    """Returns what the networks say of pictures, as a fit: a start, and what is likely before landmarks count."""
    count = len(seen)
    turns = np.zeros((count, len(ready.landmarks.parents), 3), np.float32)
    head = np.stack([each.head for each in seen])
    turns[:, _NECK] = rotations.matrix_to_axis_angle(jnp.asarray(head, jnp.float32))
    identity = np.stack([each.identity for each in seen]).astype(np.float32)
    expression = np.clip(np.stack([each.expression for each in seen]), 0.0, 1.0).astype(np.float32)
    zeros = np.zeros((count, 4), np.float32)
    return Fit(identity, expression, turns, zeros, zeros[:, :3], zeros[:, 0])
