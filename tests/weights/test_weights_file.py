"""Our weights files: round trip, cards, and files that are damaged, foreign, incomplete or of another system."""

import json
import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from jaxanim.core.errors import OutputError, WeightsError
from jaxanim.weights import name_table, weights_file
from jaxanim.weights.card import Card

CARD = Card("tha4-student", "Lämp 灯", "CC BY 4.0", "drawn by hand", {"steps": "100", "loss": "0.01"})
ARRAYS = {"params": {"face": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}, "bias": np.array([0.5, -0.0])}}


@pytest.fixture
def path(tmp_path) -> Path:
    """A weights file."""
    weights_file.write(tmp_path / "a.safetensors", CARD, ARRAYS)
    return tmp_path / "a.safetensors"


def rewrite(path: Path, flat: dict[str, np.ndarray], **changes: str | None) -> None:
    """Writes a file with another card, whose checksum is right; None leaves an entry out."""
    metadata = {
        "format": "jaxanim", "schema": "1", "system": "tha4-student", "name": "n", "licence": "l", "source": "s",
        "notes": "{}", "sha256": weights_file.content_hash(flat),
    }  # fmt: skip
    metadata = {name: value for name, value in (metadata | changes).items() if value is not None}
    safetensors.numpy.save_file(flat, path, metadata)


def assert_same(read, written):
    flat, expected = name_table.flatten(read), name_table.flatten(written)
    assert flat.keys() == expected.keys()
    for name, array in expected.items():
        assert flat[name].shape == array.shape, name
        assert flat[name].dtype == array.dtype, name
        assert flat[name].tobytes() == np.asarray(array).tobytes(), name


def test_round_trip(path):
    card, arrays = weights_file.read(path, system="tha4-student")
    assert card == CARD
    assert weights_file.read_card(path) == CARD
    assert_same(arrays, ARRAYS)


@pytest.mark.parametrize(
    "array",
    [
        np.array(2.5, np.float32),
        np.zeros((0, 3), np.float32),
        np.array([1, 255], np.uint8),
        np.array([-(2**63)]),
        np.array([True, False]),
        np.array([np.nan, -np.inf, -0.0], np.float16),
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        jnp.arange(3.0),
    ],
    ids=["scalar", "empty", "uint8", "int64", "bool", "special", "transposed", "jax"],
)
def test_round_trip_of_any_array(tmp_path, array):
    weights_file.write(tmp_path / "a.safetensors", CARD, {"x": array})
    assert_same(weights_file.read(tmp_path / "a.safetensors", system="tha4-student")[1], {"x": array})


def test_writing_replaces_the_old_file(path):
    weights_file.write(path, CARD, {"x": np.ones(2)})
    assert_same(weights_file.read(path, system="tha4-student")[1], {"x": np.ones(2)})
    assert [file.name for file in path.parent.iterdir()] == ["a.safetensors"]


def test_others_may_read_it_as_any_new_file(path, tmp_path):
    """safetensors writes files that only their owner may read."""
    (tmp_path / "new").touch()
    assert path.stat().st_mode == (tmp_path / "new").stat().st_mode


def test_any_safetensors_reader_reads_it(path):
    flat = safetensors.numpy.load_file(path)
    assert set(flat) == {"params/face/kernel", "params/bias"}


def test_notes_are_optional(tmp_path):
    card = Card("s", "n", "l", "o")
    weights_file.write(tmp_path / "a.safetensors", card, ARRAYS)
    assert weights_file.read_card(tmp_path / "a.safetensors").notes == {}


def test_every_flipped_bit_is_noticed(path):
    """Structure by safetensors, card fields by their names, numbers by the checksum; what is free text may change."""
    content = path.read_bytes()
    free = [CARD.name.encode(), CARD.licence.encode(), CARD.source.encode(), b"steps", b"100", b"loss", b"0.01"]
    free = [json.dumps(text.decode(), ensure_ascii=False).encode()[1:-1] for text in free]
    allowed = {
        spot for text in free for found in re.finditer(re.escape(text), content) for spot in range(*found.span())
    }
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            card, arrays = weights_file.read(path, system="tha4-student")
        except WeightsError:
            continue
        assert_same(arrays, ARRAYS)
        assert card == CARD or position in allowed, position


def test_flipped_number(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"a\.safetensors: damaged weights file \(its numbers do not match"):
        weights_file.read(path, system="tha4-student")
    assert weights_file.read_card(path) == CARD  # the card alone is still good


