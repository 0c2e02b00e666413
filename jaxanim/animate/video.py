"""Writes frames one by one into mp4, webm, mov, gif and apng files or a folder of PNGs, in bounded memory.

mp4 holds H.264 without transparency; webm (VP9), mov (ProRes 4444), apng and PNG hold straight alpha; gif has one bit
of it. A file appears under its name when it is complete. Interrupting a writer's block completes the file with the
frames so far; while a frame is written or the file completed, an interruption waits.
"""

import contextlib
import dataclasses
import fractions
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace
from jaxtyping import UInt8
from PIL import Image

from jaxanim.animate import gif
from jaxanim.core import files, interrupts
from jaxanim.core.errors import InputError, OutputError

Picture = UInt8[np.ndarray, "h w c"]
WriteFrame = Callable[[Picture], None]
Encoder = Callable[[Picture | None], list[av.VideoFrame]]  # None at the end
MIN_FPS, MAX_FPS = 0.1, 240.0
PNG_FOLDER = "png folder"


@dataclasses.dataclass(frozen=True)
class Format:
    """How one kind of file is encoded.

    Attributes:
      muxer, codec: names for FFmpeg.
      opaque, transparent: pixel formats; None where the format cannot.
      even: whether width and height must be even.
      options: of the codec.
      container_options: of the muxer.
      max_fps: what the format can tell apart.
    """

    muxer: str
    codec: str
    opaque: str
    transparent: str | None
    even: bool
    options: dict[str, str]
    container_options: dict[str, str]
    max_fps: float = MAX_FPS


FORMATS: dict[str, Format] = {
    ".mp4": Format(
        "mp4", "libx264", "yuv420p", None, True, {"crf": "17", "preset": "medium"}, {"movflags": "+faststart"}
    ),
    ".webm": Format(
        "webm",
        "libvpx-vp9",
        "yuv420p",
        "yuva420p",
        True,
        {"crf": "18", "b": "0", "row-mt": "1", "cpu-used": "4", "deadline": "good"},
        {},
    ),
    ".mov": Format("mov", "prores_ks", "yuv422p10le", "yuva444p10le", True, {}, {"movflags": "+faststart"}),
    ".gif": Format("gif", "gif", "pal8", "pal8", False, {}, {"loop": "0"}, max_fps=50.0),  # counts 1/100 s
    ".apng": Format("apng", "apng", "rgb24", "rgba", False, {}, {"plays": "0"}),
}
_PRORES_PROFILE = {"yuv422p10le": "3", "yuva444p10le": "4"}


def kind_of(path: Path) -> str:
    """Returns the ending of a supported video, or `PNG_FOLDER` for a name without an ending.

    Raises:
      OutputError: the ending is unknown.
    """
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return suffix
    if suffix == "":
        return PNG_FOLDER
    known = ", ".join(FORMATS)
    raise OutputError(f"{path}: cannot write {suffix} videos; known are {known}, or a folder name for PNG frames")


def holds_transparency(path: Path) -> bool:
    """Tells whether a file of this name can be transparent."""
    kind = kind_of(path)
    return kind == PNG_FOLDER or FORMATS[kind].transparent is not None


def needs_even_size(path: Path) -> bool:
    """Tells whether a file of this name must have even width and height."""
    kind = kind_of(path)
    return kind != PNG_FOLDER and FORMATS[kind].even


def max_fps(path: Path) -> float:
    """Returns the most frames per second that a file of this name can tell apart."""
    kind = kind_of(path)
    return MAX_FPS if kind == PNG_FOLDER else FORMATS[kind].max_fps


def check_output(path: Path, *, width: int, height: int, fps: float, transparent: bool) -> None:
    """Raises InputError or OutputError where such a video cannot be written, before any work is done."""
    kind = kind_of(path)
    limit = max_fps(path)
    if not MIN_FPS <= fps <= limit:
        raise InputError(f"frames per second of a {kind.lstrip('.')} must be {MIN_FPS:g} to {limit:g}, got {fps:g}")
    if transparent and not holds_transparency(path):
        raise OutputError(f"{path}: {kind[1:]} cannot be transparent; use .webm, .mov or .apng, or give a background")
    if kind == PNG_FOLDER:
        if path.name in ("", ".."):
            raise OutputError(f"{path}: PNG frames need a new folder with a name of its own")
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise OutputError(f"{path}: already exists; PNG frames need a new or empty folder")
        files.check_writable(path.with_name(path.name + ".partial"))
        return
    files.check_writable(path)
    if FORMATS[kind].even and (width % 2 or height % 2):
        even = f"{width + width % 2}x{height + height % 2}"
        raise InputError(f"{kind[1:]} needs even width and height, got {width}x{height}; {even} would do")


