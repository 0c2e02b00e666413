"""`jaxanim animate PHOTO`: the face in a photo, driven by an expression or by recorded action units."""

import argparse
import sys
from pathlib import Path
from typing import Any

from jaxanim.core.errors import InputError

# Modules that need JAX are imported when a command runs, so that --help and wrong arguments answer at once.

SYSTEMS = ("atw",)
DEFAULT_SECONDS = 2.0
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")  # of somebody who shows what to do
NOT_FOR_PHOTOS = ("character", "source", "runtime", "motion", "pose")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that only photos have."""
    group = parser.add_argument_group("photo")
    group.add_argument("photo", type=Path, nargs="?", metavar="PHOTO", help="any picture of a face, with --system")
    group.add_argument("--system", choices=SYSTEMS, help="what animates a photo; --weights is its model")
    group.add_argument(
        "--crop",
        metavar="face|X,Y,SIZE",
        help="the square around the head: 'face' finds it, or its upper left corner and side in the photo's pixels; it "
        "may reach over the photo's edge; default: the whole photo",
    )
    group.add_argument(
        "--fit",
        choices=["pad", "anisotropic"],
        help="takes a whole photo that is not square: with its edges repeated, or squeezed",
    )
    group.add_argument(
        "--mode",
        choices=["multiscale", "vanilla", "none"],
        help="how the photo's details follow the motion (multiscale); none: they do not, the crop is blurred",
    )


def check_options(args: argparse.Namespace) -> None:
    """Raises InputError where options of photos and characters are mixed."""
    if args.photo is None:
        for name in ("system", "crop", "fit", "mode", "expression"):
            if getattr(args, name) is not None:
                raise InputError(f"--{name} is for photos: jaxanim animate PHOTO --system {SYSTEMS[0]} ...")
        return
    if args.system is None:
        raise InputError(
            f"{args.photo}: say what animates the photo with --system {'|'.join(SYSTEMS)}; a character's picture is "
            "given by --source"
        )
    for name in NOT_FOR_PHOTOS:
        if getattr(args, name) is not None:
            raise InputError(f"--{name} is for characters; a photo takes --expression or --drive")
    if args.crop is not None and args.fit is not None:
        raise InputError("--fit is for whole photos; a crop is square already")
    for name in ("official_output", "official_mocap"):
        if getattr(args, name):
            raise InputError(f"--{name.replace('_', '-')} is for characters")


def run(args: argparse.Namespace) -> None:
    """Animates a photo."""
    from jaxanim.animate import animation, compose, faces, images, paste, video

    video.kind_of(args.output)
    background = compose.parse_background(args.background or "white")
    if background is None:
        raise InputError("a photo covers everything: give a colour for what is transparent in it, not 'transparent'")
    model = faces.read_model(_weights(args))
    photo = images.read_rgb(args.photo, background=background)
    canvas = _canvas(args, photo, background)
    video.check_output(args.output, width=canvas.width, height=canvas.height, fps=args.fps, transparent=False)
    box = _box(args, photo)
    drives = _drives(args, model)
    if args.size is None and (canvas.height, canvas.width) != photo.shape[:2]:
        _warn(f"{args.output.suffix} holds even sizes only: cut to {canvas.width}x{canvas.height}")
    place = paste.find_place(photo, box, model.small_size, mode=args.mode or "multiscale", fit=args.fit or "pad")
    print(f"{model.card.name} ({model.card.system}); licence: {model.card.licence}")
    frames = model.animator(place, chunk=min(faces.CHUNK, len(drives))).frames(drives)
    with progress(len(drives)) as bar:
        count = animation.write_frames(
            _cut(frames, canvas, args.size), args.output, total=len(drives), canvas=canvas, fps=args.fps,
            progress=bar.update,
        )  # fmt: skip
    print(
        f"{args.output}: {count} frames, {canvas.width}x{canvas.height}, {count / args.fps:.2f} s at {args.fps:g} fps"
    )


def progress(total: int) -> Any:
    """Returns a progress bar, silent where nobody watches."""
    from tqdm import tqdm

    return tqdm(total=total, unit="frame", disable=not sys.stderr.isatty())


def _weights(args: argparse.Namespace) -> Path:
    from jaxanim.animate import faces

    path = args.weights or faces.bundled_model()
    if path is None:
        raise InputError(
            f"no {args.system} model ships with this version: give --weights FILE.safetensors, from `jaxanim convert "
            f"{args.system}` (a released generator) or from training"
        )
    return Path(path)


def _drives(args: argparse.Namespace, model: Any) -> Any:
    from jaxanim.signals import expressions, face_track, openface

    if args.expression is not None:
        for name in ("start", "end", "track_fps"):
            if getattr(args, name) is not None:
                raise InputError(f"--{name.replace('_', '-')} is for tracks; an expression takes --duration")
        name, amount = expressions.parse(args.expression)
        course = expressions.come_and_go(DEFAULT_SECONDS if args.duration is None else args.duration, args.fps)
        return amount * course[:, None] * model.expression(name)[None, :]
    if args.duration is not None:
        raise InputError("--duration is for expressions; cut a track with --start and --end")
    model.check_action_units()
    if args.drive.suffix.lower() in VIDEOS:
        from jaxanim.cli import fit_pictures

        if args.track_fps is not None:
            raise InputError("--track-fps is for tracks that do not say their rate; a video has its times")
        track = fit_pictures.track_of(args.drive).to_action_units()
    elif args.drive.suffix.lower() == ".npz":
        if args.track_fps is not None:
            raise InputError("--track-fps is for tracks that do not say their rate; a fit has its times")
        track = face_track.load(args.drive).to_action_units()
    else:
        track = openface.read_track(args.drive, fps=args.track_fps)
    if track.lost:
        _warn(f"no face in {track.lost} frames of the track; neighbours are joined")
    if track.clamped:
        _warn(f"{track.clamped} intensities were outside 0 to 5 and have been clamped")
    return openface.resample(track, args.fps, start=args.start, end=args.end)


def _box(args: argparse.Namespace, photo: Any) -> Any:
    from jaxanim.animate import crop

    height, width = photo.shape[:2]
    if args.crop == "face":
        from jaxanim.cli import fit_pictures

        return fit_pictures.head_box(photo)
    if args.crop is not None:
        box = crop.parse(args.crop)
        crop.check(box, photo)
        return box
    if min(height, width) < crop.MIN_SIDE:
        raise InputError(f"{args.photo}: is {width}x{height}; {crop.MIN_SIDE} pixels a side are the least")
    if height != width and args.fit is None:
        side = min(height, width)
        raise InputError(
            f"{args.photo}: is {width}x{height}, not square: find the head with --crop face, or give the square around "
            f"it, such as --crop {(width - side) // 2},{(height - side) // 2},{side} for its middle, or take all of it "
            "with --fit"
        )
    return crop.whole(photo)


def _canvas(args: argparse.Namespace, photo: Any, background: Any) -> Any:
    """Returns the size asked for, else the photo's; formats that hold even sizes only lose a last column or row."""
    from jaxanim.animate import compose, video

    height, width = photo.shape[:2]
    if args.size is not None:
        width, height = compose.parse_size(args.size)
    elif video.needs_even_size(args.output) and (width % 2 or height % 2):
        if min(height, width) < 2:
            raise InputError(f"{args.photo}: is {width}x{height}, too small for {args.output.suffix}")
        width, height = width - width % 2, height - height % 2
    return compose.Canvas(width, height, background)


def _cut(frames: Any, canvas: Any, size: str | None) -> Any:
    return frames if size is not None else (frame[: canvas.height, : canvas.width] for frame in frames)


def _warn(text: str) -> None:
    print(f"jaxanim: warning: {text}", file=sys.stderr)
