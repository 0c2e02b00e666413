"""Reading PyTorch files: files of PyTorch itself, files made here, and damaged ones.

`tests/golden/torch/make.py` made the golden files; `expected.npz` holds what PyTorch says is in them.
"""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from jaxanim.core.errors import WeightsError
from jaxanim.weights import torch_file
from tests.weights import torch_writer

GOLDEN = Path(__file__).parents[1] / "golden" / "torch"
SPARE_BYTES = 1 << 30  # how much more memory a damaged file of a few kB may take before the test stops it


@pytest.fixture
def bounded_memory():
    """Turns memory that grows without bound into MemoryError, for files that damage makes absurd."""
    resource = pytest.importorskip("resource")
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + SPARE_BYTES, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "expected.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def same(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> bool:
    """Whether two state dicts agree to the last bit, in the same order."""
    return [(name, array.dtype, array.shape, array.tobytes()) for name, array in first.items()] == [
        (name, array.dtype, array.shape, array.tobytes()) for name, array in second.items()
    ]


@pytest.mark.parametrize("name", ["state_dict.pt", "state_dict_legacy.pt"])
def test_state_dict_of_pytorch(name, expected):
    """All types, shared and strided storages, 0-d and empty tensors, parameters, hidden metadata."""
    read = torch_file.read_state_dict(GOLDEN / name)
    assert list(read) == list(expected)
    for key, array in expected.items():
        assert read[key].dtype == array.dtype, key
        assert read[key].shape == array.shape, key
        assert read[key].tobytes() == array.tobytes(), key


def test_hand_checked_values_of_pytorch():
    read = torch_file.read_state_dict(GOLDEN / "state_dict.pt")
    np.testing.assert_array_equal(read["shared.transposed"], [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]])
    np.testing.assert_array_equal(read["shared.sliced"], [[5, 7], [9, 11]])
    np.testing.assert_array_equal(read["shared.expanded"], np.full((2, 3), 2.0))
    np.testing.assert_array_equal(read["bfloat16"][6], 3.140625)
    assert read["bfloat16"].dtype == np.float32
    assert read["scalar"].shape == ()


def test_arrays_are_independent_copies():
    read = torch_file.read_state_dict(GOLDEN / "state_dict.pt")
    read["shared.rows"][0, 0] = 99.0
    assert read["shared.whole"][0] == 0.0


@pytest.mark.parametrize("name", ["nested.pt", "nested_legacy.pt"])
def test_nested_content(name):
    read = torch_file.read_torch_file(GOLDEN / name)
    np.testing.assert_array_equal(read["model"].pop("w"), [1.0, 2.0])
    assert read == {"model": {}, "step": 3, "rate": 0.5, "more": [("a", None), True]}


def test_nested_content_is_no_state_dict():
    with pytest.raises(WeightsError, match=r"nested\.pt: expected a state dict, but entry 'model' is a dict"):
        torch_file.read_state_dict(GOLDEN / "nested.pt")


@pytest.mark.parametrize(("content", "found"), [([1, 2], "list"), ({}, "dict"), (3, "int")])
def test_other_content_is_no_state_dict(tmp_path, content, found):
    torch_writer.write(tmp_path / "a.pt", content)
    with pytest.raises(WeightsError, match=rf"a\.pt: expected a state dict \(names -> tensors\), found {found}"):
        torch_file.read_state_dict(tmp_path / "a.pt")


def test_names_must_be_text(tmp_path):
    torch_writer.write(tmp_path / "a.pt", {3: np.zeros(2, np.float32)})
    with pytest.raises(WeightsError, match="entry 3 is a"):
        torch_file.read_state_dict(tmp_path / "a.pt")


def test_writer_round_trip(tmp_path):
    """The tests' own writer makes what the reader reads, for all types that it knows."""
    content = {name: np.arange(6).reshape(2, 3).astype(name) for name in torch_writer.STORAGE_NAMES if "bf" not in name}
    content |= {"scalar": np.array(2.5, np.float32), "empty": np.zeros((0, 3), np.float32)}
    content["strided"] = np.arange(6, dtype=np.float32).reshape(2, 3).T
    torch_writer.write(tmp_path / "a.pt", content)
    assert same(torch_file.read_state_dict(tmp_path / "a.pt"), content)


