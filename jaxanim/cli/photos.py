"""`jaxanim animate PHOTO`: the face in a photo, driven by an expression, recorded action units or another head."""

import argparse
import sys
from pathlib import Path
from typing import Any

from jaxanim.core.errors import InputError

# Modules that need JAX are imported when a command runs, so that --help and wrong arguments answer at once.

SYSTEMS = ("atw", "geometric", "gdpw")
DEFAULT_SECONDS = 2.0
NOT_FOR_PHOTOS = ("character", "source", "runtime", "motion", "pose", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that only photos have."""
    group = parser.add_argument_group("photo")
    group.add_argument("photo", type=Path, nargs="?", metavar="PHOTO", help="any picture of a face, with --system")
    group.add_argument(
        "--system",
        choices=SYSTEMS,
        help="what animates a photo; --weights is its model. atw: expressions; gdpw: heads; geometric: heads, without "
        "a network: it moves what the photo shows, and paints neither mouths nor background",
    )
    group.add_argument(
        "--crop",
        metavar="face|X,Y,SIZE",
        help="the square around the head: 'face' finds it, or its upper left corner and side in the photo's pixels; it "
        "may reach over the photo's edge; default: the whole photo, for heads the found face",
    )
    group.add_argument(
        "--fit",
        choices=["pad", "anisotropic"],
        help="takes a whole photo that is not square: with its edges repeated, or squeezed",
    )
    group.add_argument("--face", metavar="largest|N", help="which of several people; N counts from the left, from 0")
    group.add_argument(
        "--edit",
        metavar="NAME=VALUE,...",
        help="for heads: yaw=-20 adds degrees, yaw:=0 sets them; pitch, roll, gaze_x, gaze_y, jaw, blink, mouthSmile, "
        "..., shape1, ...; frontal. On top of a drive, or alone: a .png, or a video in which it comes and goes",
    )
    how = group.add_mutually_exclusive_group()
    how.add_argument(
        "--relative",
        action="store_true",
        default=None,
        help="for heads: the drive's changes are added to the photo's own pose and expression (default; it looks "
        "better between different people)",
    )
    how.add_argument(
        "--absolute",
        dest="relative",
        action="store_false",
        help="for heads: the drive's pose and expression as they are",
    )
    group.add_argument(
        "--mode",
        choices=["multiscale", "vanilla", "none"],
        help="how the photo's details follow the motion (multiscale); none: they do not, the crop is blurred",
    )


def check_options(args: argparse.Namespace) -> None:
    """Raises InputError where options of photos and characters are mixed."""
    if args.photo is None:
        for name in ("system", "crop", "fit", "mode", "expression", "face", "edit", "relative"):
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
            raise InputError(f"--{name} is for characters; a photo takes --expression, --drive or --edit")
    if args.crop is not None and args.fit is not None:
        raise InputError("--fit is for whole photos; a crop is square already")
    if args.edit is None and args.drive is None and args.expression is None:
        raise InputError("a photo takes --expression, --drive or --edit")
    for name in ("official_output", "official_mocap"):
        if getattr(args, name):
            raise InputError(f"--{name.replace('_', '-')} is for characters")


def run(args: argparse.Namespace) -> None:
    """Animates a photo."""
    from jaxanim.animate import animation, compose, images, paste, video

    still = args.output.suffix.lower() == ".png" and _is_still(args)
    if still:
        animation.check_still(args.output)
        if args.duration is not None:
            raise InputError("--duration is for videos; an edit alone, written to a .png, is one picture")
    else:
        video.kind_of(args.output)
    background = compose.parse_background(args.background or "white")
    if background is None:
        raise InputError("a photo covers everything: give a colour for what is transparent in it, not 'transparent'")
    model = _open(args)
    photo = images.read_rgb(args.photo, background=background)
    canvas = _canvas(args, photo, background, still)
    if not still:
        video.check_output(args.output, width=canvas.width, height=canvas.height, fps=args.fps, transparent=False)
    box = model.box(photo)
    drives = model.drives()
    if args.size is None and (canvas.height, canvas.width) != photo.shape[:2]:
        warn(f"{args.output.suffix} holds even sizes only: cut to {canvas.width}x{canvas.height}")
    place = paste.find_place(photo, box, model.small_size, mode=args.mode or "multiscale", fit=args.fit or "pad")
    print(f"{model.card.name} ({model.card.system}); licence: {model.card.licence}")
    frames = model.frames(place, drives)
    if still:
        images.write_png(args.output, compose.place(next(iter(frames)), canvas))
        print(f"{args.output}: {canvas.width}x{canvas.height}")
        return
    with progress(len(drives)) as bar:
        count = animation.write_frames(
            _cut(frames, canvas, args.size), args.output, total=len(drives), canvas=canvas, fps=args.fps,
            progress=bar.update,
        )  # fmt: skip
    print(
        f"{args.output}: {count} frames, {canvas.width}x{canvas.height}, {count / args.fps:.2f} s at {args.fps:g} fps"
    )


def _open(args: argparse.Namespace) -> Any:
    """Returns what animates photos by the system: `faces.FacePhotos` or `heads.HeadPhotos`."""
    from jaxanim.cli import faces, heads

    return faces.FacePhotos(args) if args.system == "atw" else heads.HeadPhotos(args)


def _is_still(args: argparse.Namespace) -> bool:
    """Tells whether nothing but an edit is asked for, which is one picture unless a video is wanted."""
    return args.edit is not None and args.drive is None and args.expression is None


def progress(total: int) -> Any:
    """Returns a progress bar, silent where nobody watches."""
    from tqdm import tqdm

    return tqdm(total=total, unit="frame", disable=not sys.stderr.isatty())


def _canvas(args: argparse.Namespace, photo: Any, background: Any, still: bool) -> Any:
    """Returns the size asked for, else the photo's; formats that hold even sizes only lose a last column or row."""
    from jaxanim.animate import compose, video

    height, width = photo.shape[:2]
    if args.size is not None:
        width, height = compose.parse_size(args.size)
    elif not still and video.needs_even_size(args.output) and (width % 2 or height % 2):
        if min(height, width) < 2:
            raise InputError(f"{args.photo}: is {width}x{height}, too small for {args.output.suffix}")
        width, height = width - width % 2, height - height % 2
    return compose.Canvas(width, height, background)


def _cut(frames: Any, canvas: Any, size: str | None) -> Any:
    return frames if size is not None else (frame[: canvas.height, : canvas.width] for frame in frames)


def warn(text: str) -> None:
    """Says on the error stream what the user should know."""
    print(f"jaxanim: warning: {text}", file=sys.stderr)
