"""Reader of the weight file of an .mlpackage: MIL Blob Storage, version 2.

Source: coremltools, mlmodel/src/MILBlob/Blob/StorageFormat.hpp and BlobDataType.hpp. All numbers little-endian:

    file header, 64 bytes:  uint32 count, uint32 version (2), reserved
    metadata, 64 bytes:     uint32 sentinel 0xDEADBEEF, uint32 data type, uint64 size in bytes, uint64 offset of the
                            data, uint64 unused bits at its end (types below one byte only), reserved
    data

Metadata and data start at multiples of 64. A program names a blob by the offset of its metadata.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecv_runtime.errors import BundleError
from edgecv_runtime.files import MIB, read_regular

from edgecv_converters.mil.dtypes import KINDS, Array, decode

ALIGNMENT = 64
MOST = 8192 * MIB  # bytes of a weight file
SENTINEL = 0xDEADBEEF
VERSION = 2
HEADER = struct.Struct("<II56x")
METADATA = struct.Struct("<IIQQQ32x")
CODES = {
    1: "float16",
    2: "float32",
    3: "uint8",
    4: "int8",
    5: "bfloat16",
    6: "int16",
    7: "uint16",
    8: "int4",
    9: "uint1",
    10: "uint2",
    11: "uint4",
    12: "uint3",
    13: "uint6",
    14: "int32",
    15: "uint32",
}


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob: its data type and its elements, one-dimensional."""

    dtype: str
    values: Array


class BlobFile:
    """A weight file, read as a whole.

    Raises:
        BundleError: It cannot be read, or its header is not that of version 2.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._bytes = np.frombuffer(read_regular(path, MOST), np.uint8)
        except OSError as error:
            raise BundleError(f"the weight file {path.name} cannot be read: {error.strerror}") from error
        if self._bytes.size < HEADER.size:
            raise self._damaged(0, f"it has {self._bytes.size} bytes, fewer than its header")
        self.count, version = HEADER.unpack_from(self._bytes.data)
        if version != VERSION:
            raise self._damaged(0, f"its version is {version}, and only {VERSION} is known")

    def read(self, offset: int) -> Blob:
        """The blob whose metadata is at `offset`.

        Raises:
            BundleError: There is no blob, its type is unknown, or its data is not inside the file.
        """
        if offset % ALIGNMENT or not HEADER.size <= offset <= self._bytes.size - METADATA.size:
            raise self._damaged(offset, f"metadata cannot be there, in {self._bytes.size} bytes")
        sentinel, code, size, start, unused = METADATA.unpack_from(self._bytes.data, offset)
        if sentinel != SENTINEL:
            raise self._damaged(offset, f"the sentinel is {sentinel:#x}, not {SENTINEL:#x}")
        if code not in CODES:
            raise self._damaged(offset, f"the data type {code} is unknown")
        if start % ALIGNMENT or start < offset + METADATA.size or start + size > self._bytes.size:
            raise self._damaged(offset, f"{size} bytes at {start} are not inside the file or not after the metadata")
        dtype = CODES[code]
        return Blob(
            dtype, decode(self._bytes[start : start + size], dtype, self._elements(offset, dtype, size, unused))
        )

    def _elements(self, offset: int, dtype: str, size: int, unused: int) -> int:
        bits = KINDS[dtype].bits
        spare = unused if bits < 8 else 0
        if spare >= 8 or spare > size * 8:
            raise self._damaged(offset, f"{spare} bits of {size} bytes cannot be unused")
        count, rest = divmod(size * 8 - spare, bits)
        if rest:
            raise self._damaged(offset, f"{size} bytes less {spare} bits are not a whole number of {dtype}")
        return count

    def _damaged(self, offset: int, why: str) -> BundleError:
        return BundleError(f"the weight file {self.path.name} is damaged at {offset}: {why}", "Convert the model again")
