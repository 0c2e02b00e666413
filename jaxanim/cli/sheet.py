"""Draw a grid of poses of a character to one PNG.

jaxanim sheet -o sheet.png
jaxanim sheet --character char.safetensors --drive track.csv --count 24 -o sheet.png
"""

import argparse
from pathlib import Path

from jaxanim.cli import sources
from jaxanim.core.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this subcommand."""
    sources.add_source_arguments(parser)
    parser.add_argument("--drive", type=Path, metavar="TRACK", help="poses of this track instead of the built-in ones")
    parser.add_argument("--count", type=int, default=24, help="how many poses of a track, evenly spread (24)")
    parser.add_argument("--track-fps", type=float, help="rate of a track that does not say it")
    parser.add_argument("--columns", type=int, default=6, help="pictures in a row (6)")
    parser.add_argument("--size", type=int, default=192, help="side of one picture in pixels (192)")
    parser.add_argument("--background", default="#eeeef2", metavar="COLOUR", help="colour behind the character")
    parser.add_argument("--whole-body", action="store_true", help="the whole frame instead of head and shoulders")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .png file")


def run(args: argparse.Namespace) -> None:
    """Runs the subcommand."""
    import numpy as np

    from jaxanim.animate import animation, compose, images, sheet
    from jaxanim.signals import tracks

    animation.check_still(args.output)
    background = compose.parse_background(args.background)
    if background is None:
        raise InputError("a sheet needs a background colour")
    if not (1 <= args.columns <= 64 and 16 <= args.size <= 1024 and 1 <= args.count <= 1024):
        raise InputError("a sheet has 1-64 columns of 16-1024 pixels and 1-1024 poses")
    if args.drive is None:
        labels, poses = sheet.expression_poses()
    else:
        track = tracks.read_track(args.drive, fps=args.track_fps)
        rows = np.unique(np.linspace(0, len(track.time) - 1, args.count).round().astype(int))
        labels, poses = tuple(f"{track.time[row]:.2f} s" for row in rows), track.pose[rows]
    renderer = sources.open_source(args, frames_per_call=1)
    picture = sheet.draw_sheet(
        renderer,
        labels,
        poses,
        columns=args.columns,
        size=args.size,
        background=background,
        whole_body=args.whole_body,
    )
    images.write_png(args.output, picture)
    print(f"{args.output}: {len(poses)} poses, {picture.shape[1]}x{picture.shape[0]}")
