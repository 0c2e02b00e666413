"""Sheets of pictures and videos side by side: one file in a column, a moment in each row. Pictures are uint8 RGB."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.animate import compose, crop, film, images, sheet
from jaxanim.core import files

_SLACK = 1e-3  # seconds that times of frames may be off


def draw(
    paths: Sequence[Path],
    *,
    count: int,
    size: int,
    background: compose.Rgb,
    box: crop.Box | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> UInt8[np.ndarray, "h w 3"]:
    """Lays files side by side at moments that are evenly spread over the shortest video.

    Args:
      paths: pictures, which are the same at all moments, and videos.
      count: how many moments; pictures alone have one.
      size: side of the square that a frame is fitted into, in pixels.
      background: colour around frames.
      box: the part of all of them that is shown; by default everything.
      warn: told of videos that end early.

    Raises:
      InputError: a file cannot be read, or lies outside of the box.
    """
    films = {path: film.Film(path) for path in paths if path.suffix.lower() in files.VIDEOS}
    ends = [_last_time(each) for each in films.values()]
    for each in films.values():
        if each.damage:
            warn(f"{each.path}: {each.damage}; what comes before is shown")
    times = np.linspace(0.0, min(ends), count) if ends else np.zeros(1)
    canvas = compose.Canvas(size, size, background)
    columns, labels = [], []
    for path in paths:
        if path in films:
            columns.append(_frames_at(films[path], times, canvas, box))
            labels.append([f"{path.stem}, {time:.2f} s" for time in times])
        else:
            columns.append([_cell(images.read_rgb(path, background=background), canvas, box)] * len(times))
            labels.append([path.stem] * len(times))
    rows = [picture for row in zip(*columns, strict=True) for picture in row]
    names = [name for row in zip(*labels, strict=True) for name in row]
    return sheet.lay_out(rows, names, columns=len(paths), size=size, background=background)


def _last_time(each: film.Film) -> float:
    return max(time for time, _ in each.frames())


def _frames_at(
    each: film.Film, times: Float[np.ndarray, " n"], canvas: compose.Canvas, box: crop.Box | None
) -> list[UInt8[np.ndarray, "h w 3"]]:
    """Returns for each time the first frame that is not before it."""
    found: list[UInt8[np.ndarray, "h w 3"]] = []
    for time, frame in each.frames():
        while len(found) < len(times) and time >= times[len(found)] - _SLACK:
            found.append(_cell(frame, canvas, box))
    return found


def _cell(
    picture: UInt8[np.ndarray, "h w 3"], canvas: compose.Canvas, box: crop.Box | None
) -> UInt8[np.ndarray, "s s 3"]:
    if box is not None:
        crop.check(box, picture)
        picture = crop.take(picture, box)
    return compose.place(picture, canvas)
