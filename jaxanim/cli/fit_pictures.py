"""`jaxanim fit` on photos and videos: reading, finding, fitting, drawing."""

import argparse
import dataclasses
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.animate import crop, images, video
from jaxanim.animate.film import Film
from jaxanim.cli import fit as command
from jaxanim.core import files as core_files
from jaxanim.core.errors import InputError
from jaxanim.geometry.open_head import load_open_head
from jaxanim.signals.face_track import FaceTrack
from jaxanim.tracking import face_tracks, preview, surfaces
from jaxanim.tracking.detect import Detector, LbpDetector, Which
from jaxanim.tracking.fit import Fitter
from jaxanim.tracking.follow import OnMissing, TrackedFace, find, follow, pick
from jaxanim.tracking.follow_all import follow_all
from jaxanim.tracking.locators import load_locator
from jaxanim.tracking.refiner.locator import RefinedLocator

_WHITE = (255, 255, 255)
_PHOTO_FPS = 25.0
HEAD = 1.5  # sides of the box around 68 landmarks, as in the pictures that photo models learn from


@runtime_checkable
class Source(Protocol):
    """Frames with times.

    Attributes:
      path: where they come from.
      fps: frames per second.
      times: of the frames that were read.
      size: height and width, known once a frame was read.
      damage: why the last reading ended early; None if it did not.
    """

    path: Path
    fps: float
    times: list[float]
    size: tuple[int, int] | None

    @property
    def damage(self) -> str | None: ...  # noqa: D102

    def frames(self) -> Iterator[np.ndarray]:
        """Yields pictures, and keeps their times."""
        ...


class FileSource:
    """A photo or a video; `film` is None for a photo."""

    def __init__(self, path: Path):
        self.path = path
        self.film = Film(path) if path.suffix.lower() in core_files.VIDEOS else None
        self._photo = None if self.film else read_picture(path)
        self.fps = self.film.fps if self.film else _PHOTO_FPS
        self.times: list[float] = []
        self.size: tuple[int, int] | None = None

    @property
    def damage(self) -> str | None:
        """Returns why the last reading of a video ended early."""
        return self.film.damage if self.film else None

    def frames(self) -> Iterator[np.ndarray]:
        """Yields pictures, and keeps their times."""
        self.times = []
        read = self.film.frames() if self.film else iter([(0.0, self._photo)])
        for time, picture in read:
            assert picture is not None
            self.times.append(time)
            self.size = picture.shape[0], picture.shape[1]
            yield picture


@dataclasses.dataclass(frozen=True, eq=False)
class Tools:
    """What looks at pictures: compiled when first used, for any number of them."""

    detector: Detector
    locator: RefinedLocator
    ready: Fitter


@dataclasses.dataclass(frozen=True)
class Person:
    """Somebody in a photo or video: where the face was in each frame that counts, and what was fitted to it."""

    number: int
    faces: list[TrackedFace]
    track: FaceTrack


def tracks(args: argparse.Namespace) -> Iterator[tuple[Path, FaceTrack]]:
    """Yields the files to write and what goes into them."""
    source, which = FileSource(args.input), which_face(args.face or "largest")
    if args.preview is not None:
        _check_preview(args.preview, source)
    tools = make_tools(args.detector, args.regressor, args.refiner, careful=source.film is None)
    people = find_people(source, tools, which, args.on_missing or "hold", smoothed=not args.no_smoothing)
    _warn_of_damage(source)
    for person in people:
        yield _name(args.output, person.number if which == "all" else None), person.track
    if args.preview is not None:
        _draw(args.preview, source, people)


def track_of(path: Path) -> FaceTrack:
    """Returns the track of the largest face of a photo or video.

    Raises:
      InputError: the file cannot be read, or shows no face.
    """
    source = FileSource(path)
    tools = make_tools(careful=source.film is None)
    (person,) = find_people(source, tools, "largest", "hold", smoothed=True)
    _warn_of_damage(source)
    return person.track


def head_box(photo: UInt8[np.ndarray, "h w 3"]) -> crop.Box:
    """Finds the largest face of a photo, and returns the square that photo models want: half as large again.

    Warns of several.

    Raises:
      InputError: there is no face.
    """
    locator = load_locator(careful=True)
    found = find(photo, 0, LbpDetector(), locator, locator.placing)
    if not found:
        raise InputError("no face found; give the square that holds it, --crop X,Y,SIZE")
    if len(found) > 1:
        command.warn(f"{len(found)} faces found, the largest is animated; --crop X,Y,SIZE takes another")
    face = pick(found, "largest")
    return square_around(face.more.landmarks68, HEAD)


