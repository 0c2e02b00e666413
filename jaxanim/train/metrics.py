"""What a run writes down: JSON lines, TensorBoard events, sheets as PNG files; the first process alone writes."""

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, runtime_checkable

import jax
import numpy as np
import PIL.Image

from jaxanim.core.errors import OutputError
from jaxanim.core.types import UInt8
from jaxanim.train.event_file import EventFile

Picture = UInt8[np.ndarray, "h w 3"]


@runtime_checkable
class Writer(Protocol):
    """Something that numbers and pictures of a step are written to."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes named numbers."""
        ...

    def picture(self, step: int, name: str, picture: Picture) -> None:
        """Writes a picture."""
        ...

    def close(self) -> None:
        """Finishes."""
        ...


class JsonLines:
    """One line of JSON for the numbers of a step.

    Args:
      path: the file. Lines of steps after `first_step`, which a killed run wrote and this one will write again, are
        removed, and so is half a line at its end.
      first_step: that this run starts from.
    """

    def __init__(self, path: Path, first_step: int):
        kept = []
        if path.exists():
            for line in path.read_text(errors="replace").splitlines():
                try:
                    if json.loads(line)["step"] <= first_step:
                        kept.append(line + "\n")
                except (ValueError, TypeError, KeyError):
                    break
        temporary = path.with_suffix(".tmp")
        temporary.write_text("".join(kept))
        temporary.replace(path)
        self._file = open(path, "a")  # noqa: SIM115

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes a line."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()

    def picture(self, step: int, name: str, picture: Picture) -> None:
        """Leaves pictures out."""

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class TensorBoard:
    """Event files that TensorBoard reads.

    Args:
      folder: of the run; every start of the run adds a file.
      first_step: that is trained now; TensorBoard forgets what an earlier start wrote of it and of later ones.
    """

    def __init__(self, folder: Path, first_step: int = 0):
        self._file = EventFile(folder, first_step)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes an event."""
        self._file.scalars(step, values)

    def picture(self, step: int, name: str, picture: Picture) -> None:
        """Writes an event with the picture as PNG."""
        height, width = picture.shape[:2]
        self._file.picture(step, name, _png(picture), height=height, width=width)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class Sheets:
    """A PNG file for every picture, `sheet_00001200.png`.

    Args:
      folder: of the pictures.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Leaves numbers out."""

    def picture(self, step: int, name: str, picture: Picture) -> None:
        """Writes a file, whole or not at all."""
        path = self._folder / f"{name.replace('/', '_')}_{step:08d}.png"
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(_png(picture))
        os.replace(temporary, path)

    def close(self) -> None:
        """Does nothing: every file is finished."""


class Writers:
    """Several writers as one; use it in a `with` statement.

    Args:
      writers: what to write to; none in all processes but the first.
    """

    def __init__(self, writers: Sequence[Writer]):
        self._writers = tuple(writers)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes named numbers of a step."""
        with _telling(step):
            for writer in self._writers:
                writer.scalars(step, values)

    def picture(self, step: int, name: str, picture: Picture) -> None:
        """Writes a picture of a step."""
        with _telling(step):
            for writer in self._writers:
                writer.picture(step, name, picture)

    def close(self) -> None:
        """Finishes all of them."""
        for writer in self._writers:
            with contextlib.suppress(OSError):  # what could not be written was told when it was given
                writer.close()

    def __enter__(self) -> "Writers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_writers(workdir: Path, first_step: int) -> Writers:
    """Opens `metrics.jsonl`, `tensorboard/` and `sheets/` of a run, in the first process; the others write nothing."""
    if jax.process_index() != 0:
        return Writers(())
    with _telling(first_step):
        workdir.mkdir(parents=True, exist_ok=True)
        lines = JsonLines(workdir / "metrics.jsonl", first_step)
        return Writers((lines, TensorBoard(workdir / "tensorboard", first_step + 1), Sheets(workdir / "sheets")))


@contextlib.contextmanager
def _telling(step: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"metrics of step {step} could not be written, checkpoints stay: {error}") from error


def _png(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(picture).save(buffer, format="png")
    return buffer.getvalue()
