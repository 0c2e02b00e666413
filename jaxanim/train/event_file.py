"""TensorBoard's event files without TensorFlow: numbers and PNG pictures.

A file is a row of records: length (8 bytes), masked CRC-32C of the length (4), content, masked CRC-32C of the content.
The content is the protocol buffer `Event` of tensorflow/core/util/event.proto; only its fields used here are known.
"""

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_START = 1  # of a session
_POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), reflected


class EventFile:
    """Appends events to a new file of a folder; TensorBoard joins those of one folder.

    Args:
      folder: made if missing.
      first_step: from which on events of earlier files do not count: a run that was killed does these steps again.
    """

    def __init__(self, folder: Path, first_step: int = 0):
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        name = f"events.out.tfevents.{int(now)}.{socket.gethostname()}.{os.getpid()}.{time.monotonic_ns()}"
        self._file = open(folder / name, "wb")  # noqa: SIM115
        self._table = _crc_table()
        self._write(_float64(1, now) + _bytes(3, b"brain.Event:2"))
        self._write(_float64(1, now) + _integer(2, first_step) + _bytes(7, _integer(1, _START)))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes named numbers of a step."""
        summary = b"".join(_bytes(1, _bytes(1, name.encode()) + _float32(2, value)) for name, value in values.items())
        self._event(step, summary)

    def picture(self, step: int, name: str, png: bytes, *, height: int, width: int) -> None:
        """Writes a picture of a step, RGB as a PNG file."""
        image = _integer(1, height) + _integer(2, width) + _integer(3, 3) + _bytes(4, png)
        self._event(step, _bytes(1, _bytes(1, name.encode()) + _bytes(4, image)))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _event(self, step: int, summary: bytes) -> None:
        self._write(_float64(1, time.time()) + _integer(2, step) + _bytes(5, summary))

    def _write(self, content: bytes) -> None:
        length = struct.pack("<Q", len(content))
        self._file.write(length + self._masked_crc(length) + content + self._masked_crc(content))
        self._file.flush()

    def _masked_crc(self, content: bytes) -> bytes:
        crc = crc32c(content, self._table)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def crc32c(content: bytes, table: tuple[int, ...] | None = None) -> int:
    """Returns the CRC-32C of some bytes.

    Args:
      content: the bytes.
      table: as `_crc_table` makes it, where there are many to compute.
    """
    table = table or _crc_table()
    crc = 0xFFFFFFFF
    for byte in content:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)  # noqa: PLW2901
        table.append(value)
    return tuple(table)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(value)) + value


def _float32(field: int, value: float) -> bytes:
    return _varint(field << 3 | _FIXED32) + struct.pack("<f", value)


def _float64(field: int, value: float) -> bytes:
    return _varint(field << 3 | _FIXED64) + struct.pack("<d", value)