def test_bfloat16_becomes_float32(tmp_path):
    values = np.array([0.0, -1.5, 3.140625, 1e38, np.inf], np.float32)
    torch_writer.write(tmp_path / "a.pt", {"w": values.astype(ml_dtypes.bfloat16)})
    read = torch_file.read_state_dict(tmp_path / "a.pt")["w"]
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, values.astype(ml_dtypes.bfloat16).astype(np.float32))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.pt: cannot be read \(No such file"):
        torch_file.read_state_dict(tmp_path / "none.pt")
    with pytest.raises(WeightsError, match=r"cannot be read \(Is a directory"):
        torch_file.read_state_dict(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 64, b"hello\n", b"\x89PNG\r\n\x1a\n", b"\x80\x02K\x01.", b"\x80\x02N." * 4]
)
def test_other_files(tmp_path, content):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=r"a\.pt: .*(not a|unknown way|refused)"):
        torch_file.read_state_dict(tmp_path / "a.pt")


def test_other_archives(tmp_path):
    np.savez(tmp_path / "a.npz", w=np.zeros(3))
    with pytest.raises(WeightsError, match=r"not a PyTorch archive \(no data.pkl\)"):
        torch_file.read_state_dict(tmp_path / "a.npz")


def test_scripted_module_is_named_as_such():
    with pytest.raises(WeightsError, match=r"scripted\.pt: .*script"):
        torch_file.read_state_dict(GOLDEN / "scripted.pt")


def test_two_indices(tmp_path):
    index, blocks = torch_writer.pickle_content({"w": np.zeros(2, np.float32)})
    torch_writer.write_archive(tmp_path / "a.pt", index, blocks, more={"inner/data.pkl": index})
    assert list(torch_file.read_state_dict(tmp_path / "a.pt")) == ["w"]  # the inner one is none
    with zipfile.ZipFile(tmp_path / "a.pt", "a") as archive:
        archive.writestr("second/data.pkl", index)
    with pytest.raises(WeightsError, match="not a PyTorch archive"):
        torch_file.read_state_dict(tmp_path / "a.pt")


def test_big_endian_archive(tmp_path):
    index, blocks = torch_writer.pickle_content({"w": np.zeros(2, np.float32)})
    torch_writer.write_archive(tmp_path / "a.pt", index, blocks, more={"byteorder": b"big"})
    with pytest.raises(WeightsError, match="big-endian files are not supported"):
        torch_file.read_state_dict(tmp_path / "a.pt")


