"""Pickles of arrays are read as Python's own unpickler reads them, and nothing in them runs."""

import pickle
import struct
import sys
import tracemalloc
import types
import zipfile

import numpy as np
import pytest
import scipy.sparse

from jaxanim.core.errors import InputError
from jaxanim.weights import numpy_pickle

GRID = np.arange(6, dtype=np.float64).reshape(2, 3)
CONTENT = {
    "float64": GRID,
    "big_endian": GRID.astype(">f4"),
    "fortran": np.asfortranarray(GRID),
    "unsigned": np.array([2**32 - 1, 0], np.uint32),
    "scalar": np.float32(1.5),
    "nested": [(GRID, "text", None, 3)],
    "columns": scipy.sparse.csc_matrix([[0, 2.0], [3, 0]]),
    "rows": scipy.sparse.csr_matrix([[0, 2.0], [3, 0]]),
}


class Harm:
    def __reduce__(self):
        return eval, ("open('ran', 'w')",)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, data):
    path = folder / "a.pkl"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_arrays_of_all_kinds(folder, protocol):
    read = numpy_pickle.read_pickle(write(folder, pickle.dumps(CONTENT, protocol)))
    assert list(read) == list(CONTENT)
    for name in ("float64", "big_endian", "fortran", "unsigned", "scalar"):
        np.testing.assert_array_equal(read[name], CONTENT[name])
        assert read[name].dtype == CONTENT[name].dtype
    np.testing.assert_array_equal(read["nested"][0][0], GRID)
    assert read["nested"][0][1:] == ("text", None, 3)
    for name in ("columns", "rows"):
        np.testing.assert_array_equal(read[name], [[0, 2], [3, 0]])


def python_2_pickle() -> bytes:
    """`pickle.dumps(np.array([-1.5, 258.0]))` of Python 2, protocol 0: bytes are text with escapes."""
    numbers = repr(struct.pack("<2d", -1.5, 258.0))[1:].encode()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\np3\ntp4\nRp5\n"
        b"(I1\n(I2\ntp6\ncnumpy\ndtype\np7\n(S'f8'\np8\nI0\nI1\ntp9\nRp10\n(I3\nS'<'\np11\nNNNI-1\nI-1\nI0\ntp12\nb"
        b"I00\nS" + numbers + b"\np13\ntp14\nb."
    )


def test_python_2(folder):
    read = numpy_pickle.read_pickle(write(folder, python_2_pickle()))
    np.testing.assert_array_equal(read, [-1.5, 258.0])


def chumpy_pickle(monkeypatch, state, protocol=2):
    """What chumpy's classes leave in a file, without chumpy: a package of that name, for as long as it is written."""
    module = types.ModuleType("chumpy.ch")
    module.Ch = type("Ch", (), {"__module__": "chumpy.ch"})
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
        patch.setitem(sys.modules, "chumpy.ch", module)
        variable = module.Ch()
        variable.__dict__.update(state)
        return pickle.dumps({"v": variable}, protocol)


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_chumpy_variables_without_chumpy(folder, monkeypatch, protocol):
    data = chumpy_pickle(monkeypatch, {"x": GRID, "_dirty_vars": {"x"}, "_itr": None}, protocol)
    assert "chumpy" not in sys.modules
    np.testing.assert_array_equal(numpy_pickle.read_pickle(write(folder, data))["v"], GRID)


def test_chumpy_expressions_are_refused(folder, monkeypatch):
    with pytest.raises(InputError, match=r"a\.pkl: it holds a chumpy expression"):
        numpy_pickle.read_pickle(write(folder, chumpy_pickle(monkeypatch, {"a": GRID, "idxs": [0]})))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_is_refused_and_not_run(folder, protocol):
    data = pickle.dumps({"v_template": GRID, "harm": Harm()}, protocol)
    with pytest.raises(InputError, match=r"a\.pkl: refused: the file asks to run \w+\.eval"):
        numpy_pickle.read_pickle(write(folder, data))
    assert not (folder / "ran").exists()
    pickle.loads(data)
    assert (folder / "ran").exists(), "the bait must be live"


ATTACKS = {
    "chumpy without a state": b"\x80\x02cchumpy.ch\nCh\n)\x81.",
    "system": b"cos\nsystem\n(S'echo > ran'\ntR.",
    "inst": b"(S'echo > ran'\nios\nsystem\n.",
    "inside chumpy": b"\x80\x02cchumpy.ch\nCh\n)\x81}S'x'\ncos\nsystem\n(S'echo > ran'\ntRsb.",
    "inside reconstruct": b"ccopy_reg\n_reconstructor\n(cos\nsystem\nc__builtin__\nobject\nNtR.",
    "reconstruct a function": b"ccopy_reg\n_reconstructor\n(ccollections\nOrderedDict\nc__builtin__\nobject\nNtR.",
    "load of numpy": b"cnumpy\nload\n(S'a.npy'\ntR.",
    "persistent": b"Pother\n.",
    "extension": b"\x80\x02\x82\x01.",
}


