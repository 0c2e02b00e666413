"""What `jaxanim fit` writes: a face's parameters, landmarks, action units and poses for every frame of its input.

The file is an .npz of one array per field of `FaceTrack`, named alike.
Pixels are those of the original picture, x right, y down, (0, 0) its upper left corner.
"""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxanim.core import files
from jaxanim.core.errors import InputError, OutputError
from jaxanim.signals import action_units, face_signal, openface, tracks

_SHAPES: Mapping[str, tuple[str | int, ...]] = {
    "fps": (),
    "size": (2,),
    "crop_size": (),
    "time": ("n",),
    "found": ("n",),
    "confidence": ("n",),
    "landmarks68": ("n", 68, 2),
    "landmarks98": ("n", 98, 2),
    "identity": ("i",),
    "expression": ("n", 52),
    "rotations": ("n", 5, 3),
    "camera": ("n", 4),
    "action_units": ("n", 17),
    "pose": ("n", 45),
    "head_degrees": ("n", 3),
    "crop": ("n", 2, 3),
}
_DOUBLE = ("fps", "time")
_WHOLE = ("size", "crop_size")


@dataclasses.dataclass(frozen=True)
class FaceTrack:
    """One face in n pictures.

    Attributes:
      fps: frames per second of the input; times may differ where its rate varies.
      size: height and width of the input in pixels.
      crop_size: side of the crop that the networks saw, in pixels.
      time: seconds, increasing.
      found: whether the face was found; where not, all else is what the frames around it say.
      confidence: from 0, not found, to 1.
      landmarks68: iBUG's points in pixels.
      landmarks98: WFLW's points in pixels.
      identity: the open head's coefficients, the same in all frames.
      expression: its expression, in the order of `face_signal.EXPRESSIONS`.
      rotations: its joints' (`convert.JOINTS`), axis times angle.
      camera: focal length in pixels, the pixel (x, y) that its axis meets, and the head's distance in metres.
      action_units: in the order of `action_units.NAMES`, 0 to 5.
      pose: THA4's numbers, in the order of `pose_vector`.
      head_degrees: yaw, pitch and roll (`face_signal`).
      crop: from pixels of the picture to those of the crop; columns x, y, 1.
    """

    fps: float
    size: Int[np.ndarray, "2"]
    crop_size: int
    time: Float[np.ndarray, " n"]
    found: Bool[np.ndarray, " n"]
    confidence: Float[np.ndarray, " n"]
    landmarks68: Float[np.ndarray, "n 68 2"]
    landmarks98: Float[np.ndarray, "n 98 2"]
    identity: Float[np.ndarray, " i"]
    expression: Float[np.ndarray, "n 52"]
    rotations: Float[np.ndarray, "n 5 3"]
    camera: Float[np.ndarray, "n 4"]
    action_units: Float[np.ndarray, "n 17"]
    pose: Float[np.ndarray, "n 45"]
    head_degrees: Float[np.ndarray, "n 3"]
    crop: Float[np.ndarray, "n 2 3"]

    def to_signal(self) -> face_signal.FaceSignal:
        """Returns expression and head angles of all frames."""
        return face_signal.make_signal(
            np.asarray(self.expression, np.float64), np.asarray(self.head_degrees, np.float64), self.time
        )

    def to_action_units(self) -> openface.ActionUnitTrack:
        """Returns the action units of all frames, with head and gaze left out."""
        clipped = np.clip(self.action_units, 0.0, action_units.LARGEST)
        return openface.ActionUnitTrack(
            self.time, clipped.astype(np.float32), clamped=int((clipped != self.action_units).sum())
        )


_FIELDS = tuple(field.name for field in dataclasses.fields(FaceTrack))


def check(track: FaceTrack) -> None:
    """Raises ValueError unless all shapes fit each other, numbers are finite and times increase."""
    _check({name: np.asarray(getattr(track, name)) for name in _FIELDS}, ValueError)


