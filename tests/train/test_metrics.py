import io
import json
import struct

import numpy as np
import PIL.Image
import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import masked_crc32c

from jaxanim.train.metrics import JsonLines, open_writers

PICTURE = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def events(path):
    """Reads an event file: rows of length, its masked CRC-32C, content, the content's masked CRC-32C."""
    content, found = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        assert struct.unpack("<I", content[8:12])[0] == masked_crc32c(content[:8])
        assert struct.unpack("<I", content[12 + length : 16 + length])[0] == masked_crc32c(content[12 : 12 + length])
        found.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return found


def test_events_hold_numbers_and_pictures(tmp_path):
    with open_writers(tmp_path, 0) as writers:
        writers.scalars(300, {"a/loss": 0.25, "b": -2.0})
        writers.picture(400, "sheet", PICTURE)
    (path,) = (tmp_path / "tensorboard").iterdir()
    version, start, numbers, picture = events(path)
    assert version.file_version == "brain.Event:2"
    assert (start.step, start.session_log.status) == (1, SessionLog.START)  # what earlier files hold from here is void
    assert numbers.step == 300
    assert [(value.tag, value.simple_value) for value in numbers.summary.value] == [("a/loss", 0.25), ("b", -2.0)]
    assert picture.step == 400
    (value,) = picture.summary.value
    assert (value.tag, value.image.height, value.image.width, value.image.colorspace) == ("sheet", 5, 7, 3)
    assert np.array_equal(PIL.Image.open(io.BytesIO(value.image.encoded_image_string)), PICTURE)


def test_events_are_in_the_file_when_they_are_given(tmp_path):
    with open_writers(tmp_path, 0) as writers:
        writers.scalars(1, {"a": 1.0})
        (path,) = (tmp_path / "tensorboard").iterdir()
        assert [event.step for event in events(path)] == [0, 1, 1]


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
