"""Draw a grid of poses of a character, or pictures and videos side by side, to one PNG.

jaxanim sheet -o sheet.png
jaxanim sheet --character char.safetensors --drive track.csv --count 24 -o sheet.png
jaxanim sheet photo.png geometric.mp4 gdpw.mp4 --count 5 -o sheet.png   (a column each, rows are moments)
"""

import argparse
from pathlib import Path
from typing import Any

from jaxanim.cli import photos, sources
from jaxanim.core.errors import InputError

POSES, MOMENTS, COLUMNS = 24, 5, 6
OF_CHARACTERS = (
    *("character", "source", "weights", "runtime", "official_output"),
    *("drive", "track_fps", "columns", "whole_body"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this subcommand."""
    parser.add_argument(
        "files",
        type=Path,
        nargs="*",
        metavar="FILE",
        help="pictures and videos to lay side by side, without a character",
    )
    sources.add_source_arguments(parser)
    parser.add_argument("--drive", type=Path, metavar="TRACK", help="poses of this track instead of the built-in ones")
    parser.add_argument("--count", type=int, help="how many poses of a track (24), or moments of videos (5)")
    parser.add_argument("--track-fps", type=float, help="rate of a track that does not say it")
    parser.add_argument("--columns", type=int, help="poses in a row (6)")
    parser.add_argument("--size", type=int, default=192, help="side of one picture in pixels (192)")
    parser.add_argument("--background", default="#eeeef2", metavar="COLOUR", help="colour behind the character")
    parser.add_argument("--whole-body", action="store_true", help="the whole frame instead of head and shoulders")
    parser.add_argument(
        "--crop", metavar="X,Y,SIZE", help="the square of pictures and videos to show, in their pixels; default: all"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .png file")


def run(args: argparse.Namespace) -> None:
    """Runs the subcommand."""
    from jaxanim.animate import animation, compose, images

    animation.check_still(args.output)
    background = compose.parse_background(args.background)
    if background is None:
        raise InputError("a sheet needs a background colour")
    count = args.count if args.count is not None else (MOMENTS if args.files else POSES)
    columns = args.columns if args.columns is not None else COLUMNS
    if not (1 <= columns <= 64 and 16 <= args.size <= 1024 and 1 <= count <= 1024):
        raise InputError("a sheet has 1-64 columns of 16-1024 pixels and 1-1024 poses")
    if args.crop is not None and not args.files:
        raise InputError("--crop is for pictures and videos; characters take --whole-body")
    draw = _side_by_side if args.files else _poses
    picture, what = draw(args, count, columns, background)
    images.write_png(args.output, picture)
    print(f"{args.output}: {what}, {picture.shape[1]}x{picture.shape[0]}")


def _poses(args: argparse.Namespace, count: int, columns: int, background: Any) -> tuple[Any, str]:
    """Draws poses of a character."""
    import numpy as np

    from jaxanim.animate import sheet
    from jaxanim.signals import tracks

    if args.drive is None:
        labels, poses = sheet.expression_poses()
    else:
        track = tracks.read_track(args.drive, fps=args.track_fps)
        sources.warn_of_clamping(track.clamped)
        rows = np.unique(np.linspace(0, len(track.time) - 1, count).round().astype(int))
        labels, poses = tuple(f"{track.time[row]:.2f} s" for row in rows), track.pose[rows]
    renderer = sources.open_source(args, frames_per_call=1)
    picture = sheet.draw_sheet(
        renderer,
        labels,
        poses,
        columns=columns,
        size=args.size,
        background=background,
        whole_body=args.whole_body,
    )
    return picture, f"{len(poses)} poses"


def _side_by_side(args: argparse.Namespace, count: int, columns: int, background: Any) -> tuple[Any, str]:
    """Draws pictures and videos."""
    from jaxanim.animate import crop, side_by_side

    del columns  # a file has one
    for name in OF_CHARACTERS:
        if getattr(args, name):
            raise InputError(f"--{name.replace('_', '-')} is for characters; {args.files[0]} is shown as it is")
    if len(args.files) > 64:
        raise InputError(f"a sheet has 1-64 columns, one for each file, got {len(args.files)} files")
    box = crop.parse(args.crop) if args.crop is not None else None
    picture = side_by_side.draw(
        args.files, count=count, size=args.size, background=background, box=box, warn=photos.warn
    )
    return picture, f"{len(args.files)} files"
