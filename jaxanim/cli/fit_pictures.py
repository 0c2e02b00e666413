"""`jaxanim fit` on photos and videos: reading, finding, fitting, drawing."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxanim.animate import film, images, video
from jaxanim.animate.film import Film
from jaxanim.cli import fit as command
from jaxanim.core.errors import InputError
from jaxanim.geometry.open_head import load_open_head
from jaxanim.signals.face_track import FaceTrack
from jaxanim.tracking import face_tracks, preview, surfaces
from jaxanim.tracking.detect import Detector, LbpDetector, Which
from jaxanim.tracking.follow import TrackedFace, follow
from jaxanim.tracking.follow_all import follow_all
from jaxanim.tracking.regressor import files as regressor_files
from jaxanim.tracking.regressor.locator import RegressorLocator

_WHITE = (255, 255, 255)
_PHOTO_FPS = 25.0


class _Input:
    """A photo or a video as frames with times."""

    def __init__(self, path: Path):
        self.path = path
        self.film = Film(path) if path.suffix.lower() in film.SUFFIXES else None
        self._photo = None if self.film else images.read_rgb(path, background=_WHITE)
        self.fps = self.film.fps if self.film else _PHOTO_FPS
        self.times: list[float] = []
        self.size: tuple[int, int] | None = None

    def frames(self) -> Iterator[np.ndarray]:
        """Yields pictures, and keeps their times."""
        self.times = []
        read = self.film.frames() if self.film else iter([(0.0, self._photo)])
        for time, picture in read:
            assert picture is not None
            self.times.append(time)
            self.size = picture.shape[0], picture.shape[1]
            yield picture


def tracks(args: argparse.Namespace) -> Iterator[tuple[Path, FaceTrack]]:
    """Yields the files to write and what goes into them."""
    source, which = _Input(args.input), _which(args.face)
    if args.preview is not None:
        _check_preview(args.preview, source)
    _, regressor, params = regressor_files.read_regressor(args.regressor or regressor_files.bundled_regressor())
    locator = RegressorLocator(regressor, params)
    detector = _detector(args.detector)
    options = {"on_missing": args.on_missing}
    if which == "all":
        people: dict[int, list[TrackedFace]] = {}
        for seen in follow_all(source.frames(), detector, locator, locator.placing, **options):
            for face in seen:
                people.setdefault(face.face, []).append(face)
    else:
        people = {0: list(follow(source.frames(), detector, locator, locator.placing, which=which, **options))}
    if source.film is not None and source.film.damage:
        command.warn(f"{args.input}: {source.film.damage}; what comes before was used")
    head = load_open_head()
    ready, times, size = face_tracks.make_fitter(head), np.array(source.times), source.size
    assert size is not None
    found = []
    for number, faces in sorted(people.items()):
        chosen = times[[face.frame for face in faces]]
        track = face_tracks.make_track(
            faces, size=size, time=chosen, fps=source.fps, ready=ready, smoothed=not args.no_smoothing
        )
        found.append((faces, track))
        yield _name(args.output, number if which == "all" else None), track
    if args.preview is not None:
        _draw(args.preview, source, found, head)


def _which(text: str) -> Which:
    if text in ("largest", "all"):
        return text  # type: ignore[return-value]
    if text.isdecimal():
        return int(text)
    raise InputError(f"--face takes largest, all, or a number from 0 on, got {text!r}")


def _detector(path: Path | None) -> Detector:
    if path is None:
        return LbpDetector()
    if path.suffix.lower() == ".onnx":
        from jaxanim.tracking.onnx_detector import OnnxDetector

        return OnnxDetector(path)
    if path.suffix.lower() == ".task":
        from jaxanim.tracking.mediapipe_detector import MediaPipeDetector

        return MediaPipeDetector(path)
    raise InputError(f"{path}: detectors are .onnx (YuNet, Ultra-Light) or .task files (MediaPipe)")


def _name(output: Path, number: int | None) -> Path:
    return output if number is None else output.with_name(f"{output.stem}_{number}{output.suffix}")


def _check_preview(path: Path, source: _Input) -> None:
    if source.film is None and path.suffix.lower() != ".png":
        raise InputError(f"{path}: the preview of a photo is a .png")
    if source.film is not None:
        video.kind_of(path)


def _draw(path: Path, source: _Input, found: list[tuple[list[TrackedFace], FaceTrack]], head: Any) -> None:
    """Draws every frame that has a face, with what was found in it."""
    rows = [{face.frame: row for row, face in enumerate(faces)} for faces, _ in found]
    drawn = (_overlay(picture, number, found, rows, head) for number, picture in enumerate(source.frames()))
    if source.film is None:
        images.write_png(path, next(drawn))
        return
    assert source.size is not None
    height, width = (side - side % 2 for side in source.size)
    with video.open_writer(path, width=width, height=height, fps=min(source.fps, 50.0), transparent=False) as write:
        for picture in drawn:
            write(np.ascontiguousarray(picture[:height, :width]))


def _overlay(picture: np.ndarray, number: int, found: Any, rows: list[dict[int, int]], head: Any) -> np.ndarray:
    for (_, track), places in zip(found, rows, strict=True):
        if number not in places:
            continue
        row = places[number]
        one = face_tracks.fit_of(track, row)
        vertices = np.asarray(surfaces.vertices_px(head, one))[0]
        picture = preview.draw(picture, track.landmarks98[row], vertices, np.asarray(head.faces))
    return picture
