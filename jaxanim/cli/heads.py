"""`jaxanim animate PHOTO --system geometric|gdpw`: the head that is found in a photo, driven by another one."""

import argparse
from collections.abc import Iterator
from typing import Any

from jaxanim.cli import photos
from jaxanim.core import files
from jaxanim.core.errors import InputError

_KEYFRAMES = (".csv", ".json")


class HeadPhotos:
    """What `photos` needs to know of a system that a morphable head drives; `box` comes first, as it finds the head.

    Attributes:
      card: of the model.
      small_size: height and width of its pictures.
    """

    def __init__(self, args: argparse.Namespace):
        """Reads the model.

        Raises:
          InputError: there is none, or options do not fit.
        """
        from jaxanim.animate import head_edits, heads

        _check(args)
        self._args = args
        self._edits = () if args.edit is None else head_edits.parse(args.edit)
        self._keyframes = _keyframes(args)
        self._model = heads.read_gdpw(_weights(args)) if args.system == "gdpw" else None
        self._source: Any = None

    @property
    def card(self) -> Any:
        """Name, licence and source of the model."""
        assert self._model is not None
        return self._model.card

    @property
    def small_size(self) -> tuple[int, int]:
        """Height and width of its pictures."""
        assert self._model is not None
        return self._model.small_size

    def box(self, photo: Any) -> Any:
        """Finds the head, and returns the part of the photo that moves."""
        from jaxanim.animate import crop, heads
        from jaxanim.cli import fit_pictures

        args = self._args
        box = None if args.crop in (None, "face") else crop.parse(args.crop)
        if box is not None:
            crop.check(box, photo)
        which = "largest" if args.face is None else fit_pictures.which_in_photo(args.face)
        seen = fit_pictures.person_in(photo, which, within=box)
        if seen.people > 1 and args.face is None:
            photos.warn(f"{seen.people} faces found, the largest is animated; --face 0 is the one furthest to the left")
        self._source = seen.track
        if box is None:
            scale = heads.GDPW_HEAD if args.system == "gdpw" else heads.GEOMETRIC_HEAD
            box = fit_pictures.square_around(seen.track.landmarks68[0], scale)
            if self._model is not None:
                box = heads.fill_pixels(box, self._model.size)
        if self._model is None:
            self._model = heads.geometric_model(box.width)
        return box

    def drives(self) -> Any:
        """Returns one row for each frame."""
        from jaxanim.animate import head_drive, head_edits

        args, source = self._args, head_drive.source_row(self._source)
        rows = _moves(args, source, self._keyframes)
        if args.drive is None and args.expression is None and args.output.suffix.lower() != ".png":
            # The edit alone comes and goes.
            edited = head_edits.apply(source[None], self._edits) - source
            rows = source + _course(args)[:, None] * edited
        elif self._edits:
            rows = head_edits.apply(rows, self._edits)
        limited = head_drive.limit(rows)
        if limited.turned_too_far:
            yaw, pitch, roll = head_drive.LIMITS
            photos.warn(
                f"the head is turned too far in {limited.turned_too_far} of {len(rows)} frames and stops at {yaw:g} "
                f"degrees of yaw, {pitch:g} of pitch, {roll:g} of roll"
            )
        return limited.rows

    def frames(self, place: Any, drives: Any) -> Iterator[Any]:
        """Yields the photo's frames."""
        from jaxanim.animate import photo

        assert self._model is not None
        return self._model.animator(place, self._source, chunk=min(photo.CHUNK, len(drives))).frames(drives)


def _check(args: argparse.Namespace) -> None:
    if args.system == "geometric" and args.weights is not None:
        raise InputError("--weights: the geometric system has none; it moves a photo by the mesh of the head alone")
    if args.fit is not None:
        raise InputError("--fit is for systems that take a whole photo; a head is animated in a square around it")
    if args.drive is None and args.relative is not None:
        raise InputError("--relative and --absolute are for --drive")
    if args.drive is None:
        for name in ("start", "end", "track_fps"):
            if getattr(args, name) is not None:
                raise InputError(f"--{name.replace('_', '-')} is for tracks; expressions and edits take --duration")
        return
    if args.duration is not None:
        raise InputError("--duration is for expressions and edits; cut a track with --start and --end")
    suffix = args.drive.suffix.lower()
    if suffix not in (*files.VIDEOS, *_KEYFRAMES, ".npz"):
        raise InputError(
            f"{args.drive}: heads are driven by videos, by the .npz of `jaxanim fit` (which takes recordings, too) and "
            "by keyframes in a .csv or .json"
        )
    if args.track_fps is not None and suffix not in _KEYFRAMES:
        raise InputError("--track-fps is for tracks that do not say their rate; videos and fits have their times")


def _weights(args: argparse.Namespace) -> Any:
    from jaxanim.animate import heads

    path = args.weights or heads.bundled_gdpw()
    if path is None:
        raise InputError(
            "no gdpw model ships with this version: give --weights FILE.safetensors from training, or use --system "
            "geometric, which needs none"
        )
    return path


def _keyframes(args: argparse.Namespace) -> Any:
    from jaxanim.animate import head_keyframes

    if args.drive is None or args.drive.suffix.lower() not in _KEYFRAMES:
        return None
    return head_keyframes.read(args.drive, fps=args.track_fps)


def _moves(args: argparse.Namespace, source: Any, keyframes: Any) -> Any:
    """Returns rows without edits."""
    import numpy as np

    from jaxanim.animate import head_drive, head_keyframes
    from jaxanim.signals import convert, expressions, tracks

    if args.expression is not None:
        name, amount = expressions.parse(args.expression)
        full = convert.from_action_units(expressions.row_of_action_units(name).astype(float))
        course = _course(args)
        rows = np.tile(source, (len(course), 1))
        rows[:, head_drive.EXPRESSION] += amount * course[:, None] * full
        return rows
    if args.drive is None:
        return source[None]
    if keyframes is not None:
        return head_keyframes.rows(
            keyframes, source, args.fps, start=args.start, end=args.end, sets=args.relative is False
        )
    signal = _signal(args)
    rows = head_drive.absolute(source, signal) if args.relative is False else head_drive.relative(source, signal)
    return tracks.interpolate(signal.time, rows, args.fps, start=args.start, end=args.end).astype(float)


def _signal(args: argparse.Namespace) -> Any:
    """Returns what the driver does."""
    from jaxanim.cli import fit_pictures
    from jaxanim.signals import face_track

    if args.drive.suffix.lower() == ".npz":
        return face_track.load(args.drive).to_signal()
    return fit_pictures.track_of(args.drive).to_signal()


def _course(args: argparse.Namespace) -> Any:
    from jaxanim.signals import expressions

    seconds = photos.DEFAULT_SECONDS if args.duration is None else args.duration
    return expressions.come_and_go(seconds, args.fps).astype(float)