def square_around(points: Float[np.ndarray, "k 2"], scale: float) -> crop.Box:
    """Returns a square around landmarks, its side `scale` times that of their box."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = math.ceil(scale * float((high - low).max()))
    left, top = np.round((low + high) / 2 - side / 2).astype(int)
    return crop.Box(int(left), int(top), side, side)


@dataclasses.dataclass(frozen=True)
class InPhoto:
    """Somebody in a photo.

    Attributes:
      track: one frame, in the photo's pixels.
      people: how many faces were found.
    """

    track: FaceTrack
    people: int


def person_in(photo: UInt8[np.ndarray, "h w 3"], which: Which, *, within: crop.Box | None) -> InPhoto:
    """Fits somebody in a photo.

    Args:
      photo: any size.
      which: of several people, see `detect.choose`.
      within: where to look; None for everywhere.

    Raises:
      InputError: there is no such face.
    """
    picture = photo if within is None else crop.take(photo, within)
    tools = make_tools(careful=True)
    found = find(picture, 0, tools.detector, tools.locator, tools.locator.placing)
    if not found:
        advice = "give the square that holds it, --crop X,Y,SIZE" if within is None else "--crop has to hold the face"
        raise InputError(f"no face found; {advice}")
    track = face_tracks.make_track(
        [pick(found, which)],
        size=(picture.shape[0], picture.shape[1]),
        time=np.zeros(1),
        fps=_PHOTO_FPS,
        ready=tools.ready,
    )
    corner = np.zeros(2, np.float32) if within is None else np.array([within.x, within.y], np.float32)
    return InPhoto(_moved(track, corner, size=photo.shape[:2]), len(found))


def _moved(track: FaceTrack, by: Float[np.ndarray, "2"], *, size: tuple[int, ...]) -> FaceTrack:
    """Returns the track of a part of a photo in pixels of the whole."""
    camera, place = track.camera.copy(), track.crop.copy()
    camera[:, 1:3] += by
    place[:, :, 2] -= place[:, :, :2] @ by
    return dataclasses.replace(
        track,
        size=np.array(size),
        camera=camera,
        crop=place,
        landmarks68=track.landmarks68 + by,
        landmarks98=track.landmarks98 + by,
    )


def make_tools(
    detector: Path | None = None, regressor: Path | None = None, refiner: Path | None = None, *, careful: bool
) -> Tools:
    """Loads what looks at pictures.

    Args:
      detector: its file; None for the one that ships.
      regressor: its file; None for the one that ships.
      refiner: its file; None for the one that ships.
      careful: whether each face is looked at six times, as photos are.

    Raises:
      InputError: a file is none that can be used.
    """
    chosen = _detector(detector)
    return Tools(chosen, load_locator(regressor, refiner, careful=careful), face_tracks.make_fitter(load_open_head()))


def find_people(source: Source, tools: Tools, which: Which, on_missing: OnMissing, *, smoothed: bool) -> list[Person]:
    """Follows one face, or all, and fits the open head to each.

    Raises:
      InputError: the frames cannot be read, or show no such face.
    """
    try:
        people = _follow(source, tools, which, on_missing)
    except InputError as error:
        raise InputError(str(error) if str(source.path) in str(error) else f"{source.path}: {error}") from error
    times, size = np.array(source.times), source.size
    assert size is not None
    return [
        Person(
            number,
            faces,
            face_tracks.make_track(
                faces,
                size=size,
                time=times[[face.frame for face in faces]],
                fps=source.fps,
                ready=tools.ready,
                smoothed=smoothed,
            ),
        )
        for number, faces in sorted(people.items())
    ]


def _follow(source: Source, tools: Tools, which: Which, on_missing: OnMissing) -> dict[int, list[TrackedFace]]:
    """Returns the faces in the frames of a source, by their numbers."""
    detector, locator = tools.detector, tools.locator
    if which != "all":
        return {
            0: list(follow(source.frames(), detector, locator, locator.placing, which=which, on_missing=on_missing))
        }
    people: dict[int, list[TrackedFace]] = {}
    for seen in follow_all(source.frames(), detector, locator, locator.placing, on_missing=on_missing):
        for face in seen:
            people.setdefault(face.face, []).append(face)
    return people


def which_in_photo(text: str) -> Which:
    """Reads what --face takes for photos.

    Raises:
      InputError: it is not 'largest' or a number.
    """
    if text == "largest" or text.isdecimal():
        return which_face(text)
    raise InputError(f"--face of a photo takes largest, or a number from 0 on, got {text!r}")


def read_picture(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """Reads a photo, or a frame that is a file of its own."""
    return images.read_rgb(path, background=_WHITE)


def which_face(text: str) -> Which:
    """Reads what --face says."""
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


def _warn_of_damage(source: Source) -> None:
    if source.damage:
        command.warn(f"{source.path}: {source.damage}; what comes before was used")


def _name(output: Path, number: int | None) -> Path:
    return output if number is None else output.with_name(f"{output.stem}_{number}{output.suffix}")


def _check_preview(path: Path, source: FileSource) -> None:
    core_files.check_writable(path)
    if source.film is None and path.suffix.lower() != ".png":
        raise InputError(f"{path}: the preview of a photo is a .png")
    if source.film is not None:
        video.kind_of(path)


def _draw(path: Path, source: FileSource, people: list[Person]) -> None:
    """Draws every frame that has a face, with what was found in it."""
    head = load_open_head()
    triangles = np.asarray(head.faces)
    rows = [{face.frame: row for row, face in enumerate(person.faces)} for person in people]

    def overlay(picture: np.ndarray, number: int) -> np.ndarray:
        for person, places in zip(people, rows, strict=True):
            if number in places:
                row = places[number]
                vertices = np.asarray(surfaces.vertices_px(head, face_tracks.fit_of(person.track, row))[0])
                picture = preview.draw(picture, person.track.landmarks98[row], vertices, triangles)
        return picture

    drawn = (overlay(picture, number) for number, picture in enumerate(source.frames()))
    if source.film is None:
        images.write_png(path, next(drawn))
        return
    assert source.size is not None
    height, width = (side - side % 2 for side in source.size)
    every = math.ceil(source.fps / video.max_fps(path))  # of frames that the format cannot tell apart, one is drawn
    fps = max(source.fps / every, video.MIN_FPS)
    with video.open_writer(path, width=width, height=height, fps=fps, transparent=False) as write:
        for picture in itertools.islice(drawn, 0, None, every):
            write(np.ascontiguousarray(picture[:height, :width]))
