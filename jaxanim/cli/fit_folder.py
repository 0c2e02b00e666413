"""`jaxanim fit` on a folder: every video below it, and every folder of frames, becomes a file of the same name.

    PERSON/VIDEO/CLIP.mp4     PERSON/VIDEO/CLIP.npz
    PERSON/VIDEO/CLIP/*.jpg   PERSON/VIDEO/CLIP.npz

Files are written whole or not at all and those that are there stay, so that the same command goes on after an
interruption. Several processes or machines share the work by `--shard`: the order is that of the names. What cannot be
fitted is named in failures-I-of-N.json and tried again next time.
"""

import argparse
import contextlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jaxanim.cli import fit as command
from jaxanim.cli import fit_pictures
from jaxanim.cli.fit_pictures import FileSource, Source, Tools
from jaxanim.core import files
from jaxanim.core.errors import InputError, OutputError
from jaxanim.signals.face_track import FaceTrack
from jaxanim.tracking.detect import Which
from jaxanim.tracking.follow import OnMissing

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
FPS = 25.0
"""Frames per second of a folder of frames, which does not say its own."""


class FrameSource:
    """A folder of pictures that are the frames of a video, in the order of the numbers in their names."""

    def __init__(self, path: Path):
        self.path = path
        self.fps = FPS
        self.times: list[float] = []
        self.size: tuple[int, int] | None = None
        self.damage: str | None = None
        self._pictures = sorted((each for each in path.iterdir() if _is_picture(each)), key=files.by_number)

    def frames(self) -> Iterator[np.ndarray]:
        """Yields pictures, and keeps their times."""
        self.times, self.size = [], None
        for number, path in enumerate(self._pictures):
            picture = fit_pictures.read_picture(path)
            self.size = self.size or (picture.shape[0], picture.shape[1])
            if picture.shape[:2] != self.size:
                raise InputError(f"{path}: has another size than the first frame of its folder")
            self.times.append(number / self.fps)
            yield picture


def run(args: argparse.Namespace) -> None:
    """Fits what is not fitted yet.

    Raises:
      InputError: there is nothing to fit, options do not fit a folder, or nothing could be fitted.
      OutputError: a file cannot be written, or the work was interrupted.
    """
    if args.preview is not None:
        raise InputError(f"--preview is for one photo or video; {args.input} is a folder")
    which = fit_pictures.which_face(args.face or "largest")
    if which == "all":
        raise InputError("--face all is for one photo or video; in a folder, each becomes one file of one face")
    index, count = args.shard or (0, 1)
    work = plan(args.input)
    tools = fit_pictures.make_tools(args.detector, args.regressor, args.refiner, careful=False)
    _make(args.output)
    done = {"written": 0, "there already": 0}
    failed: dict[str, str] = {}
    report = args.output / f"failures-{index}-of-{count}.json"
    try:
        for name, target in list(work.items())[index::count]:
            path = args.output / target
            if zipfile.is_zipfile(path):  # a copy that was cut off is none
                done["there already"] += 1
                continue
            try:
                track = _track(args.input / name, tools, which, args)
                _make(path.parent)
                command.save(path, track)
            except (InputError, ValueError) as error:  # ValueError: landmarks that no head can have
                why = " ".join(str(error).split())
                failed[name] = why if name in why else f"{name}: {why}"
                command.warn(failed[name])
            else:
                done["written"] += 1
    except KeyboardInterrupt as error:
        raise OutputError(f"interrupted, {_summary(done, failed)}; the same command goes on") from error
    finally:
        _report(report, failed)
    if failed and not any(done.values()):
        raise InputError(f"{args.input}: none of {len(failed)} could be fitted, see {report}")
    print(f"{args.output}: {_summary(done, failed)}" + (f", see {report}" if failed else ""))


def plan(folder: Path) -> dict[str, str]:
    """Returns the videos and folders of frames below a folder, by name, and the file that each becomes.

    Hidden files and folders are left out; so are pictures in the folder itself, which are no video.

    Raises:
      InputError: there are none, or two would become the same file.
    """
    found: dict[str, str] = {}
    for path in sorted(_walk(folder), key=lambda each: each.relative_to(folder).as_posix()):
        clip = path.relative_to(folder)
        found[clip.as_posix()] = clip.with_name(f"{clip.name if path.is_dir() else clip.stem}.npz").as_posix()
    if not found:
        raise InputError(
            f"{folder}: holds no videos ({', '.join(files.VIDEOS)}), and no folders of frames ({', '.join(PICTURES)})"
        )
    first: dict[str, str] = {}
    for name, target in found.items():
        if target in first:
            raise InputError(f"{folder}: {first[target]} and {name} would both become {target}; rename one")
        first[target] = name
    return found


def _walk(folder: Path) -> Iterator[Path]:
    """Yields videos and folders of frames; links are followed, once to each folder."""
    seen: set[str] = set()
    for at, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(at)
        folders[:] = [] if real in seen else [each for each in folders if not each.startswith(".")]
        if real in seen:
            continue
        seen.add(real)
        here = [Path(at, name) for name in names]
        yield from (path for path in here if _has_suffix(path, files.VIDEOS))
        if Path(at) != folder and any(_is_picture(path) for path in here):
            yield Path(at)


def _track(path: Path, tools: Tools, which: Which, args: argparse.Namespace) -> FaceTrack:
    source: Source = FrameSource(path) if path.is_dir() else FileSource(path)
    on_missing: OnMissing = args.on_missing or "hold"
    (person,) = fit_pictures.find_people(source, tools, which, on_missing, smoothed=not args.no_smoothing)
    if source.damage:
        raise InputError(f"{path}: {source.damage}")
    return person.track


def _report(path: Path, failed: dict[str, str]) -> None:
    """Writes what could not be fitted; removes what an earlier run wrote if there is nothing."""
    if not failed:
        with contextlib.suppress(OSError):
            path.unlink()
        return
    with files.replacing(path) as temporary:
        temporary.write_text(json.dumps([{"name": name, "why": why} for name, why in failed.items()], indent=1))


def _summary(done: dict[str, int], failed: dict[str, str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in {**done, "failed": len(failed)}.items())


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror or error})") from error


def _is_picture(path: Path) -> bool:
    return _has_suffix(path, PICTURES)


def _has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".")