def test_swapped_names_are_noticed(path):
    """The checksum covers names, types and shapes too."""
    flat = {"a": np.zeros(2, np.float32), "b": np.ones(2, np.float32)}
    assert weights_file.content_hash(flat) != weights_file.content_hash({"a": flat["b"], "b": flat["a"]})
    assert weights_file.content_hash(flat) != weights_file.content_hash({"a": flat["a"].view(np.int32), "b": flat["b"]})
    assert weights_file.content_hash(flat) != weights_file.content_hash({"a": flat["a"][None], "b": flat["b"]})
    assert weights_file.content_hash(flat) == weights_file.content_hash(dict(reversed(flat.items())))


def test_every_truncation_is_noticed(path):
    content = path.read_bytes()
    for length in range(0, len(content), 5):
        path.write_bytes(content[:length])
        with pytest.raises(WeightsError, match=r"a\.safetensors: not a readable safetensors file"):
            weights_file.read(path, system="tha4-student")


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 16, (2**60).to_bytes(8, "little") + b"{}", b"PK\x03\x04" + b"\0" * 90]
)
def test_files_that_are_not_safetensors(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)
    for read in (weights_file.read_card, lambda path: weights_file.read(path, system="s")):
        with pytest.raises(WeightsError, match=r"a\.safetensors: not a readable safetensors file"):
            read(tmp_path / "a.safetensors")


def test_missing_file(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.safetensors: no such file"):
        weights_file.read_card(tmp_path / "none.safetensors")


def test_name_longer_than_any_file(tmp_path):
    with pytest.raises(WeightsError, match=r"File name too long|no such file|not a readable"):
        weights_file.read_card(tmp_path / ("a" * 300))


def test_folder(tmp_path):
    with pytest.raises(WeightsError, match=r"is a folder, a \.safetensors file was expected; `jaxanim convert` makes"):
        weights_file.read(tmp_path, system="tha4")


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_foreign_safetensors(tmp_path, metadata):
    safetensors.numpy.save_file({"w": np.zeros(2, np.float32)}, tmp_path / "a.safetensors", metadata)
    with pytest.raises(WeightsError, match=r"a\.safetensors: a safetensors file, but not one that jaxanim wrote"):
        weights_file.read(tmp_path / "a.safetensors", system="tha4")


def test_another_schema(tmp_path):
    rewrite(tmp_path / "a.safetensors", {"w": np.zeros(2)}, schema="2")
    with pytest.raises(WeightsError, match=r"written by another version of jaxanim \(schema 2\)"):
        weights_file.read_card(tmp_path / "a.safetensors")


def test_another_system(path):
    with pytest.raises(WeightsError, match="holds tha4-student weights, tha4 weights are needed here"):
        weights_file.read(path, system="tha4")


@pytest.mark.parametrize("field", ["system", "name", "licence", "source", "notes", "sha256"])
def test_missing_field(tmp_path, field):
    rewrite(tmp_path / "a.safetensors", {"w": np.zeros(2)}, **{field: None})
    with pytest.raises(WeightsError, match=f"its card lacks {field}$"):
        weights_file.read_card(tmp_path / "a.safetensors")


@pytest.mark.parametrize("notes", ["{", "", "[1, 2]", "3", '{"a": ', "[" * 100_000])
def test_damaged_notes(tmp_path, notes):
    rewrite(tmp_path / "a.safetensors", {"w": np.zeros(2)}, notes=notes)
    with pytest.raises(WeightsError, match=r"a\.safetensors: .*notes"):
        weights_file.read_card(tmp_path / "a.safetensors")


def test_numbers_that_numpy_does_not_know(tmp_path):
    """Whole and well-formed, but of a type of another library."""
    card = {"format": "jaxanim", "schema": "1", "notes": "{}", "sha256": "0"}
    card |= dict.fromkeys(("system", "name", "licence", "source"), "x")
    header = json.dumps({"__metadata__": card, "w": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}).encode()
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
    with pytest.raises(WeightsError, match=r"a\.safetensors: (damaged weights file|not a readable safetensors file)"):
        weights_file.read(tmp_path / "a.safetensors", system="x")


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b")])
def test_names_that_contradict_each_other(tmp_path, names):
    """One name cannot be an array and a group of arrays."""
    rewrite(tmp_path / "a.safetensors", {name: np.zeros(2) for name in names})
    with pytest.raises(WeightsError, match=r"a\.safetensors: "):
        weights_file.read(tmp_path / "a.safetensors", system="tha4-student")


def test_failure_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def fail(flat, file, metadata):
        Path(file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.numpy, "save_file", fail)
    with pytest.raises(OutputError, match=r"a\.safetensors: cannot be written \(No space left on device\)"):
        weights_file.write(path, CARD, {"x": np.zeros(1)})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["a.safetensors"]


def test_writing_to_a_folder(tmp_path):
    with pytest.raises(OutputError, match="is a folder, a file name was expected"):
        weights_file.write(tmp_path, CARD, ARRAYS)
