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


def test_version_4():
    data = io.BytesIO()
    scipy.io.savemat(data, {"a": np.arange(3.0)}, format="4")
    np.testing.assert_array_equal(mat_file.parse(data.getvalue(), "f", ("a",), max_bytes=1000)["a"], [[0.0, 1, 2]])


OTHER = {
    "text": "none",
    "structure": {"field": 1.0},
    "cells": np.array([1.0, "a"], dtype=object),
    "flags": np.array([True]),
    "sparse": scipy.sparse.csc_matrix(np.eye(3)),
}


@pytest.mark.parametrize("value", OTHER.values(), ids=OTHER)
def test_what_is_not_numbers(value):
    with pytest.raises(InputError, match="f: a does not hold plain numbers"):
        mat_file.parse(written(a=value), "f", ("a",))


def test_another_file():
    with pytest.raises(InputError, match=r"f: has no 'b'; of \['b'\] it holds \['a'\]"):
        mat_file.parse(written(a=1.0), "f", ("b",))
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
    with pytest.raises(InputError, match="holds more than 100000 bytes"):
        mat_file.parse(data, "f", ("a",), max_bytes=100_000)


def test_a_header_that_says_less_than_follows():
    """The header speaks of one number, the packed data of many."""
    honest = zlib.decompress(written(a=1.0, compress=True)[128 + 8 :])
    packed = zlib.compress(honest + bytes(1 << 22))
    data = written(a=1.0, compress=True)[:128] + struct.pack("<II", 15, len(packed)) + packed
    with pytest.raises(InputError, match="holds more than 100000 bytes"):
        mat_file.parse(data, "f", ("a",), max_bytes=100_000)
    flipped = bytearray(data)
    flipped[140] ^= 255
    with pytest.raises(InputError, match=r"f: a damaged or truncated \.mat file"):
        mat_file.parse(bytes(flipped), "f", ("a",), max_bytes=100_000)
