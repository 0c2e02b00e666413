"""TensorBoard's event files without TensorFlow: numbers and PNG pictures, each on the disk when it is given.

`tensorboardX`'s own writer keeps events for a thread, where a full disk goes unnoticed; only its encoding is used.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

_RGB = 3


class EventFile:
    """Appends events to a new file of a folder; TensorBoard joins those of one folder.

    Args:
      folder: made if missing.
      first_step: from which on events of earlier files do not count: a run that was killed does these steps again.
    """

    def __init__(self, folder: Path, first_step: int = 0):
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"), f".{os.getpid()}.{time.monotonic_ns()}")
        self._write(Event(step=first_step, session_log=SessionLog(status=SessionLog.START)))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes named numbers of a step."""
        entries = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(Event(step=step, summary=Summary(value=entries)))

    def picture(self, step: int, name: str, png: bytes, *, height: int, width: int) -> None:
        """Writes a picture of a step, RGB as a PNG file."""
        image = Summary.Image(height=height, width=width, colorspace=_RGB, encoded_image_string=png)
        self._write(Event(step=step, summary=Summary(value=[Summary.Value(tag=name, image=image)])))

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._writer.write_event(event)
        self._writer.flush()
