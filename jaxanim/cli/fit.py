"""Find a face in a photo or video and write its parameters: landmarks, expression, head pose, action units.

FILE.npz has an array for each of them and one row per frame (`jaxanim.signals.face_track`), and drives what
`jaxanim animate --drive FILE.npz` animates. Recordings of other trackers (OpenFace .csv, MediaPipe .json, iFacialMocap
.txt) become such a file, too. With a FOLDER, every video below it and every folder of frames becomes a file of the same
relative name in the folder given with -o; what is there already stays, so that the same command goes on.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from jaxanim.cli.argument_types import part_of
from jaxanim.core.errors import InputError

RECORDINGS = (".csv", ".json", ".jsonl", ".txt")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `jaxanim fit`."""
    parser.add_argument("input", type=Path, metavar="PHOTO|VIDEO|RECORDING|FOLDER", help="what to look at")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE.npz", help="file, or folder, to write"
    )
    parser.add_argument("--face", metavar="largest|all|N", help="which face (largest); N counts from the left")
    parser.add_argument(
        "--on-missing",
        choices=["hold", "skip", "error"],
        help="frames without the face: repeat the last one (hold, the default), leave them out, or stop",
    )
    parser.add_argument(
        "--detector",
        type=Path,
        metavar="FILE",
        help="YuNet or Ultra-Light (.onnx) or MediaPipe's FaceLandmarker (.task)",
    )
    parser.add_argument("--regressor", type=Path, metavar="FILE", help="another regressor than the one that ships")
    parser.add_argument("--refiner", type=Path, metavar="FILE", help="another refiner than the one that ships")
    parser.add_argument("--track-fps", type=float, help="rate of a recording that does not say it")
    parser.add_argument("--no-smoothing", action="store_true", help="take every frame as it is")
    parser.add_argument(
        "--shard", type=part_of, metavar="I/N", help="of a folder, take every N-th video from I (0 and on) alone"
    )
    parser.add_argument("--preview", type=Path, metavar="FILE", help="draw the result over the input: .png or a video")


def run(args: argparse.Namespace) -> None:
    """Finds the face and writes what is known of it."""
    from jaxanim.core import files

    if args.track_fps is not None and (args.input.is_dir() or args.input.suffix.lower() not in RECORDINGS):
        raise InputError(f"--track-fps is for recordings that do not say their rate; {args.input} is none")
    if args.input.is_dir():
        from jaxanim.cli import fit_folder

        fit_folder.run(args)
        return
    if args.shard is not None:
        raise InputError(f"--shard is for folders of videos; {args.input} is none")
    if args.output.suffix.lower() != ".npz":
        raise InputError(f"{args.output}: a fit is written as an .npz file")
    files.check_writable(args.output)
    if args.input.suffix.lower() in RECORDINGS:
        _run_recording(args)
        return
    from jaxanim.cli import fit_pictures

    for path, track in fit_pictures.tracks(args):
        save(path, track)


def _run_recording(args: argparse.Namespace) -> None:
    from jaxanim.geometry.open_head import load_open_head
    from jaxanim.signals import signal_files
    from jaxanim.tracking import face_tracks

    for name in ("preview", "detector", "regressor", "refiner", "face", "on_missing", "no_smoothing"):
        if getattr(args, name) not in (None, False):
            raise InputError(f"--{name.replace('_', '-')} is for pictures; {args.input} is a recording without them")
    signal = signal_files.read_signal(args.input, fps=args.track_fps)
    if signal.clamped:
        warn(f"{signal.clamped} coefficients of {args.input} were outside 0 to 1 and have been clamped")
    if signal.lost:
        warn(f"no face in {signal.lost} frames of {args.input}; neighbours are joined")
    fps = (len(signal.time) - 1) / (signal.time[-1] - signal.time[0]) if len(signal.time) > 1 else 25.0
    save(args.output, face_tracks.of_signal(signal, load_open_head(), fps=float(fps)))


def save(path: Path, track: Any) -> None:
    """Writes a track, and says what is in it."""
    from jaxanim.signals import face_track

    face_track.save(path, track)
    yaw, pitch, roll = track.head_degrees.mean(axis=0)
    print(
        f"{path}: {len(track.time)} frames, face found in {int(track.found.sum())}; "
        f"head on average {yaw:+.0f} degrees to the picture's right, {pitch:+.0f} down, {roll:+.0f} tilted"
    )


def warn(text: str) -> None:
    """Says on the error stream what the user should know."""
    print(f"jaxanim: warning: {text}", file=sys.stderr)
