"""The animation loop: poses through a renderer onto a canvas into a file, frame by frame."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.animate import compose, images, video
from jaxanim.animate.renderer import RenderPoses
from jaxanim.core import files, interrupts
from jaxanim.core.errors import OutputError

Progress = Callable[[int], None]


def write_video(
    render: RenderPoses,
    poses: Float[np.ndarray, "n 45"],
    path: Path,
    *,
    canvas: compose.Canvas,
    fps: float,
    batch: int,
    progress: Progress = lambda _: None,
) -> int:
    """Renders poses into a video.

    Args:
      render: makes frames of poses.
      poses: one row per frame.
      path: the result; its ending says what it is (`video`).
      canvas: size and background.
      fps: frames per second.
      batch: frames rendered and held at a time.
      progress: called with the number of frames just written.

    Returns:
      How many frames were written.

    Raises:
      InputError, OutputError: the video cannot be written like that; checked before rendering.
      OutputError: interrupted (Ctrl-C); the file holds the frames so far.
    """
    frames = (frame for first in range(0, len(poses), batch) for frame in render(poses[first : first + batch]))
    return write_frames(frames, path, total=len(poses), canvas=canvas, fps=fps, progress=progress)


def write_frames(
    frames: Iterable[UInt8[np.ndarray, "h w c"]],
    path: Path,
    *,
    total: int,
    canvas: compose.Canvas,
    fps: float,
    progress: Progress = lambda _: None,
) -> int:
    """Writes frames into a video, each as it comes.

    Args:
      frames: RGBA, or RGB without transparency.
      path: the result; its ending says what it is (`video`).
      total: how many frames there will be.
      canvas: size and background.
      fps: frames per second.
      progress: called with the number of frames just written.

    Returns:
      How many frames were written.

    Raises:
      InputError, OutputError: the video cannot be written like that; checked before the first frame is asked for.
      OutputError: interrupted (Ctrl-C); the file holds the frames so far.
    """
    written = 0
    transparent = canvas.background is None
    try:
        with video.open_writer(
            path, width=canvas.width, height=canvas.height, fps=fps, transparent=transparent
        ) as write:
            for frame in frames:
                with interrupts.deferred():
                    write(compose.place(frame, canvas))
                    written += 1
                progress(1)
    except KeyboardInterrupt:
        kept = f"{path} holds the first {written} frames" if written else "nothing was written"
        raise OutputError(f"interrupted: {kept} of {total}") from None
    return written


def write_still(render: RenderPoses, pose: Float[np.ndarray, "45"], path: Path, *, canvas: compose.Canvas) -> None:
    """Renders one pose into a PNG.

    Raises:
      OutputError: the file cannot be written, or is not a .png.
    """
    check_still(path)
    images.write_png(path, compose.place(render(pose[None])[0], canvas))


def check_still(path: Path) -> None:
    """Raises OutputError unless a still picture can be written there."""
    if path.suffix.lower() != ".png":
        raise OutputError(f"{path}: a still picture must be a .png file")
    files.check_writable(path)
