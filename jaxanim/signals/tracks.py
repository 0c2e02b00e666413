"""Pose tracks: the 45 numbers over time, and the files that hold them.

CSV: a header of pose names and, optionally, `time` (seconds); one row per frame. Names that are absent are 0. Without a
`time` column the rate stands in a first line `# fps: 30`, or is given by the caller.
JSON: `{"fps": 30, "frames": [{"mouth_aaa": 1, "head_y": -0.4}, ...]}`; frames may hold "time" instead of a common
"fps". NPZ: `pose` (n, 45) and `fps` or `time` (n,); or one array (n,) per pose name; or what `jaxanim fit` writes
(`face_track`), of which the poses are taken. A name without its side ('eye_wink') sets both sides.
"""

import csv
import dataclasses
import json
import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxanim.core import files
from jaxanim.core.errors import InputError
from jaxanim.signals import pose_vector

MAX_FILE_BYTES = 256 << 20
MAX_ARRAY_BYTES = 2 << 30  # of an .npz, unpacked: fits of several hours
MAX_FRAMES = 10_000_000
_OF_FITS = "landmarks68"  # an array that only files of `jaxanim fit` have


@dataclasses.dataclass(frozen=True)
class PoseTrack:
    """Poses over time.

    Attributes:
      time: seconds, increasing.
      pose: one row per time (`pose_vector`), within the ranges.
      clamped: how many numbers had to be brought into their ranges.
    """

    time: Float[np.ndarray, " n"]
    pose: Float[np.ndarray, "n 45"]
    clamped: int = 0

    @property
    def duration(self) -> float:
        """Seconds from the first pose to the last."""
        return float(self.time[-1] - self.time[0])


def make_track(time: Float[np.ndarray, " n"], pose: Float[np.ndarray, "n 45"]) -> PoseTrack:
    """Checks times and poses and clamps the poses to their ranges.

    Raises:
      InputError: there are no frames, times do not increase, or a number is NaN or infinite.
    """
    if len(time) == 0:
        raise InputError("the track has no frames")
    check_frame_count(len(time))
    if not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise InputError("the track's times must be finite and increase from frame to frame")
    clamped, count = pose_vector.clamp(np.asarray(pose, np.float64))
    return PoseTrack(np.asarray(time, np.float64), clamped, count)


def check_frame_count(count: float) -> None:
    """Raises InputError for more frames than a track or a video may have."""
    if not count <= MAX_FRAMES:
        raise InputError(f"{count:.0f} frames are more than the {MAX_FRAMES} that are possible")


def resample(
    track: PoseTrack, fps: float, *, start: float | None = None, end: float | None = None
) -> Float[np.ndarray, "m 45"]:
    """Returns one pose per frame of a video, linearly interpolated.

    Args:
      track: the poses.
      fps: frames per second of the result.
      start: first time in seconds, by default the track's first.
      end: last time in seconds (exclusive), by default just after the track's last; beyond it the last pose holds.

    Raises:
      InputError: the rate is not positive, the stretch is empty, or it starts outside the track.
    """
    return interpolate(track.time, track.pose, fps, start=start, end=end)


def interpolate(
    time: Float[np.ndarray, " n"],
    rows: Float[np.ndarray, "n d"],
    fps: float,
    *,
    start: float | None,
    end: float | None,
) -> Float[np.ndarray, "m d"]:
    """Returns one row per frame of a video, of rows at increasing times, see `resample`."""
    times = frame_times(time, fps, start=start, end=end)
    columns = [np.interp(times, time, rows[:, column]) for column in range(rows.shape[1])]
    return np.stack(columns, axis=1).astype(np.float32)


def frame_times(
    time: Float[np.ndarray, " n"], fps: float, *, start: float | None, end: float | None
) -> Float[np.ndarray, " m"]:
    """Returns the times of a video's frames that show a track with increasing times, see `resample`."""
    if not (math.isfinite(fps) and fps > 0):
        raise InputError(f"frames per second must be positive, got {fps:g}")
    first, last = float(time[0]), float(time[-1])
    low = first if start is None else start
    high = last + 0.5 / fps if end is None else end
    if not (first - 1e-6 <= low <= last + 1e-6):
        raise InputError(f"start {low:g} s is outside the track, which runs from {first:g} to {last:g} s")
    if not math.isfinite(high):
        raise InputError(f"end must be a finite number of seconds, got {high}")
    check_frame_count((high - low) * fps)
    count = int(np.ceil((high - low) * fps - 1e-6))
    if count < 1:
        raise InputError(f"nothing lies between start {low:g} s and end {high:g} s at {fps:g} frames a second")
    return np.asarray(low + np.arange(count) / fps)