@pytest.mark.parametrize("data", ATTACKS.values(), ids=ATTACKS)
def test_attacks(folder, data):
    with pytest.raises(InputError) as caught:
        numpy_pickle.read_pickle(write(folder, data))
    assert "\n" not in str(caught.value)
    assert not (folder / "ran").exists()


CHANGES = {
    "class of arrays": b"\x80\x02cnumpy\nndarray\nN}S'data'\nS'x'\ns\x86b.",
    "class of types": b"\x80\x02cnumpy\ndtype\nN}S'resolve'\nN s\x86b.".replace(b"N s", b"Ns"),
    "a function": b"\x80\x02c_codecs\nencode\n}S'_function'\nNsb.",
    "a function's slots": b"\x80\x02c_codecs\nencode\nN}S'_function'\nNs\x86b.",
}


@pytest.mark.parametrize("data", CHANGES.values(), ids=CHANGES)
def test_nothing_in_a_file_changes_the_reader(folder, data):
    with pytest.raises(InputError):
        numpy_pickle.read_pickle(write(folder, data))
    read = numpy_pickle.read_pickle(write(folder, pickle.dumps(GRID, 2)))
    np.testing.assert_array_equal(read, GRID)


def broken_sparse(**change):
    matrix = CONTENT["columns"].copy()
    for name, value in change.items():
        matrix.__dict__[name] = value
    return pickle.dumps(matrix, 2)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(GRID, 2).replace(b"K\x02K\x03", b"K\x02K\x04"),
        broken_sparse(indices=np.array([1, 200], np.int32)),
        broken_sparse(_shape=(2**20, 2**20)),
        pickle.dumps(np.array(["a", GRID], object), 2),
        pickle.dumps(np.array([1 + 2j]), 2),
    ],
    ids=["shape", "index out of range", "far larger than the file", "objects", "complex"],
)
def test_impossible_arrays(folder, data):
    with pytest.raises(InputError, match=r"a\.pkl: "):
        numpy_pickle.read_pickle(write(folder, data))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated(folder, share):
    data = pickle.dumps(CONTENT, 2)
    with pytest.raises(InputError, match=r"a\.pkl: (a damaged or truncated file|not a readable pickle)"):
        numpy_pickle.read_pickle(write(folder, data[: int(len(data) * share)]))


def test_missing_file(folder):
    with pytest.raises(InputError, match=r"none\.pkl: cannot be read \(No such file"):
        numpy_pickle.read_pickle(folder / "none.pkl")


def test_npy_of_numbers_and_of_one_object(folder):
    np.save(folder / "numbers.npy", GRID)
    np.testing.assert_array_equal(numpy_pickle.read_npy(folder / "numbers.npy"), GRID)
    np.save(folder / "object.npy", np.array({"grid": GRID}, object), allow_pickle=True)
    np.testing.assert_array_equal(numpy_pickle.read_npy(folder / "object.npy")["grid"], GRID)


def test_npy_with_code(folder):
    np.save(folder / "a.npy", np.array({"harm": Harm()}, object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy: refused: the file asks to run \w+\.eval"):
        numpy_pickle.read_npy(folder / "a.npy")
    assert not (folder / "ran").exists()


def test_npz(folder):
    np.savez_compressed(folder / "a.npz", x=np.arange(3), y=np.eye(2, dtype=np.float32))
    arrays = numpy_pickle.read_npz(folder / "a.npz")
    assert sorted(arrays) == ["x", "y"]
    np.testing.assert_array_equal(arrays["y"], np.eye(2))


def test_npz_too_large_once_unpacked(folder):
    np.savez_compressed(folder / "a.npz", x=np.zeros(10_000))
    with pytest.raises(InputError, match=r"a\.npz: unpacks to 80128 bytes, more than 50000"):
        numpy_pickle.read_npz(folder / "a.npz", max_bytes=50_000)


@pytest.mark.parametrize("share", [0, 0.2, 0.9])
def test_damaged_npz(folder, share):
    path = folder / "a.npz"
    np.savez(path, x=np.arange(1000))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"a\.npz: not a readable \.npz file, or a damaged one"):
        numpy_pickle.read_npz(path)


def test_npz_of_objects(folder):
    np.savez(folder / "a.npz", x=np.array([{}, None], object))
    with pytest.raises(InputError, match="damaged one"):
        numpy_pickle.read_npz(folder / "a.npz")


def test_a_claim_of_more_bytes_than_there_are_takes_no_memory(folder):
    path = write(folder, b"\x80\x05" + pickle.BYTEARRAY8 + struct.pack("<Q", 1 << 30) + b"few.")
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="it holds a bytearray, which no plain array file needs"):
            numpy_pickle.read_pickle(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


def test_members_that_are_no_arrays(folder):
    path = folder / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("vertices", b"text")
    with pytest.raises(InputError, match="holds 'vertices', which is no array"):
        numpy_pickle.read_npz(path)