@contextlib.contextmanager
def open_writer(path: Path, *, width: int, height: int, fps: float, transparent: bool) -> Iterator[WriteFrame]:
    """Yields a function that appends a frame (RGBA if transparent, else RGB) of the given size.

    On an interruption (KeyboardInterrupt) the file is completed with the frames written so far, on any other error it
    is removed.

    Raises:
      InputError, OutputError: see `check_output`.
    """
    check_output(path, width=width, height=height, fps=fps, transparent=transparent)
    kind = kind_of(path)
    if kind == PNG_FOLDER:
        opened = _png_writer(path)
    else:
        opened = _video_writer(path, FORMATS[kind], width, height, fps, transparent)
    shape = (height, width, 4 if transparent else 3)
    with opened as write:

        def write_checked(frame: Picture) -> None:
            if frame.shape != shape:
                raise ValueError(f"frames must have shape {shape}, got {frame.shape}")
            with interrupts.deferred():
                write(frame)

        yield write_checked


@contextlib.contextmanager
def _png_writer(path: Path) -> Iterator[WriteFrame]:
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}.partial")
    written = 0

    def write(frame: Picture) -> None:
        nonlocal written
        Image.fromarray(frame).save(temporary / f"frame_{written:06d}.png")
        written += 1

    interrupted: KeyboardInterrupt | None = None
    with interrupts.deferred() as interruptible:
        try:
            temporary.mkdir()
            try:
                with interruptible():
                    yield write
            except KeyboardInterrupt as error:
                interrupted = error
            if not written:
                raise interrupted or _no_frames(path)
            if path.exists():
                path.rmdir()
            temporary.rename(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    if interrupted is not None:
        raise interrupted


@contextlib.contextmanager
def _video_writer(
    path: Path, form: Format, width: int, height: int, fps: float, transparent: bool
) -> Iterator[WriteFrame]:
    interrupted: KeyboardInterrupt | None = None
    with (
        interrupts.deferred() as interruptible,
        files.replacing(path) as temporary,
        av.open(str(temporary), "w", format=form.muxer, container_options=form.container_options) as container,
    ):
        stream = _add_stream(container, form, width, height, fps, transparent)
        encode = gif.GifEncoder(transparent) if form.codec == "gif" else _plain_encoder(stream.pix_fmt)
        written = 0

        def write(frame: Picture | None) -> None:
            nonlocal written
            for converted in encode(frame):
                converted.pts = written
                written += 1
                container.mux(stream.encode(converted))

        try:
            with interruptible():
                yield write
        except KeyboardInterrupt as error:
            interrupted = error
        write(None)
        if not written:
            raise interrupted or _no_frames(path)
        container.mux(stream.encode())
    if interrupted is not None:
        raise interrupted


def _no_frames(path: Path) -> OutputError:
    return OutputError(f"{path}: there were no frames to write")


def _add_stream(container: Any, form: Format, width: int, height: int, fps: float, transparent: bool) -> Any:
    rate = fractions.Fraction(fps).limit_denominator(1001)
    stream = container.add_stream(form.codec, rate=rate)
    stream.width, stream.height = width, height
    stream.pix_fmt = form.transparent if transparent else form.opaque
    stream.options = dict(form.options)
    if form.codec == "prores_ks":
        stream.options |= {"profile": _PRORES_PROFILE[stream.pix_fmt]}
    if stream.pix_fmt.startswith("yuv"):
        # Say which matrix made the YUV values, or players guess and shift the colours. 1 is BT.709, video range.
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = context.color_range = 1
    return stream


def _plain_encoder(pixel_format: str) -> Encoder:
    """Returns a function that converts one frame at a time."""

    def encode(frame: Picture | None) -> list[av.VideoFrame]:
        if frame is None:
            return []
        name = "rgba" if frame.shape[-1] == 4 else "rgb24"
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=name)
        if pixel_format == name:
            return [picture]
        return [picture.reformat(format=pixel_format, dst_colorspace=Colorspace.ITU709)]

    return encode
