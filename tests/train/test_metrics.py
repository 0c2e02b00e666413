import io
import json
import struct

import numpy as np
import PIL.Image
import pytest

from jaxanim.train import event_file
from jaxanim.train.metrics import JsonLines, open_writers

PICTURE = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def records(path):
    """Reads an event file, with its checksums."""
    content, events = path.read_bytes(), []

    def masked(part):
        crc = event_file.crc32c(part)
        return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

    while content:
        (length,) = struct.unpack("<Q", content[:8])
        assert struct.unpack("<I", content[8:12])[0] == masked(content[:8])
        event = content[12 : 12 + length]
        assert struct.unpack("<I", content[12 + length : 16 + length])[0] == masked(event)
        events.append(event)
        content = content[16 + length :]
    return events


def fields(message):
    """Takes a protocol buffer apart: (field, value) in order."""
    found, at = [], 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = varint()
        size = {1: 8, 5: 4}.get(tag & 7)
        if tag & 7 == 0:
            found.append((tag >> 3, varint()))
            continue
        size = varint() if size is None else size
        found.append((tag >> 3, message[at : at + size]))
        at += size
    return found


def test_the_checksum_is_that_of_the_standard():
    assert event_file.crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert event_file.crc32c(b"") == 0
    assert event_file.crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


def test_events_hold_numbers_and_pictures(tmp_path):
    with open_writers(tmp_path, 0) as writers:
        writers.scalars(300, {"a/loss": 0.25, "b": -2.0})
        writers.picture(400, "sheet", PICTURE)
    (path,) = (tmp_path / "tensorboard").iterdir()
    version, start, numbers, picture = (fields(event) for event in records(path))
    assert (3, b"brain.Event:2") in version
    assert dict(start)[2] == 1
    assert fields(dict(start)[7]) == [(1, 1)]  # a session starts: what earlier files hold of this step on is void
    assert dict(numbers)[2] == 300
    values = [dict(fields(value)) for _, value in fields(dict(numbers)[5])]
    assert [(value[1], struct.unpack("<f", value[2])[0]) for value in values] == [(b"a/loss", 0.25), (b"b", -2.0)]
    assert dict(picture)[2] == 400
    value = dict(fields(dict(fields(dict(picture)[5]))[1]))
    image = dict(fields(value[4]))
    assert (value[1], image[1], image[2], image[3]) == (b"sheet", 5, 7, 3)
    assert np.array_equal(PIL.Image.open(io.BytesIO(image[4])), PICTURE)


def test_sheets_are_png_files(tmp_path):
    with open_writers(tmp_path, 0) as writers:
        writers.picture(12, "held/out", PICTURE)
    assert np.array_equal(PIL.Image.open(tmp_path / "sheets" / "held_out_00000012.png"), PICTURE)


@pytest.mark.parametrize("end", ['{"step": 8, "a"', "123\n", "{}\n"])
def test_lines_that_will_be_written_again_are_removed(tmp_path, end):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 2, "a": 1.0}\n{"step": 4, "a": 2.0}\n{"step": 6, "a": 3.0}\n' + end)
    lines = JsonLines(path, 4)
    lines.scalars(6, {"a": 5.0})
    lines.close()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 2, "a": 1.0},
        {"step": 4, "a": 2.0},
        {"step": 6, "a": 5.0},
    ]


@pytest.mark.parametrize("index", [1, 2])
def test_only_the_first_process_writes(tmp_path, monkeypatch, index):
    monkeypatch.setattr("jax.process_index", lambda: index)
    with open_writers(tmp_path / "run", 0) as writers:
        writers.scalars(1, {"a": 1.0})
    assert not (tmp_path / "run").exists()
