"""Arrays as GDPW's authors keep them: an LZ4 frame of a small header and the numbers.

    int32 number of the dtype in numpy's list, int32 count of axes, an int32 for each, the numbers; all little-endian

Files of strangers are read with limits: nothing is unpacked beyond `max_bytes`, whatever a frame says of itself.
"""

import math
import struct

import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError

MAX_BYTES = 1 << 20
_DTYPES = {0: "?", 2: "u1", 3: "<i2", 11: "<f4", 23: "<f2"}
_MAX_AXES = 4


def parse(data: bytes, name: str, *, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """Unpacks an array.

    Args:
      data: the whole file.
      name: what to call it in errors.
      max_bytes: that the unpacked array may take, with its header.

    Raises:
      CorruptRecordError: the frame is damaged, cut off or too large, or does not hold what its header says.
    """
    content = _unpack(data, name, max_bytes)
    if len(content) < 8:
        raise CorruptRecordError(f"{name}: {len(content)} bytes are no array")
    number, axes = struct.unpack_from("<ii", content)
    if number not in _DTYPES or not 1 <= axes <= _MAX_AXES or len(content) < 8 + 4 * axes:
        raise CorruptRecordError(f"{name}: is of dtype number {number} with {axes} axes, which is no array of GDPW's")
    dtype, shape = np.dtype(_DTYPES[number]), struct.unpack_from(f"<{axes}i", content, 8)
    start = 8 + 4 * axes
    # Of Python's whole numbers, which do not overflow.
    if min(shape) < 1 or math.prod(shape) * dtype.itemsize != len(content) - start:
        raise CorruptRecordError(f"{name}: has {len(content) - start} bytes for {dtype.name} of shape {shape}")
    if dtype.kind == "b" and max(content[start:]) > 1:
        raise CorruptRecordError(f"{name}: holds truth values other than 0 and 1")
    return np.frombuffer(content, dtype, offset=start).reshape(shape)


def _unpack(data: bytes, name: str, max_bytes: int) -> bytes:
    try:
        import lz4.frame
    except ImportError as error:
        raise InputError(f"{name}: files of LZ4 need a package: pip install 'jaxanim[train]' ({error})") from error
    unpacker = lz4.frame.LZ4FrameDecompressor()
    try:
        content: bytes = unpacker.decompress(data, max_length=max_bytes + 1)
    except RuntimeError as error:
        raise CorruptRecordError(f"{name}: damaged ({error})") from error
    if len(content) > max_bytes:
        raise CorruptRecordError(f"{name}: unpacks to more than {max_bytes} bytes")
    if not unpacker.eof:
        raise CorruptRecordError(f"{name}: ends in the middle")
    if unpacker.unused_data:
        raise CorruptRecordError(f"{name}: has {len(unpacker.unused_data)} bytes after its end")
    return content
