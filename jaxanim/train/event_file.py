"""TensorBoard's event files without TensorFlow: numbers and PNG pictures, each in the file when it is given.

`tensorboardX`'s own writer keeps events for a thread, where a full disk goes unnoticed; only its encoding is used. A
file is a row of records: length (8 bytes), masked CRC-32C of the length (4), content, masked CRC-32C of the content.
"""

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import masked_crc32c

_RGB = 3


class EventFile:
    """Appends events to a new file of a folder; TensorBoard joins those of one folder.

    Args:
      folder: made if missing.
      first_step: from which on events of earlier files do not count: a run that was killed does these steps again.
    """

    def __init__(self, folder: Path, first_step: int = 0):
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{time.monotonic_ns()}"
        self._file = open(folder / name, "wb")  # noqa: SIM115
        self._write(Event(file_version="brain.Event:2"))
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
        self._file.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        content = event.SerializeToString()
        length = struct.pack("<Q", len(content))
        for part in (length, content):
            self._file.write(part + struct.pack("<I", masked_crc32c(part)))
        self._file.flush()
