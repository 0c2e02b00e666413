"""Keyframes of a head: a CSV or JSON table of named movements at some times, with smooth ways between them.

The formats are those of pose tracks (`signals.tracks`), the names those of `head_edits`. Between keyframes values
follow monotone cubic curves (Fritsch and Carlson 1980): they stop at turning points and do not overshoot.
"""

from pathlib import Path

import numpy as np
import scipy.interpolate
from jaxtyping import Float

from jaxanim.animate import head_edits
from jaxanim.core.errors import InputError
from jaxanim.signals import tracks

Keyframes = tracks.Table
_ADVICE = "a recording of OpenFace or MediaPipe becomes a drive by `jaxanim fit RECORDING -o fit.npz`"


def read(path: Path, *, fps: float | None = None) -> Keyframes:
    """Reads keyframes.

    Args:
      path: a .csv or .json file.
      fps: keyframes per second, for files that hold neither times nor a rate.

    Raises:
      InputError: the file is missing, damaged, of another kind, or names something unknown.
    """

    def check(name: str) -> None:
        try:
            head_edits.places(name)
        except InputError as error:
            raise InputError(f"{error} {_ADVICE}") from error

    return tracks.read_table(path, check, fps=fps)


def rows(
    keyframes: Keyframes,
    source: Float[np.ndarray, " d"],
    fps: float,
    *,
    start: float | None = None,
    end: float | None = None,
    sets: bool = False,
) -> Float[np.ndarray, "n d"]:
    """Returns one row of `head_drive` for each frame of a video, not yet limited.

    Args:
      keyframes: from `read`.
      source: the photo's row; what keyframes do not name stays as it is there.
      fps: frames per second of the video.
      start: see `tracks.resample`.
      end: see `tracks.resample`.
      sets: whether values are set; else they are added to the photo's.

    Raises:
      InputError: see `tracks.resample`.
    """
    times = tracks.frame_times(keyframes.time, fps, start=start, end=end)
    result = np.tile(np.asarray(source, np.float64), (len(times), 1))
    held = np.clip(times, keyframes.time[0], keyframes.time[-1])
    for name, values in keyframes.columns.items():
        curve = values if len(values) == 1 else scipy.interpolate.PchipInterpolator(keyframes.time, values)(held)
        result = head_edits.change(result, name, np.broadcast_to(curve, times.shape), sets=sets)
    return result
