"""Datasets on disk: what was written is read, and damage of any byte is noticed and costs that record alone."""

import itertools
import json
from concurrent import futures

import numpy as np
import pytest

from jaxanim.core.errors import InputError, OutputError
from jaxanim.data import CorruptRecordError, Loader, pictures, record_folder
from jaxanim.data.record_folder import RecordFolder, Subset, write_shard

SHARDS, EACH = 3, 8


def picture(number):
    return np.random.default_rng(number).integers(0, 256, (24, 24, 3), dtype=np.uint8)


def rows(shard):
    for number in range(shard * EACH, (shard + 1) * EACH):
        record = {"image": pictures.encode(picture(number)), "number": np.asarray(number, np.int32)}
        yield record, {"person": number // 4, "clip": f"clip {number}"}


@pytest.fixture
def folder(tmp_path):
    about = {"format": 1, "name": "x", "shards": SHARDS, "fields": {"image": "rgb", "number": "array"}, "options": {}}
    (tmp_path / "dataset.json").write_text(json.dumps(about))
    for shard in range(SHARDS):
        write_shard(tmp_path, shard, SHARDS, rows(shard), [])
    return tmp_path


def test_reads_what_was_written(folder):
    source = RecordFolder(folder)
    assert len(source) == 24
    for number in (0, 7, 8, 23):
        record = source[number]
        assert record["number"] == number
        assert record["number"].dtype == np.int32
        np.testing.assert_array_equal(record["image"], picture(number))
    np.testing.assert_array_equal(source.columns["person"], np.arange(24) // 4)
    assert source.columns["clip"][10] == "clip 10"
    with pytest.raises(InputError, match=r"no column 'emotion', but clip, person"):
        source.columns["emotion"]


def test_a_subset(folder):
    source = Subset(RecordFolder(folder), np.array([5, 3]))
    assert [int(source[i]["number"]) for i in range(len(source))] == [5, 3]
    with pytest.raises(ValueError, match=r"lie in \[0, 24\), lie in \[3, 24\]"):
        Subset(RecordFolder(folder), np.array([3, 24]))


def flip_byte(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 0xFF
    path.write_bytes(data)


def test_no_flipped_byte_gives_a_wrong_picture(folder):
    """Read by several threads at once, the other records are right."""
    path = folder / "00001-of-00003.array_record"
    whole = path.read_bytes()
    used = len(whole.rstrip(b"\0"))
    noticed = 0
    for offset in np.linspace(70, min(used, 8 * 1900), 25).astype(int):
        path.write_bytes(whole)
        flip_byte(path, offset)
        source = RecordFolder(folder)

        def read(number, source=source):
            try:
                np.testing.assert_array_equal(source[number]["image"], picture(number))
            except CorruptRecordError as error:
                return number, str(error)
            return None

        with futures.ThreadPoolExecutor(4) as threads:
            damaged = [found for found in threads.map(read, range(24)) if found]
        assert len(damaged) <= 1
        for number, message in damaged:
            assert f"00001-of-00003.array_record, record {number - 8}: Corrupted" in message
        noticed += len(damaged)
    assert noticed >= 20


def test_damage_to_the_index_of_a_file(folder):
    path = folder / "00001-of-00003.array_record"
    flip_byte(path, len(path.read_bytes()) - 65536 + 30)  # the index stands 64 KB before the end
    with pytest.raises(InputError, match=r"the index at the end of 00001-of-00003\.array_record is damaged"):
        RecordFolder(folder)


def test_a_file_that_disappears_is_no_damaged_record(folder):
    source = RecordFolder(folder)
    (folder / "00001-of-00003.array_record").unlink()
    with pytest.raises(InputError, match="No such file") as error:
        source[9]
    assert not isinstance(error.value, CorruptRecordError)


def test_the_loader_goes_on_without_a_damaged_record(folder):
    flip_byte(folder / "00000-of-00003.array_record", 1000)
    loader = Loader(RecordFolder(folder), seed=0, batch_size=4)
    with loader.batches(0, threads=3, ahead=4) as batches:
        seen = np.concatenate([batch["number"] for batch in itertools.islice(batches, 12)])
        (damaged,) = batches.corrupt
    assert set(seen) == set(range(24)) - {damaged}
    assert damaged < 8


def test_a_record_of_other_fields(folder):
    write_shard(folder, 2, SHARDS, [({"other": np.zeros(1)}, {"person": 0, "clip": "c"})] * EACH, [])
    with pytest.raises(CorruptRecordError, match=r"00002.*record 1: holds \['other'\], not \['image', 'number'\]"):
        RecordFolder(folder)[17]


def test_incomplete_datasets(folder):
    path = folder / "00001-of-00003.array_record"
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(InputError, match=f"00001.*has {len(whole) - 10} bytes, {len(whole)} were written"):
        RecordFolder(folder)
    path.unlink()
    with pytest.raises(InputError, match=r"00001.*has 0 bytes"):
        RecordFolder(folder)
    (folder / "00001-of-00003.json").unlink()
    with pytest.raises(InputError, match="1 of 3 shards are not built, first 00001-of-00003"):
        RecordFolder(folder)
    (folder / "dataset.json").write_text('{"format": 2}')
    with pytest.raises(InputError, match="of format 2, 1 can be read"):
        RecordFolder(folder)
    (folder / "dataset.json").write_text("{")
    with pytest.raises(InputError, match=r"dataset\.json: damaged"):
        RecordFolder(folder)
    (folder / "dataset.json").unlink()
    with pytest.raises(InputError, match="is this the folder of a dataset"):
        RecordFolder(folder)


def test_a_shard_is_written_whole_or_not_at_all(tmp_path):
    def failing():
        yield from itertools.islice(rows(0), 3)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_shard(tmp_path, 0, 1, failing(), [])
    assert list(tmp_path.iterdir()) == []
    assert not record_folder.is_written(tmp_path, 0, 1)


def test_a_full_disk_is_said_in_one_line(tmp_path, monkeypatch):
    class Full(record_folder.array_record_module.ArrayRecordWriter):
        def close(self):
            super().close()
            raise RuntimeError("write() failed: No space left on device")

    monkeypatch.setattr(record_folder.array_record_module, "ArrayRecordWriter", Full)
    with pytest.raises(
        OutputError, match=r"00000-of-00001\.array_record: cannot be written \(write\(\) failed: No space"
    ):
        record_folder.write_shard(tmp_path, 0, 1, [({"a": np.zeros(3)}, {"clip": 1})], [])
    assert not list(tmp_path.iterdir())
