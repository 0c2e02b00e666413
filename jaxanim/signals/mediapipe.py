"""Blendshapes of MediaPipe's FaceLandmarker as people save them: one frame per line, or a list of frames, or a table.

- `.jsonl`, `.json`: a JSON object or list per line, a list of them, or `{"fps": 30, "frames": [...]}`.
- A frame is `{categoryName: score, ...}`, or a list of `{"categoryName": ..., "score": ...}`, or an object that has
  either under `blendshapes` or a result's own name for them (`face_blendshapes`, `faceBlendshapes`, one face each).
  Beside them may stand a time, `time` or `timestamp` in seconds or `timestamp_ms`, and the head's 4x4
  `facial_transformation_matrix` (also a result's list of one); a frame whose blendshapes are empty has no face.
- `.csv`: a header of names and a time.

Left and right are the person's own (MediaPipe's reference), as in ARKit. FaceLandmarker has 51 of ARKit's shapes, no
`tongueOut`, which is 0, and `_neutral`, which is left out. Without matrices the head's angles are 0.
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxanim.core.errors import InputError
from jaxanim.signals import face_signal, head_angles, tracks

NAMES = tuple(name for name in face_signal.EXPRESSIONS if name != "tongueOut")
_IGNORED = ("_neutral",)
_SCORES = ("blendshapes", "face_blendshapes", "faceBlendshapes")
_MATRICES = ("facial_transformation_matrix", "facial_transformation_matrixes", "facialTransformationMatrixes")
_TIMES: Mapping[str, float] = {"time": 1.0, "timestamp": 1.0, "timestamp_ms": 1e-3, "timestampMs": 1e-3}
_BESIDE = ("frame", "face_landmarks", "faceLandmarks")

Frame = tuple[float | None, dict[str, float], Any]  # time, scores by name (none without a face), matrix


def read_signal(path: Path, *, fps: float | None = None) -> face_signal.FaceSignal:
    """Reads a file.

    Args:
      path: .json, .jsonl or .csv.
      fps: frames per second, for files that hold neither times nor a rate.

    Raises:
      InputError: the file is missing, damaged, of unknown form, names an unknown blendshape or lacks one.
    """
    readers = {".json": _read_json, ".jsonl": _read_json, ".csv": _read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: MediaPipe's blendshapes are {', '.join(readers)} files")
    try:
        if path.stat().st_size > tracks.MAX_FILE_BYTES:
            raise InputError(f"is larger than a track may be ({tracks.MAX_FILE_BYTES >> 20} MiB)")
        frames, rate = reader(path.read_text(encoding="utf-8-sig"))
        return _make(frames, fps if rate is None else rate)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not a text file") from error


def _read_json(text: str) -> tuple[list[Frame], float | None]:
    rate = None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as whole:
        try:
            content = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise InputError(f"is not JSON, nor JSON in every line ({whole})") from whole
    if isinstance(content, dict) and "frames" in content:
        rate = None if content.get("fps") is None else _number(content["fps"], "fps")
        content = content["frames"]
    elif isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        raise InputError("must be a list of frames, or one frame per line")
    if content and isinstance(content[0], dict) and _name(content[0]) is not None:
        content = [content]  # the categories of one frame
    return [_in_frame(number, _frame, frame) for number, frame in enumerate(content)], rate


def _read_csv(text: str) -> tuple[list[Frame], float | None]:
    try:
        rows = [row for row in csv.reader(text.splitlines()) if row]
    except csv.Error as error:
        raise InputError(f"is not a table ({error})") from error
    if not rows:
        raise InputError("is empty")
    header = [name.strip() for name in rows[0]]
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise InputError(f"row {number} has {len(row)} fields, the header has {len(header)}")
    frames = [dict(zip(header, row, strict=True)) for row in rows[1:]]
    return [_in_frame(number, _frame, frame) for number, frame in enumerate(frames)], None


def _in_frame(number: int, read: Any, frame: Any) -> Frame:
    try:
        result: Frame = read(frame)
    except InputError as error:
        raise InputError(f"frame {number}: {error}") from error
    return result


def _frame(frame: Any) -> Frame:
    if isinstance(frame, list):
        return None, _scores(frame), None
    if not isinstance(frame, dict):
        raise InputError(f"is {_short(frame)}, an object or a list was expected")
    time = next((_number(frame[name], name) * unit for name, unit in _TIMES.items() if name in frame), None)
    matrix = next((frame[name] for name in _MATRICES if name in frame), None)
    named = [name for name in _SCORES if name in frame]
    if named:
        return time, _scores(frame[named[0]]), matrix
    apart = {*_TIMES, *_MATRICES, *_BESIDE}
    return time, _scores({name: value for name, value in frame.items() if name not in apart}), matrix


def _scores(given: Any) -> dict[str, float]:
    """Returns scores by name of any of the forms, checked; none where there is no face."""
    if _is_face(given):
        given = given["categories"]
    faces = isinstance(given, list) and given and (isinstance(given[0], list) or _is_face(given[0]))
    if faces:
        if len(given) > 1:
            raise InputError(f"holds {len(given)} faces, one is expected")
        return _scores(given[0])
    if isinstance(given, list):
        names = [_name(item) for item in given]
        if None in names or len(set(names)) != len(names):
            raise InputError('its categories must be {"categoryName": ..., "score": ...}, each once')
        given = {name: item.get("score") for name, item in zip(names, given, strict=True)}
    if not isinstance(given, dict):
        raise InputError(f"its blendshapes are {_short(given)}")
    if not given:
        return {}
    unknown = [name for name in given if name not in face_signal.INDEX and name not in _IGNORED]
    if unknown:
        raise InputError(f"unknown blendshape {_short(unknown[0])}; known are {', '.join(NAMES)}")
    missing = [name for name in NAMES if name not in given]
    if missing:
        raise InputError(f"has no {missing[0]} ({len(missing)} of {len(NAMES)} blendshapes are missing)")
    return {name: _number(value, name) for name, value in given.items() if name not in _IGNORED}


def _is_face(item: Any) -> bool:
    return isinstance(item, dict) and "categories" in item


def _name(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    name = item.get("categoryName", item.get("category_name"))
    return name if isinstance(name, str) else None


def _number(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} is {_short(value)}, a number was expected") from error
    if not math.isfinite(number):
        raise InputError(f"{name} is {number}")
    return number


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _matrix(given: Any) -> Float[np.ndarray, "4 4"]:
    """Returns one matrix that multiplies columns; the browser's are flat and in columns, Python's in rows."""
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if isinstance(given, dict):
        given = given.get("data", given.get("packed_data"))
    try:
        array = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("its facial transformation matrix is not of numbers") from error
    if array.shape not in ((4, 4), (16,)) or not np.isfinite(array).all():
        raise InputError(f"its facial transformation matrix has shape {array.shape}, 4x4 finite numbers were expected")
    matrix = array.reshape(4, 4)
    last = np.array([0.0, 0.0, 0.0, 1.0])
    in_rows, in_columns = np.allclose(matrix[3], last, atol=1e-6), np.allclose(matrix[:, 3], last, atol=1e-6)
    if not in_rows and not in_columns:
        raise InputError("its facial transformation matrix has neither a last row nor a last column of 0, 0, 0, 1")
    # Both hold for a head at the camera itself: then the form tells, nested lists are rows.
    return matrix if in_rows and (not in_columns or array.shape == (4, 4)) else matrix.T


def _make(frames: Sequence[Frame], fps: float | None) -> face_signal.FaceSignal:
    times = [time for time, _, _ in frames]
    if any(time is None for time in times):
        if any(time is not None for time in times):
            raise InputError("some frames have a time and some have none")
        if fps is None:
            raise InputError("holds neither times nor frames per second; give --track-fps")
        if not (math.isfinite(fps) and fps > 0):
            raise InputError(f"frames per second must be positive, got {fps}")
        times = [number / fps for number in range(len(frames))]
    seen = [number for number, (_, scores, _) in enumerate(frames) if scores]
    if not seen:
        raise InputError(f"has no face in any of its {len(frames)} frames")
    expression = np.array([[frames[k][1].get(name, 0.0) for name in face_signal.EXPRESSIONS] for k in seen])
    given = [frames[k][2] for k in seen]
    degrees = np.zeros((len(seen), 3))
    if any(matrix is not None for matrix in given):
        if any(matrix is None for matrix in given):
            raise InputError("some frames with a face have a facial transformation matrix and some have none")
        try:
            degrees = head_angles.from_mediapipe(np.stack([_matrix(matrix) for matrix in given]))
        except ValueError as error:
            raise InputError(str(error)) from error
    time = np.array([times[k] for k in seen], np.float64)
    return face_signal.make_signal(expression, degrees, time, lost=len(frames) - len(seen))