def test_big_endian_legacy(tmp_path):
    content = (GOLDEN / "state_dict_legacy.pt").read_bytes()
    assert content.count(b"little_endianq\x02\x88") == 1
    (tmp_path / "a.pt").write_bytes(content.replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89"))
    with pytest.raises(WeightsError, match="big-endian files are not supported"):
        torch_file.read_state_dict(tmp_path / "a.pt")


def test_unknown_legacy_protocol(tmp_path):
    content = (GOLDEN / "state_dict_legacy.pt").read_bytes()
    protocol = b"\x80\x02M\xe9\x03."  # 1001
    assert content.count(protocol) == 1
    (tmp_path / "a.pt").write_bytes(content.replace(protocol, b"\x80\x02M\xea\x03."))
    with pytest.raises(WeightsError, match="not a PyTorch file"):
        torch_file.read_state_dict(tmp_path / "a.pt")


def test_blocks_of_another_size(tmp_path):
    index, blocks = torch_writer.pickle_content({"w": np.zeros(3, np.float32)})
    for block in (blocks[0][:-4], blocks[0] + b"\0"):
        torch_writer.write_archive(tmp_path / "a.pt", index, [block])
        with pytest.raises(WeightsError, match=f"a tensor has {len(block)} bytes instead of 12"):
            torch_file.read_state_dict(tmp_path / "a.pt")


def test_missing_block(tmp_path):
    index, _ = torch_writer.pickle_content({"w": np.zeros(3, np.float32)})
    torch_writer.write_archive(tmp_path / "a.pt", index, [])
    with pytest.raises(WeightsError, match="data/0"):
        torch_file.read_state_dict(tmp_path / "a.pt")


def test_large_index(tmp_path, monkeypatch):
    torch_writer.write(tmp_path / "a.pt", {"w": np.zeros(3, np.float32)})
    monkeypatch.setattr(torch_file, "_MAX_PICKLE_BYTES", 100)
    with pytest.raises(WeightsError, match="its index is larger than"):
        torch_file.read_state_dict(tmp_path / "a.pt")


def test_truncated_archive_is_called_so(tmp_path):
    """The commonest damage, a broken download, must not be reported as something strange in the file."""
    content = (GOLDEN / "state_dict.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match=r"a\.pt: .*(truncated|incomplete)"):
        torch_file.read_state_dict(tmp_path / "a.pt")


def read_or_refuse(path: Path, content: bytes) -> dict[str, np.ndarray] | None:
    """Reads a file of that content; None if it is refused. Any other error than WeightsError fails the test."""
    path.write_bytes(content)
    try:
        return torch_file.read_state_dict(path)
    except WeightsError:
        return None


@pytest.fixture
def small(tmp_path) -> bytes:
    """A small archive with two tensors."""
    content = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([7, 8], np.int64)}
    torch_writer.write(tmp_path / "small.pt", content)
    return (tmp_path / "small.pt").read_bytes()


def test_every_truncation_of_an_archive(tmp_path, small):
    for length in range(len(small)):
        assert read_or_refuse(tmp_path / "a.pt", small[:length]) is None, length


def test_every_flipped_bit_of_an_archive(tmp_path, small):
    """One bit in every byte: refused, or what was flipped did not matter; never other numbers."""
    good = torch_file.read_state_dict(tmp_path / "small.pt")
    refused = 0
    for position in range(len(small)):
        damaged = bytearray(small)
        damaged[position] ^= 1 << position % 8
        read = read_or_refuse(tmp_path / "a.pt", bytes(damaged))
        assert read is None or same(read, good), position
        refused += read is None
    assert refused > len(small) // 2


@pytest.mark.parametrize("name", ["state_dict.pt", "nested.pt", "refused_system.pt"])
def test_overwritten_stretches_of_pytorch_archives(tmp_path, monkeypatch, expected, name):
    monkeypatch.chdir(tmp_path)
    content = (GOLDEN / name).read_bytes()
    for position in range(0, len(content), 29):
        damaged = content[:position] + b"\xff" * 5 + content[position + 5 :]
        read = read_or_refuse(tmp_path / "a.pt", damaged)
        assert read is None or (name == "state_dict.pt" and same(read, expected)), position
    assert not (tmp_path / "ran").exists()


@pytest.mark.usefixtures("bounded_memory")
@pytest.mark.parametrize("name", ["state_dict_legacy.pt", "refused_system_legacy.pt", "refused_hidden_legacy.pt"])
def test_damaged_legacy_files(tmp_path, monkeypatch, name):
    """The old layout has no checksums: numbers may differ, but nothing else may happen than arrays or a refusal."""
    monkeypatch.chdir(tmp_path)
    content = (GOLDEN / name).read_bytes()
    for position in range(0, len(content), 5):  # 5 and 8 have no common divisor: every bit of a byte gets its turn
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        read = read_or_refuse(tmp_path / "a.pt", bytes(damaged))
        assert read is None or all(isinstance(array, np.ndarray) for array in read.values()), position
    assert not (tmp_path / "ran").exists()


def test_truncated_legacy_files(tmp_path):
    content = (GOLDEN / "state_dict_legacy.pt").read_bytes()
    for length in (*range(0, len(content), 13), len(content) - 1):
        assert read_or_refuse(tmp_path / "a.pt", content[:length]) is None, length


def test_golden_files_do_not_change_by_being_read(tmp_path):
    shutil.copy(GOLDEN / "state_dict.pt", tmp_path / "a.pt")
    before = (tmp_path / "a.pt").read_bytes()
    torch_file.read_state_dict(tmp_path / "a.pt")
    assert (tmp_path / "a.pt").read_bytes() == before
