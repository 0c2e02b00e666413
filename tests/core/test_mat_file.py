"""Numbers come back; what is not numbers, or would not fit, is refused before it is read."""

import io
import struct
import zlib

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from jaxanim.core import mat_file
from jaxanim.core.errors import InputError


def written(**arrays):
    compress = arrays.pop("compress", False)
    data = io.BytesIO()
    scipy.io.savemat(data, arrays, do_compression=compress)
    return data.getvalue()


@pytest.mark.parametrize("compress", [False, True])
def test_round_trip(compress):
    data = written(a=np.float32([[1.5, 2]]), b=np.uint8([[7]]), c={"x": 1}, compress=compress)
    read = mat_file.parse(data, "f", ("a",), optional=("b", "none"), max_bytes=10_000)
    np.testing.assert_array_equal(read["a"], np.float64([[1.5, 2]]))
    assert (read["a"].dtype, read["b"].dtype, sorted(read)) == (np.float64, np.uint8, ["a", "b"])


def test_numbers_stored_as_smaller_ones():
    """MATLAB keeps whole doubles in bytes, in a small element if they are few; both orders of bytes exist."""
    for order, end in (("<", b"IM"), (">", b"MI")):
        flags = struct.pack(f"{order}IIII", 6, 8, 6, 0)  # double
        shape = struct.pack(f"{order}IIii", 5, 8, 1, 3)
        name = struct.pack(f"{order}I", 1 << 16 | 1) + b"a\0\0\0"
        numbers = struct.pack(f"{order}I", 3 << 16 | 2) + bytes([7, 8, 250, 0])  # three bytes
        array = flags + shape + name + numbers
        head = b"MATLAB 5.0".ljust(124) + struct.pack(f"{order}H", 0x0100) + end
        read = mat_file.parse(head + struct.pack(f"{order}II", 14, len(array)) + array, "f", ("a",))
        np.testing.assert_array_equal(read["a"], np.float64([[7, 8, 250]]), strict=True)


def test_order_of_rows_and_columns():
    array = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
    np.testing.assert_array_equal(mat_file.parse(written(a=array), "f", ("a",))["a"], array, strict=True)
    empty = mat_file.parse(written(a=np.zeros((0, 3))), "f", ("a",))["a"]
    assert empty.shape == (0, 3)


OTHER = {
    "text": "none",
    "structure": {"field": 1.0},
    "cells": np.array([1.0, "a"], dtype=object),
    "flags": np.array([True]),
    "complex": np.array([1j]),
    "sparse": scipy.sparse.csc_matrix(np.eye(3)),
}


@pytest.mark.parametrize("value", OTHER.values(), ids=OTHER)
def test_what_is_not_numbers(value):
    with pytest.raises(InputError, match="f: a does not hold plain numbers"):
        mat_file.parse(written(a=value), "f", ("a",))


def test_another_file():
    with pytest.raises(InputError, match=r"f: has no 'b'; of \['b'\] it holds \['a'\]"):
        mat_file.parse(written(a=1.0), "f", ("b",))
    with pytest.raises(InputError, match=r"f: not a \.mat file, .* or one of MATLAB 4"):
        mat_file.parse(bytes(200), "f", ("a",))
    with pytest.raises(InputError, match=r"f: is of MATLAB 7\.3"):
        mat_file.parse(b"MATLAB 7.3 MAT-file".ljust(124) + struct.pack("<H", 0x0200) + b"IM" + bytes(64), "f", ("a",))


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.95])
def test_cut_off(compress, share):
    data = written(a=np.random.default_rng(0).normal(size=(20, 20)), compress=compress)
    with pytest.raises(InputError, match=r"^f: "):
        mat_file.parse(data[: int(len(data) * share)], "f", ("a",), max_bytes=100_000)


def test_many_packed_zeros():
    """A megabyte that would unpack to 64."""
    data = written(a=np.zeros((1 << 20, 8)), compress=True)
    assert len(data) < 1 << 20
    with pytest.raises(InputError, match=r"f: a has shape \(1048576, 8\), more than 100000 bytes"):
        mat_file.parse(data, "f", ("a",), max_bytes=100_000)
    assert not mat_file.parse(data, "f", ("a",))["a"].any()


def test_a_header_that_says_less_than_follows():
    """The header speaks of one number, the packed data of many."""
    honest = zlib.decompress(written(a=1.0, compress=True)[128 + 8 :])
    packed = zlib.compress(honest + bytes(1 << 22))
    data = written(a=1.0, compress=True)[:128] + struct.pack("<II", 15, len(packed)) + packed
    with pytest.raises(InputError, match="f: holds an array that unpacks to more than 100000 bytes"):
        mat_file.parse(data, "f", ("a",), max_bytes=100_000)
    with pytest.raises(InputError, match=r"f: a damaged or truncated \.mat file \(a has shape \(1, 1\), but 8 bytes"):
        mat_file.parse(data, "f", ("a",))
    flipped = bytearray(data)
    flipped[140] ^= 255
    with pytest.raises(InputError, match=r"f: a damaged or truncated \.mat file"):
        mat_file.parse(bytes(flipped), "f", ("a",), max_bytes=100_000)


@pytest.mark.parametrize("options", [{}, {"do_compression": True}], ids=str)
def test_changed_bytes(options):
    """Whatever a few bytes are changed to: arrays, or an error of one line."""
    file = io.BytesIO()
    scipy.io.savemat(file, {"a": np.eye(4), "b": np.arange(5, dtype=np.int16)}, **options)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        data = bytearray(file.getvalue())
        for position in rng.integers(0, len(data), 2):
            data[position] = rng.integers(256)
        try:
            assert set(mat_file.parse(bytes(data), "f", ("a",), optional=("b",), max_bytes=10_000)) <= {"a", "b"}
        except InputError as error:
            refused += "\n" not in str(error)
    assert refused > 50
