"""Arrays in LZ4 frames: what GDPW's own code wrote, every dtype, and files that lie about what they hold."""

import contextlib
import struct

import lz4.frame
import numpy as np
import pytest

from data_pipelines import lz4_array
from jaxanim.data import CorruptRecordError

# Seven points that GDPW's released code packed, and what they are.
OFFICIAL = bytes.fromhex(
    "04224d1868403a000000000000002d3a0000801700000002000000070000000300000005d576ccc2"
    "509b51c5569ccc4bd5f058e3d2154f64d15149a9c5175835d8125360c88c56d4d452597bd300000000"
)
POINTS = np.float16(
    [
        [-80.3125, -17.8438, 38.0625],
        [44.8438, 108.3125, -18.4375],
        [-84.6875, 158.0, -55.0938],
        [28.3281, -43.125, 10.6328],
        [-5.6602, 130.875, -134.625],
        [56.5625, -8.75, 104.75],
        [-77.25, 170.25, -59.8438],
    ]
)
NUMBERS = {np.bool_: 0, np.uint8: 2, np.int16: 3, np.float32: 11, np.float16: 23}


def header(number, *shape):
    return struct.pack(f"<ii{len(shape)}i", number, len(shape), *shape)


def packed(array):
    return lz4.frame.compress(header(NUMBERS[array.dtype.type], *array.shape) + array.tobytes())


def test_what_the_released_code_wrote():
    read = lz4_array.parse(OFFICIAL, "mesh")
    assert read.dtype == np.float16
    np.testing.assert_array_equal(read, POINTS)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_dtype(dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    read = lz4_array.parse(packed(array), "array")
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, array)


BYTES = bytes(12)
DAMAGE = {
    "nothing": (b"", "ends in the middle"),
    "no frame": (b"JFIF" * 10, "damaged"),
    "cut off": (OFFICIAL[:-9], "ends in the middle"),
    "more after it": (OFFICIAL + b"more", "4 bytes after its end"),
    "no header": (lz4.frame.compress(b"1234"), "4 bytes are no array"),
    "objects": (lz4.frame.compress(header(17, 3) + BYTES), "dtype number 17 with 1 axes"),
    "no axes": (lz4.frame.compress(header(11) + BYTES), "dtype number 11 with 0 axes"),
    "many axes": (lz4.frame.compress(header(11, *[1] * 33) + BYTES), "with 33 axes"),
    "axes that are not there": (lz4.frame.compress(struct.pack("<iii", 11, 3, 1)), "with 3 axes"),
    "smaller": (lz4.frame.compress(header(11, 4) + BYTES), "12 bytes for float32 of shape (4,)"),
    "larger": (lz4.frame.compress(header(11, 2) + BYTES), "12 bytes for float32 of shape (2,)"),
    "negative": (lz4.frame.compress(header(11, -1, -3) + BYTES), "of shape (-1, -3)"),
    "empty": (lz4.frame.compress(header(11, 0, 3)), "of shape (0, 3)"),
    "overflow": (lz4.frame.compress(header(11, 65536, 65536, 3) + BYTES), "12 bytes for float32"),
    "no truth": (lz4.frame.compress(header(0, 2) + b"\x01\x02"), "truth values other"),
    "bomb": (lz4.frame.compress(header(2, 1 << 24) + bytes(1 << 24)), "unpacks to more than 1048576 bytes"),
}


@pytest.mark.parametrize(("data", "said"), DAMAGE.values(), ids=DAMAGE)
def test_damage(data, said):
    with pytest.raises(CorruptRecordError) as caught:
        lz4_array.parse(data, "000_vertx.lz4")
    assert str(caught.value).startswith("000_vertx.lz4: ")
    assert said in str(caught.value)


def test_every_flipped_bit_is_found_or_changes_numbers_alone():
    for place in range(len(OFFICIAL)):
        damaged = bytearray(OFFICIAL)
        damaged[place] ^= 16
        with contextlib.suppress(CorruptRecordError):
            assert lz4_array.parse(bytes(damaged), "mesh").nbytes == 7 * 3 * 2
