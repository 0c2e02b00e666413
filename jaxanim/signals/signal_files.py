"""Any recording of a face as one signal: OpenFace, MediaPipe, iFacialMocap, or what `jaxanim fit` wrote."""

from pathlib import Path

from jaxanim.core.errors import InputError
from jaxanim.signals import convert, face_track, facial_mocap, mediapipe, openface
from jaxanim.signals.face_signal import FaceSignal


def read_signal(path: Path, *, fps: float | None = None) -> FaceSignal:
    """Reads a file by its ending; of .csv files the first line says whose they are.

    OpenFace's need the columns of action units, head pose and gaze.

    Args:
      path: .npz of `jaxanim fit`, .txt of iFacialMocap, .json or .jsonl of MediaPipe, .csv of OpenFace or MediaPipe.
      fps: frames per second, for files that hold neither times nor a rate.

    Raises:
      InputError: the file is missing, damaged, or of another kind.
    """
    readers = {
        ".npz": lambda: face_track.load(path).to_signal(),
        ".txt": lambda: facial_mocap.read_signal(path, fps=fps),
        ".json": lambda: mediapipe.read_signal(path, fps=fps),
        ".jsonl": lambda: mediapipe.read_signal(path, fps=fps),
        ".csv": lambda: _read_csv(path, fps),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: recordings of faces are {', '.join(readers)} files")
    return reader()


def _read_csv(path: Path, fps: float | None) -> FaceSignal:
    try:
        with open(path, encoding="utf-8-sig") as file:
            header = file.readline(1 << 20)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a text file ({error})") from error
    if "browDownLeft" in header:
        return mediapipe.read_signal(path, fps=fps)
    track = openface.read_track(path, fps=fps)
    try:
        return convert.from_openface(track)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