class Table(NamedTuple):
    """What a table of named numbers over time holds.

    Attributes:
      time: seconds, increasing.
      columns: one number for each time, by name.
    """

    time: Float[np.ndarray, " n"]
    columns: Mapping[str, Float[np.ndarray, " n"]]


def read_table(path: Path, check: Callable[[str], object], *, fps: float | None = None) -> Table:
    """Reads a CSV or JSON table of names other than those of poses.

    Args:
      path: the file; its ending says what it is.
      check: raises InputError for names that cannot be.
      fps: frames per second, for files that hold neither times nor a rate.

    Raises:
      InputError: the file is missing, damaged, of unknown kind, or names something unknown.
    """

    def read(path: Path, fps: float | None) -> Table:
        read_columns = _csv_columns if path.suffix.lower() == ".csv" else _json_columns
        found = read_columns(path, fps, check)
        if not 0 < found.rows <= MAX_FRAMES:
            raise InputError(f"has {found.rows} rows, 1 to {MAX_FRAMES} are possible")
        time = _times(found.time, found.fps, found.rows)
        columns = {name: np.asarray(values, np.float64) for name, values in found.columns.items()}
        if not np.isfinite(time).all() or (np.diff(time) <= 0).any():
            raise InputError("times must be finite and increase from row to row")
        for name, values in columns.items():
            if not np.isfinite(values).all():
                raise InputError(f"{name} holds {int((~np.isfinite(values)).sum())} numbers that are NaN or infinite")
        return Table(time, columns)

    return _read(path, fps, {".csv": read, ".json": read})


def read_track(path: Path, *, fps: float | None = None) -> PoseTrack:
    """Reads a CSV, JSON or NPZ track.

    Args:
      path: the file; its ending says what it is.
      fps: frames per second, for files that hold neither times nor a rate.

    Raises:
      InputError: the file is missing, damaged, of unknown kind, or names an unknown parameter.
    """
    return _read(path, fps, {".csv": _read_csv, ".json": _read_json, ".npz": _read_npz})


def _read(path: Path, fps: float | None, readers: Mapping[str, Callable[[Path, float | None], Any]]) -> Any:
    """Reads a file by its ending; errors name it."""
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: tracks are {', '.join(readers)} files")
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES and path.suffix.lower() != ".npz":  # of which what it holds is looked at
            raise InputError(f"{size >> 20} MiB is more than a track may have ({MAX_FILE_BYTES >> 20} MiB)")
        return reader(path, fps)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def write_track(path: Path, track: PoseTrack) -> None:
    """Writes a track as CSV with a `time` column and all 45 names, whole or not at all.

    Raises:
      OutputError: the file cannot be written there.
    """
    with files.replacing(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", *pose_vector.POSE_NAMES])
        for time, pose in zip(track.time, track.pose, strict=True):
            writer.writerow([repr(float(time)), *(f"{value:.6g}" for value in pose)])


def _times(time: Sequence[float] | np.ndarray | None, fps: float | None, count: int) -> Float[np.ndarray, " n"]:
    if time is not None:
        return np.asarray(time, np.float64)
    if fps is None:
        raise InputError("holds neither times nor frames per second; give --track-fps")
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"frames per second must be positive, got {fps}")
    return np.arange(count) / fps


def _poses(columns: Mapping[str, Any], count: int) -> Float[np.ndarray, "n 45"]:
    pose = np.zeros((count, pose_vector.POSE_SIZE), np.float64)
    filled: set[int] = set()
    for name, values in columns.items():
        indices = pose_vector.indices_of(name)
        again = filled.intersection(indices)
        if again:
            raise InputError(f"names {pose_vector.POSE_NAMES[min(again)]} twice, once with its side and once without")
        filled.update(indices)
        pose[:, list(indices)] = np.asarray(values, np.float64)[:, None]
    return pose


def _number(text: Any, row: int, name: str) -> float:
    try:
        return float(text)
    except (TypeError, ValueError, OverflowError) as error:
        given = repr(text)
        given = given if len(given) <= 40 else f"{given[:40]}..."
        raise InputError(f"row {row}: {name} is {given}, a number was expected") from error


class _Columns(NamedTuple):
    columns: Mapping[str, Sequence[float]]
    time: Sequence[float] | None
    fps: float | None
    rows: int


def _track_of(found: _Columns) -> PoseTrack:
    pose = _poses(found.columns, found.rows)
    return make_track(_times(found.time, found.fps, found.rows), pose)


def _read_csv(path: Path, fps: float | None) -> PoseTrack:
    return _track_of(_csv_columns(path, fps, pose_vector.indices_of))


def _read_json(path: Path, fps: float | None) -> PoseTrack:
    return _track_of(_json_columns(path, fps, pose_vector.indices_of))


