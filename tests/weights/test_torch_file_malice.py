"""PyTorch files made to do harm: to run code, to read foreign memory, to change later readings, to exhaust memory.

Pickles are written here opcode by opcode, since no pickler would make them.
"""

import io
import pickle
import signal
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from jaxanim.core.errors import WeightsError
from jaxanim.weights import torch_file
from tests.weights import torch_writer

GOLDEN = Path(__file__).parents[1] / "golden" / "torch"
REFUSED = sorted(path.name for path in GOLDEN.glob("refused_*.pt"))
PLENTY_BYTES = 64 << 20  # far more than a file of some hundred bytes needs
PLENTY_SECONDS = 5.0

MARK, TUPLE, REDUCE, BUILD, EMPTY_DICT, SETITEMS, PERSID = b"(", b"t", b"R", b"b", b"}", b"u", b"Q"


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integer(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def group(*items: bytes) -> bytes:
    return MARK + b"".join(items) + TUPLE


def mapping(**entries: bytes) -> bytes:
    return EMPTY_DICT + MARK + b"".join(text(key) + value for key, value in entries.items()) + SETITEMS


FLOATS, REBUILD = name("torch", "FloatStorage"), name("torch._utils", "_rebuild_tensor_v2")
SYSTEM = name("os", "system") + group(text("echo ran > ran")) + REDUCE


def storage(size: int = 2) -> bytes:
    return group(text("storage"), FLOATS, text("0"), text("cpu"), integer(size)) + PERSID


def tensor(source: bytes, offset: bytes, size: bytes, stride: bytes) -> bytes:
    return REBUILD + group(source, offset, size, stride, b"\x89", EMPTY_DICT) + REDUCE


PAIR = tensor(storage(), integer(0), group(integer(2)), group(integer(1)))


def write_pickle(path: Path, body: bytes, protocol: int = 2) -> Path:
    """An archive with that pickle and one block of the two floats 1 and 2."""
    index = b"\x80" + bytes([protocol]) + body + b"."
    torch_writer.write_archive(path, index, [np.array([1, 2], np.float32).tobytes()])
    return path


@pytest.fixture
def in_folder(tmp_path, monkeypatch) -> Path:
    """The working folder, in which bait that is taken leaves a file called `ran`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def unharmed(monkeypatch):
    """Undoes what a file might change in the reader, so that a failing test fails alone."""
    kind = torch_file._KNOWN_NAMES["torch", "FloatStorage"]
    monkeypatch.setattr(kind, "name", kind.name)
    monkeypatch.setattr(torch_file.Tensor, "resolve", torch_file.Tensor.resolve)


def test_handmade_pickles_are_readable(tmp_path):
    """The parts that the tests below abuse are right when they are not abused."""
    read = torch_file.read_state_dict(write_pickle(tmp_path / "a.pt", mapping(w=PAIR)))
    np.testing.assert_array_equal(read["w"], [1.0, 2.0])


@pytest.mark.parametrize("body", [SYSTEM, name("__builtin__", "eval") + group(text("open('ran','w')")) + REDUCE])
def test_bait_is_live(in_folder, body):
    """What is refused below does run in Python's own unpickler."""
    pickle.load(io.BytesIO(b"\x80\x02" + body + b"."))
    assert (in_folder / "ran").exists()


@pytest.mark.parametrize("file", REFUSED)
def test_files_of_pytorch_that_name_code(in_folder, file):
    with pytest.raises(
        WeightsError, match=rf"{file}: refused: the file asks to run [\w.]+\.(system|eval|getattr|Linear)"
    ):
        torch_file.read_torch_file(GOLDEN / file)
    assert not (in_folder / "ran").exists()


def test_golden_bait_was_found():
    assert len(REFUSED) == 9


CALLS = {
    "reduce": SYSTEM,
    "inside a state dict": mapping(w=PAIR, v=SYSTEM),
    "as a storage": mapping(w=tensor(SYSTEM, integer(0), group(integer(2)), group(integer(1)))),
    "as a size": mapping(w=tensor(storage(), integer(0), SYSTEM, group(integer(1)))),
    "as a persistent id": group(text("storage"), FLOATS, SYSTEM, text("cpu"), integer(2)) + PERSID,
    "as a key": EMPTY_DICT + SYSTEM + PAIR + b"s",
    "inst": MARK + text("echo ran > ran") + b"ios\nsystem\n",
    "obj": MARK + name("os", "system") + text("echo ran > ran") + b"o",
    "newobj": name("subprocess", "Popen") + group(text("touch ran")) + b"\x81",
    "never called": name("os", "system"),
    "import": name("__builtin__", "__import__") + group(text("antigravity")) + REDUCE,
    "torch's own": name("torch._utils", "_import_dotted_name") + group(text("os.system")) + REDUCE,
    "torch module": name("torch", "load") + group(text("other.pt")) + REDUCE,
    "ordered dict's module": name("collections", "_sys") + EMPTY_DICT + BUILD,
}


@pytest.mark.parametrize("body", CALLS.values(), ids=CALLS)
def test_calls_are_refused(in_folder, body):
    with pytest.raises(WeightsError, match=r"a\.pt: refused: the file asks to run [\w.]+, which no plain checkpoint"):
        torch_file.read_torch_file(write_pickle(in_folder / "a.pt", body))
    assert not (in_folder / "ran").exists()


@pytest.mark.parametrize(
    ("module", "attribute"),
    [
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("torch._utils", "torch.os.system"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("torch", "FloatStorage.__class__"),
        ("os", "system"),
    ],
)
def test_dotted_names_of_new_pickles_are_refused(in_folder, module, attribute):
    """From protocol 4 on a name may walk through attributes; 0x93 takes module and name from the stack."""
    body = text(module) + text(attribute) + b"\x93" + group(text("echo ran > ran")) + REDUCE
    with pytest.raises(WeightsError, match="refused: the file asks to run"):
        torch_file.read_torch_file(write_pickle(in_folder / "a.pt", body, protocol=4))
    assert not (in_folder / "ran").exists()


CHANGES = {
    "tensor's size": mapping(w=PAIR + mapping(size=group(integer(6))) + BUILD),
    "tensor's stride": mapping(w=PAIR + mapping(stride=group(integer(9))) + BUILD),
    "tensor's offset": mapping(w=PAIR + mapping(offset=integer(1)) + BUILD),
    "storage's size": mapping(
        w=tensor(storage() + mapping(size=integer(9)) + BUILD, integer(0), group(integer(9)), group(integer(1)))
    ),
    "storage's type": storage() + mapping(is_bfloat16=b"\x88") + BUILD,
    "type's name": mapping(w=FLOATS + mapping(name=text("IntStorage")) + BUILD),
    "class of tensors": mapping(w=REBUILD + group(b"N", mapping(resolve=name("collections", "OrderedDict"))) + BUILD),
}


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("body", CHANGES.values(), ids=CHANGES)
def test_nothing_in_a_file_changes_the_reader(tmp_path, body):
    """BUILD sets attributes: of tensors after their shape was checked (foreign memory would be read), of the reader."""
    with pytest.raises(WeightsError):
        torch_file.read_torch_file(write_pickle(tmp_path / "a.pt", body))
    read = torch_file.read_state_dict(write_pickle(tmp_path / "good.pt", mapping(w=PAIR)))
    np.testing.assert_array_equal(read["w"], [1.0, 2.0])
    assert read["w"].dtype == np.float32


GEOMETRIES = {
    "one past the end": (0, (3,), (1,), "reaches past its data"),
    "offset past the end": (2, (1,), (1,), "reaches past its data"),
    "stride past the end": (0, (2,), (2,), "reaches past its data"),
    "rows past the end": (0, (2, 2), (1, 1), "reaches past its data"),
    "negative offset": (-1, (2,), (1,), "impossible shape"),
    "negative size": (0, (-2,), (1,), "impossible shape"),
    "negative stride": (1, (2,), (-1,), "impossible shape"),
    "huge offset": (2**63 - 1, (1,), (1,), "reaches past its data"),
    "huge size": (0, (2**62, 2**62), (0, 0), "not a readable PyTorch file|too often|too large"),
    "repeated without end": (0, (2**50,), (0,), "not a readable PyTorch file|too often|too large"),
    "strides of another number": (0, (2,), (1, 1), "not a readable PyTorch file|impossible shape"),
    "too many axes": (0, (1,) * 70, (0,) * 70, "not a readable PyTorch file|impossible shape"),
}


@pytest.mark.parametrize(("offset", "size", "stride", "message"), GEOMETRIES.values(), ids=GEOMETRIES)
def test_impossible_tensors(tmp_path, offset, size, stride, message):
    body = tensor(storage(), integer(offset), group(*map(integer, size)), group(*map(integer, stride)))
    with pytest.raises(WeightsError, match=message):
        torch_file.read_torch_file(write_pickle(tmp_path / "a.pt", mapping(w=body)))


ODD = {
    "text as offset": tensor(storage(), text("0"), group(integer(2)), group(integer(1))),
    "number as size": tensor(storage(), integer(0), integer(2), group(integer(1))),
    "float as size": tensor(storage(), integer(0), group(b"G" + struct.pack(">d", 2.0)), group(integer(1))),
    "number as storage": tensor(integer(0), integer(0), group(integer(2)), group(integer(1))),
    "too few arguments": REBUILD + group(storage()) + REDUCE,
    "made without arguments": REBUILD + group() + b"\x81",
    "type that is called": FLOATS + group() + REDUCE,
    "storage instead of a tensor": storage(),
    "type instead of a tensor": FLOATS,
    "unknown persistent id": text("somewhere") + PERSID,
    "persistent id of another kind": group(text("module"), FLOATS, text("0"), text("cpu"), integer(2)) + PERSID,
    "persistent id without type": group(text("storage"), text("float"), text("0"), text("cpu"), integer(2)) + PERSID,
    "persistent id that is short": group(text("storage"), FLOATS, text("0")) + PERSID,
    "size of a storage that is text": group(text("storage"), FLOATS, text("0"), text("cpu"), text("x")) + PERSID,
    "storage elsewhere": group(text("storage"), FLOATS, text("../version"), text("cpu"), integer(2)) + PERSID,
    "set": b"\x8f",
    "stack that is empty": REDUCE,
    "memo that is empty": b"h\x07",
    "unknown opcode": b"\xff",
    "extension": b"\x82\x01",
    "text longer than the file": b"X\xff\xff\xff\x7fabc",
    "bytes longer than memory": b"\x8e" + b"\xff" * 7 + b"\x7fabc",
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_odd_pickles_are_refused(tmp_path, body):
    with pytest.raises(WeightsError, match=r"a\.pt: "):
        torch_file.read_torch_file(write_pickle(tmp_path / "a.pt", mapping(w=body), protocol=4))


def test_part_of_a_storage(tmp_path):
    """Files of old versions may say that a storage is a piece of another; the sixth entry is None otherwise."""
    for sixth, refused in ((b"N", False), (group(text("1"), integer(0), integer(2)), True)):
        part = group(text("storage"), FLOATS, text("0"), text("cpu"), integer(2), sixth) + PERSID
        body = tensor(part, integer(0), group(integer(2)), group(integer(1)))
        write_pickle(tmp_path / "a.pt", mapping(w=body))
        if refused:
            with pytest.raises(
                WeightsError, match="share part of another's storage in the old layout are not supported"
            ):
                torch_file.read_state_dict(tmp_path / "a.pt")
        else:
            np.testing.assert_array_equal(torch_file.read_state_dict(tmp_path / "a.pt")["w"], [1.0, 2.0])


def test_keys_of_mappings_are_checked(tmp_path):
    """A tensor as a key would come out as a private object."""
    with pytest.raises(WeightsError):
        torch_file.read_torch_file(write_pickle(tmp_path / "a.pt", EMPTY_DICT + PAIR + integer(1) + b"s"))


def test_deep_nesting(tmp_path):
    for depth, refused in ((60, False), (70, True), (100_000, True)):
        write_pickle(tmp_path / "a.pt", b"]" * depth + b"a" * (depth - 1))
        if refused:
            with pytest.raises(WeightsError, match="nested too deeply"):
                torch_file.read_torch_file(tmp_path / "a.pt")
        else:
            assert str(torch_file.read_torch_file(tmp_path / "a.pt")) == "[" * depth + "]" * depth


class _TooSlow(BaseException):
    """Not an Exception, since the reader turns those into its own."""


@pytest.fixture
def time_limit():
    def stop(*_):
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, PLENTY_SECONDS)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("time_limit")
def test_shared_parts_are_not_multiplied(tmp_path):
    """Each of 60 lists holds the one before it twice: 300 bytes that must not become 2^60 lists."""
    body = b"]q\x00" + b"".join(
        b"]q" + bytes([n]) + b"(h" + bytes([n - 1]) + b"h" + bytes([n - 1]) + b"e" for n in range(1, 60)
    )
    write_pickle(tmp_path / "a.pt", body)
    try:
        content = torch_file.read_torch_file(tmp_path / "a.pt")
    except WeightsError:
        return
    except _TooSlow:
        pytest.fail(f"took more than {PLENTY_SECONDS} s")
    assert len(content) == 2


@pytest.mark.parametrize("put", [b"r" + struct.pack("<I", 20_000_000), b"p20000000\n"], ids=["binary", "text"])
def test_memo_is_not_a_way_to_take_memory(tmp_path, put):
    """Python's unpickler makes room for all memo numbers below the one it is given: here 320 MB, up to 64 GB."""
    write_pickle(tmp_path / "a.pt", EMPTY_DICT + put)
    tracemalloc.start()
    try:
        torch_file.read_torch_file(tmp_path / "a.pt")
    except WeightsError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < PLENTY_BYTES


def test_repeated_numbers_do_not_take_memory(tmp_path):
    """Two hundred views of 2^20 numbers each, all of the same two: 800 MB from a file of 40 kB."""
    view = tensor(storage(), integer(0), group(integer(2**20)), group(integer(0)))
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError):
            torch_file.read_torch_file(write_pickle(tmp_path / "a.pt", MARK + view * 200 + TUPLE))
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 4 * PLENTY_BYTES
