"""Tracks of action units: the .csv files of OpenFace's FeatureExtraction, one row per frame of a video.

Columns are found by name: `AU01_r` to `AU45_r` (intensities, 0 to 5), and where they are there `timestamp` (seconds),
`success` (0 where no face was found: these frames are left out, their neighbours are joined by straight lines),
`face_id` (one face is expected), the head's `pose_Rx` to `pose_Rz` and `gaze_angle_x`, `gaze_angle_y`, in radians.
All other columns are ignored.
"""

import csv
import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from jaxanim.core.errors import InputError
from jaxanim.signals import action_units, tracks

_HEAD = ("pose_Rx", "pose_Ry", "pose_Rz")
_GAZE = ("gaze_angle_x", "gaze_angle_y")


@dataclasses.dataclass(frozen=True)
class ActionUnitTrack:
    """Intensities over time.

    Attributes:
      time: seconds, increasing.
      intensities: one row per time, in the order of `action_units.NAMES`, 0 to 5.
      lost: how many frames were left out because no face was found.
      clamped: how many numbers had to be brought into their range.
      head_radians: `pose_Rx`, `pose_Ry`, `pose_Rz` (`head_angles.from_openface`); None where the file has none.
      gaze_radians: `gaze_angle_x`, `gaze_angle_y` (`gaze.from_openface`); None where the file has none.
    """

    time: Float[np.ndarray, " n"]
    intensities: Float[np.ndarray, "n 17"]
    lost: int = 0
    clamped: int = 0
    head_radians: Float[np.ndarray, "n 3"] | None = None
    gaze_radians: Float[np.ndarray, "n 2"] | None = None


def read_track(path: Path, *, fps: float | None = None) -> ActionUnitTrack:
    """Reads a track.

    Args:
      path: a .csv file.
      fps: frames per second of the video, for files without `timestamp`.

    Raises:
      InputError: the file is missing, damaged, not OpenFace's, or holds no face or several.
    """
    if path.suffix.lower() != ".csv":
        raise InputError(f"{path}: a track of action units is a .csv file as OpenFace writes it")
    try:
        if path.stat().st_size > tracks.MAX_FILE_BYTES:
            raise InputError(f"is larger than a track may be ({tracks.MAX_FILE_BYTES >> 20} MiB)")
        with open(path, newline="", encoding="utf-8-sig") as file:
            return _make(*_read(csv.reader(file)), fps)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is not a table of text ({error})") from error


def resample(
    track: ActionUnitTrack, fps: float, *, start: float | None = None, end: float | None = None
) -> Float[np.ndarray, "m 17"]:
    """Returns one row per frame of a video, see `tracks.resample`."""
    return tracks.interpolate(track.time, track.intensities, fps, start=start, end=end)


def _read(rows: Iterator[list[str]]) -> tuple[list[str], Float[np.ndarray, "n d"]]:
    """Returns which columns there are, of those we need, and their numbers."""
    header = [name.strip() for name in next(rows, [])]
    needed = [f"{unit}_r" for unit in action_units.NAMES]
    missing = [name for name in needed if name not in header]
    if missing:
        raise InputError(f"has no column {missing[0]}; is it OpenFace's, made with -aus?")
    optional = ("timestamp", "success", "face_id", *_HEAD, *_GAZE)
    wanted = [*needed, *(name for name in optional if name in header)]
    places = [header.index(name) for name in wanted]
    values = []
    for number, row in enumerate(filter(None, rows), start=1):
        if len(row) != len(header):
            raise InputError(f"row {number} has {len(row)} fields, the header has {len(header)}")
        try:
            values.append([float(row[place]) for place in places])
        except ValueError as error:
            raise InputError(f"row {number}: {error}") from error
    return wanted, np.array(values, np.float64).reshape(-1, len(wanted))


def _make(names: list[str], values: Float[np.ndarray, "n d"], fps: float | None) -> ActionUnitTrack:
    columns = dict(zip(names, values.T, strict=True))
    if "face_id" in columns and len(np.unique(columns["face_id"])) > 1:
        raise InputError(f"holds {len(np.unique(columns['face_id']))} faces, one is expected")
    if "timestamp" in columns:
        time = columns["timestamp"]
    elif fps is None:
        raise InputError("has no timestamps; give --track-fps")
    elif not (math.isfinite(fps) and fps > 0):
        raise InputError(f"frames per second must be positive, got {fps}")
    else:
        time = np.arange(len(values)) / fps
    found = columns["success"] > 0 if "success" in columns else np.full(len(values), True)
    if not found.any():
        raise InputError(f"has no face in any of its {len(values)} frames")
    time, rows = time[found], values[found, : len(action_units.NAMES)]
    if not np.isfinite(rows).all():
        raise InputError("holds NaN or infinite intensities")
    if not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise InputError("its timestamps must be finite and increase from frame to frame")
    clipped = np.clip(rows, 0.0, action_units.LARGEST)
    return ActionUnitTrack(
        time,
        clipped.astype(np.float32),
        int((~found).sum()),
        int((clipped != rows).sum()),
        head_radians=_angles(columns, _HEAD, found),
        gaze_radians=_angles(columns, _GAZE, found),
    )


def _angles(
    columns: dict[str, Float[np.ndarray, " m"]], names: tuple[str, ...], found: Bool[np.ndarray, " m"]
) -> Float[np.ndarray, "n d"] | None:
    if not all(name in columns for name in names):
        return None
    angles = np.stack([columns[name][found] for name in names], axis=-1)
    if not np.isfinite(angles).all():
        raise InputError(f"holds NaN or infinite angles in {', '.join(names)}")
    return angles
