"""Animate a character or a face in a photo: a track, a motion, an expression or a pose in, a video or picture out.

jaxanim animate --motion talk -o talk.mp4
jaxanim animate --character char.safetensors --drive track.csv -o out.webm
jaxanim animate --pose mouth_aaa=1,head_y=-0.4 -o still.png
jaxanim animate --source picture.png --weights tha4.safetensors --motion look -o look.mp4
jaxanim animate photo.jpg --system atw --weights atw.safetensors --expression smile -o smile.mp4
jaxanim animate photo.jpg --system atw --weights atw.safetensors --crop 1200,300,1400 --drive aus.csv -o out.mp4
jaxanim animate photo.jpg --system geometric --drive clip.mp4 -o out.mp4
jaxanim animate photo.jpg --system geometric --edit yaw=-20,jaw=0.3 -o turned.png
"""

import argparse
from pathlib import Path
from typing import Any

from jaxanim.cli import photos, sources
from jaxanim.core import files
from jaxanim.core.errors import InputError

DEFAULT_FPS = 30.0
DEFAULT_SECONDS = 5.0
DEFAULT_SIZE = "512"
BATCH = 8
_TAKEN_BY = {
    "start": ("motion", "drive"),
    "end": ("motion", "drive"),
    "duration": ("motion",),
    "seed": ("motion",),
    "track_fps": ("drive",),
    "official_mocap": ("drive",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this subcommand."""
    photos.add_arguments(parser)
    sources.add_source_arguments(parser)
    drive = parser.add_argument_group("drive (one of these)").add_mutually_exclusive_group()
    drive.add_argument(
        "--drive",
        type=Path,
        metavar="TRACK",
        help="the .npz of `jaxanim fit`; for characters .csv, .json or .npz tracks and .txt iFacialMocap recordings; "
        "for photos OpenFace's .csv (atw), or a video or keyframes in a .csv or .json (geometric, gdpw)",
    )
    drive.add_argument("--motion", choices=["idle", "talk", "look", "dance"], help="a built-in motion")
    drive.add_argument("--pose", metavar="NAME=VALUE,...", help="a single pose, for a .png")
    drive.add_argument(
        "--expression",
        metavar="NAME[=AMOUNT]",
        help="for photos: comes, stays and goes; smile, surprise, ... or a class",
    )
    timing = parser.add_argument_group("time")
    timing.add_argument("--fps", type=float, default=DEFAULT_FPS, help="frames per second of the result (30)")
    timing.add_argument("--start", type=float, metavar="SECONDS", help="first moment of the track")
    timing.add_argument("--end", type=float, metavar="SECONDS", help="last moment (exclusive)")
    timing.add_argument(
        "--duration", type=float, metavar="SECONDS", help="length of a built-in motion (5) or expression (2)"
    )
    timing.add_argument("--seed", type=int, help="another seed, another performance of a motion (0)")
    timing.add_argument("--track-fps", type=float, help="rate of a track that does not say it")
    output = parser.add_argument_group("result")
    output.add_argument(
        "-o", "--output", type=Path, required=True,
        help=".mp4, .webm, .mov, .gif, .apng, a folder name for PNG frames, or .png with --pose",
    )  # fmt: skip
    output.add_argument("--size", metavar="W[xH]", help="pixels (512; of photos their own)")
    output.add_argument(
        "--background",
        metavar="COLOUR",
        help="'transparent', a name or #rrggbb; default: transparent where the file can be, else white",
    )
    output.add_argument(
        "--official-mocap", action="store_true", help="map iFacialMocap exactly as released, bug included"
    )


def run(args: argparse.Namespace) -> None:
    """Runs the subcommand."""
    photos.check_options(args)
    if args.photo is not None:
        photos.run(args)
        return
    if args.drive is None and args.motion is None and args.pose is None:
        raise InputError("one of --drive, --motion and --pose is required (see jaxanim animate --help)")
    _check_options(args)
    canvas = _canvas(args)
    if args.pose is not None:
        _still(args, canvas)
        return
    from jaxanim.animate import animation, video

    video.check_output(
        args.output, width=canvas.width, height=canvas.height, fps=args.fps, transparent=canvas.background is None
    )
    poses = _poses(args)
    renderer = sources.open_source(args, frames_per_call=min(BATCH, len(poses)))
    with photos.progress(len(poses)) as progress:
        count = animation.write_video(
            renderer, poses, args.output, canvas=canvas, fps=args.fps, batch=BATCH, progress=progress.update
        )
    print(
        f"{args.output}: {count} frames, {canvas.width}x{canvas.height}, {count / args.fps:.2f} s at {args.fps:g} fps"
    )


def _check_options(args: argparse.Namespace) -> None:
    """Raises InputError where an option would have no effect on what drives the character."""
    drive = next(name for name in ("motion", "pose", "drive") if getattr(args, name) is not None)
    for name, takers in _TAKEN_BY.items():
        if getattr(args, name) not in (None, False) and drive not in takers:
            raise InputError(
                f"--{name.replace('_', '-')} is for {' and '.join(f'--{taker}' for taker in takers)}, not for --{drive}"
            )
    if args.official_mocap and args.drive.suffix.lower() != ".txt":
        raise InputError(f"--official-mocap is for .txt recordings of iFacialMocap; {args.drive} is none")


def _canvas(args: argparse.Namespace) -> Any:
    from jaxanim.animate import compose, video

    width, height = compose.parse_size(DEFAULT_SIZE if args.size is None else args.size)
    if args.background is not None:
        background = compose.parse_background(args.background)
    elif args.pose is not None or (video.kind_of(args.output) != ".gif" and video.holds_transparency(args.output)):
        background = None
    else:
        background = (255, 255, 255)
    return compose.Canvas(width, height, background)


def _still(args: argparse.Namespace, canvas: Any) -> None:
    from jaxanim.animate import animation
    from jaxanim.signals import pose_vector

    animation.check_still(args.output)
    pose, clamped = pose_vector.clamp(pose_vector.make_pose(parse_pose(args.pose)))
    sources.warn_of_clamping(clamped)
    animation.write_still(sources.open_source(args, frames_per_call=1), pose, args.output, canvas=canvas)
    print(f"{args.output}: {canvas.width}x{canvas.height}")


def _poses(args: argparse.Namespace) -> Any:
    from jaxanim.signals import facial_mocap, motions, tracks

    if args.motion is not None:
        start, end, seed = args.start or 0.0, args.end, args.seed or 0
        if end is not None and args.duration is not None:
            raise InputError("give either --end or --duration, not both")
        length = args.duration if args.duration is not None else (DEFAULT_SECONDS if end is None else end - start)
        if not (length > 0 and start >= 0):
            raise InputError(f"a motion needs a positive length and start, got {length:g} s from {start:g} s")
        if seed < 0:
            raise InputError(f"--seed must not be negative, got {seed}")
        tracks.check_frame_count((start + length) * args.fps)
        track = motions.make_motion(args.motion, duration=start + length, fps=args.fps, seed=seed)
        poses = track.pose[round(start * args.fps) :]
        if not len(poses):
            raise InputError(f"{length:g} s from {start:g} s hold no frame at {args.fps:g} frames a second")
        return poses
    if args.drive.suffix.lower() in files.VIDEOS:
        if args.track_fps is not None:
            raise InputError("--track-fps is for tracks that do not say their rate; a video has its times")
        from jaxanim.cli import fit_pictures

        seen = fit_pictures.track_of(args.drive)
        track = tracks.make_track(seen.time, seen.pose.astype(float))
    elif args.drive.suffix.lower() == ".txt":
        mapping = facial_mocap.MocapMapping(keep_frown_bug=args.official_mocap)
        track = facial_mocap.read_recording(args.drive, fps=args.track_fps, mapping=mapping)
    else:
        track = tracks.read_track(args.drive, fps=args.track_fps)
    sources.warn_of_clamping(track.clamped)
    return tracks.resample(track, args.fps, start=args.start, end=args.end)


def parse_pose(text: str) -> dict[str, float]:
    """Reads 'mouth_aaa=1,head_y=-0.4'.

    Raises:
      InputError: it is not of this form.
    """
    values = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = item.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError as error:
            raise InputError(f"--pose {item!r} is not of the form name=number") from error
        if not equals:
            raise InputError(f"--pose {item!r} is not of the form name=number")
    return values