def _csv_columns(path: Path, fps: float | None, check: Callable[[str], object]) -> _Columns:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = [line for line in file if line.strip()]
    except UnicodeDecodeError as error:
        raise InputError("is not a text file") from error
    while lines and lines[0].lstrip().startswith("#"):
        key, _, value = lines.pop(0).lstrip("# ").partition(":")
        if key.strip().lower() == "fps":
            fps = _number(value.strip(), 0, "fps")
    try:
        rows = list(csv.reader(lines))
    except csv.Error as error:
        raise InputError(f"is not a table ({error})") from error
    if not rows:
        raise InputError("is empty")
    header = [name.strip() for name in rows[0]]
    if len(set(header)) != len(header):
        raise InputError("names a column twice")
    for name in header:
        if name != "time":
            check(name)
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise InputError(f"row {number} has {len(row)} fields, the header has {len(header)}")
    columns = {
        name: [_number(row[index], number, name) for number, row in enumerate(rows[1:], start=1)]
        for index, name in enumerate(header)
    }
    time = columns.pop("time", None)
    return _Columns(columns, time, fps, len(rows) - 1)


def _json_columns(path: Path, fps: float | None, check: Callable[[str], object]) -> _Columns:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not valid JSON ({error})") from error
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise InputError('must be {"fps": ..., "frames": [{name: number, ...}, ...]}')
    unknown = sorted(set(content) - {"fps", "frames"})
    if unknown:
        raise InputError(f"has the unknown entry {unknown[0]!r}; known are 'fps' and 'frames'")
    if "fps" in content:
        fps = _number(content["fps"], 0, "fps")
    names = dict.fromkeys(name for frame in frames for name in frame)
    for name in names:
        if name != "time":
            check(name)
    columns = {
        name: [_number(frame.get(name, 0.0), number, name) for number, frame in enumerate(frames)] for name in names
    }
    time = columns.pop("time", None)
    if time is not None and not all("time" in frame for frame in frames):
        raise InputError("some frames have a time and some have none")
    return _Columns(columns, time, fps, len(frames))


def _read_npz(path: Path, fps: float | None) -> PoseTrack:
    arrays = read_arrays(path)
    if _OF_FITS in arrays:
        missing = [name for name in ("pose", "time") if name not in arrays]
        if missing:
            raise InputError(f"is a fit without {missing[0]!r}")
        arrays = {name: arrays[name] for name in ("pose", "time")}
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.floating) and not np.issubdtype(array.dtype, np.integer):
            raise InputError(f"{name} holds {array.dtype}, numbers were expected")
    if "fps" in arrays:
        rate = arrays.pop("fps")
        if rate.ndim:
            raise InputError(f"fps has shape {rate.shape}, one number was expected")
        fps = float(rate)
    time = arrays.pop("time", None)
    if "pose" in arrays:
        pose = arrays.pop("pose")
        if arrays:
            raise InputError(f"has the unknown array {sorted(arrays)[0]!r} beside 'pose'")
        if pose.ndim != 2 or pose.shape[1] != pose_vector.POSE_SIZE:
            raise InputError(f"pose has shape {pose.shape}, (frames, {pose_vector.POSE_SIZE}) was expected")
        if time is not None and time.shape != pose.shape[:1]:
            raise InputError(f"time has shape {time.shape}, ({len(pose)},) was expected, one for every pose")
    else:
        count = _common_length(arrays, time)
        pose = _poses(arrays, count)
    return make_track(_times(time, fps, len(pose)), np.asarray(pose, np.float64))


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads all arrays of an .npz file; nothing in it can run code, and it is not larger than memory should hold.

    Raises:
      InputError: the file is damaged or too large, or holds something besides arrays.
      OSError: it cannot be opened.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(member.file_size for member in packed.infolist())
        if size > MAX_ARRAY_BYTES:
            raise InputError(f"{size >> 20} MiB unpacked is more than a track may have ({MAX_ARRAY_BYTES >> 20} MiB)")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if others := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
            raise InputError(f"holds {others[0]!r}, which is no array")
        return arrays
    except (InputError, OSError):
        raise
    except Exception as error:  # numpy and zipfile raise nearly anything on damaged input
        raise InputError(f"is not a readable .npz file ({error})") from error


def _common_length(arrays: Mapping[str, np.ndarray], time: np.ndarray | None) -> int:
    lengths = {array.shape for array in (*arrays.values(), *(() if time is None else (time,)))}
    if len(lengths) != 1 or len(next(iter(lengths))) != 1:
        raise InputError(f"its arrays must be one-dimensional and of one length, got {sorted(lengths)}")
    return next(iter(lengths))[0]