def save(path: Path, track: FaceTrack) -> None:
    """Writes a track, whole or not at all.

    Raises:
      ValueError: the track is not sound, see `check`.
      OutputError: the file cannot be written there, its name does not end in .npz, or it would be too large to read.
    """
    check(track)
    stored: dict[str, Any] = {}
    for name in _FIELDS:
        array = np.asarray(getattr(track, name))
        halve = array.dtype == np.float64 and name not in _DOUBLE
        stored[name] = array.astype(np.float32) if halve else array
    if path.suffix.lower() != ".npz":
        raise OutputError(f"{path}: a fit is written as an .npz file")
    size = sum(array.nbytes for array in stored.values())
    if size > tracks.MAX_ARRAY_BYTES // 2:  # room for what an archive adds, and types that another machine writes
        raise OutputError(f"{path}: {len(track.time)} frames are too many for one file; fit the video in parts")
    with files.replacing(path) as temporary:
        np.savez_compressed(temporary, **stored)


def load(path: Path) -> FaceTrack:
    """Reads a track.

    Raises:
      InputError: the file is missing, damaged, or is not what `jaxanim fit` writes.
    """
    try:
        if path.suffix.lower() != ".npz":
            raise InputError("is no .npz file of jaxanim fit")
        stored = tracks.read_arrays(path)
        missing = [name for name in _FIELDS if name not in stored]
        if missing:
            raise InputError(f"is not what jaxanim fit writes: it has no {missing[0]!r}; it holds {_some(stored)}")
        known = {name: stored[name] for name in _FIELDS}
        unknown = sorted(set(stored) - set(known))
        if unknown:
            raise InputError(f"has the unknown array {unknown[0]!r}; a newer version may have written it")
        _check(known, InputError)
        return FaceTrack(**{name: _typed(name, array) for name, array in known.items()})
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _typed(name: str, array: np.ndarray) -> Any:
    if array.ndim == 0:
        return array.item()
    if name == "found" or name in _WHOLE:
        return array
    return array.astype(np.float64 if name in _DOUBLE else np.float32)


def _check(arrays: Mapping[str, np.ndarray], error: type[Exception]) -> None:
    lengths: dict[str, int] = {}
    for name, array in arrays.items():
        shape = _SHAPES[name]
        expected = [lengths.get(axis, axis) if isinstance(axis, str) else axis for axis in shape]
        fits = array.ndim == len(shape) and all(
            isinstance(want, str) or want == have for want, have in zip(expected, array.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join(map(str, expected))
            raise error(f"{name} has shape {array.shape}, ({wanted}) was expected")
        lengths.update((axis, n) for axis, n in zip(shape, array.shape, strict=True) if isinstance(axis, str))
        kinds, what = _kinds(name)
        if array.dtype.kind not in kinds:
            raise error(f"{name} holds {array.dtype}, {what} were expected")
        if not np.isfinite(array).all():
            raise error(f"{name} holds {int((~np.isfinite(array)).sum())} numbers that are NaN or infinite")
    if lengths["n"] == 0:
        raise error("has no frames")
    if (np.diff(arrays["time"]) <= 0).any():
        raise error("times must increase from frame to frame")
    if not (math.isfinite(arrays["fps"]) and arrays["fps"] > 0):
        raise error(f"frames per second must be positive, got {arrays['fps']}")
    confidence = arrays["confidence"]
    if confidence.min() < 0 or confidence.max() > 1:
        raise error(f"confidence goes from {confidence.min():g} to {confidence.max():g}, possible are 0 to 1")


def _kinds(name: str) -> tuple[str, str]:
    if name == "found":
        return "b", "truth values"
    return ("iu", "whole numbers") if name in _WHOLE else ("fiu", "numbers")


def _some(arrays: Mapping[str, Any]) -> str:
    names = sorted(arrays)
    return ", ".join(names[:8]) + (" ..." if len(names) > 8 else "") if names else "nothing"
