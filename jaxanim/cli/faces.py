"""`jaxanim animate PHOTO --system atw`: expressions and action units move a face."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxanim.cli import photos
from jaxanim.core import files
from jaxanim.core.errors import InputError

FOR_HEADS = ("edit", "face", "relative")


class FacePhotos:
    """What `photos` needs to know of a system of action units or classes.

    Attributes:
      card: of the model.
      small_size: height and width of its pictures.
    """

    def __init__(self, args: argparse.Namespace):
        """Reads the model.

        Raises:
          InputError: there is none, or options are for other systems.
        """
        from jaxanim.animate import faces

        for name in FOR_HEADS:
            if getattr(args, name) is not None:
                raise InputError(f"--{name} is for systems that a head drives: --system geometric or gdpw")
        self._args = args
        self._model = faces.read_model(_weights(args))
        self.card, self.small_size = self._model.card, self._model.small_size

    def box(self, photo: Any) -> Any:
        """Returns the part of the photo that moves."""
        return _box(self._args, photo)

    def drives(self) -> Any:
        """Returns one row for each frame."""
        return _drives(self._args, self._model)

    def frames(self, place: Any, drives: Any) -> Iterator[Any]:
        """Yields the photo's frames."""
        from jaxanim.animate import faces

        return self._model.animator(place, chunk=min(faces.CHUNK, len(drives))).frames(drives)


def _weights(args: argparse.Namespace) -> Path:
    from jaxanim.animate import faces

    shipped = faces.bundled_models()
    if args.weights is None:
        if not shipped:
            raise InputError(
                f"no {args.system} model ships with this version: give --weights FILE.safetensors, from `jaxanim "
                f"convert {args.system}` (a released generator) or from training"
            )
        return next(iter(shipped.values()))
    if args.weights.suffix or args.weights.exists():
        return Path(args.weights)
    if str(args.weights) not in shipped:
        known = ", ".join(shipped) or "none"
        raise InputError(f"{args.weights}: no such file, and no model that ships with this version: {known}")
    return shipped[str(args.weights)]


def _drives(args: argparse.Namespace, model: Any) -> Any:
    from jaxanim.signals import expressions, face_track, openface

    if args.expression is not None:
        for name in ("start", "end", "track_fps"):
            if getattr(args, name) is not None:
                raise InputError(f"--{name.replace('_', '-')} is for tracks; an expression takes --duration")
        name, amount = expressions.parse(args.expression)
        course = expressions.come_and_go(photos.DEFAULT_SECONDS if args.duration is None else args.duration, args.fps)
        return amount * course[:, None] * model.expression(name)[None, :]
    if args.duration is not None:
        raise InputError("--duration is for expressions; cut a track with --start and --end")
    model.check_action_units()
    if args.drive.suffix.lower() in files.VIDEOS:
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
        photos.warn(f"no face in {track.lost} frames of the track; neighbours are joined")
    if track.clamped:
        photos.warn(f"{track.clamped} intensities were outside 0 to 5 and have been clamped")
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
