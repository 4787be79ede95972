"""Reads the metadata of a .tflite file for tests: flatbuffer tables by the places of their fields."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

import flatbuffers
from flatbuffers.number_types import Float32Flags, Int8Flags, UOffsetTFlags

MODEL_METADATA, MODEL_BUFFERS = 6, 4


class Reader:
    """One table of a flatbuffer."""

    def __init__(self, data: bytes, place: int | None = None) -> None:
        self._table = flatbuffers.Table(data, struct.unpack_from("<I", data)[0] if place is None else place)

    def _offset(self, field: int) -> int:
        return int(self._table.Offset(4 + 2 * field))

    def has(self, field: int) -> bool:
        return self._offset(field) != 0

    def text(self, field: int) -> str:
        return self._table.String(self._offset(field) + self._table.Pos).decode()

    def byte(self, field: int) -> int:
        return int(self._table.Get(Int8Flags, self._offset(field) + self._table.Pos)) if self.has(field) else 0

    def number(self, field: int) -> float:
        return float(self._table.Get(Float32Flags, self._offset(field) + self._table.Pos)) if self.has(field) else 0.0

    def table(self, field: int) -> Reader:
        return Reader(self._table.Bytes, self._table.Indirect(self._offset(field) + self._table.Pos))

    def union(self, field: int) -> Reader:
        place = self._offset(field) + self._table.Pos
        return Reader(self._table.Bytes, place + self._table.Get(UOffsetTFlags, place))

    def tables(self, field: int) -> list[Reader]:
        if not self.has(field):
            return []
        start = self._table.Vector(self._offset(field))
        count = self._table.VectorLen(self._offset(field))
        return [Reader(self._table.Bytes, self._table.Indirect(start + 4 * n)) for n in range(count)]

    def floats(self, field: int) -> list[float]:
        start, count = self._table.Vector(self._offset(field)), self._table.VectorLen(self._offset(field))
        return [float(self._table.Get(Float32Flags, start + 4 * n)) for n in range(count)]

    def vector(self, field: int) -> tuple[int, int]:
        """Where a vector's elements begin in the file, and how many there are."""
        return int(self._table.Vector(self._offset(field))), int(self._table.VectorLen(self._offset(field)))


def buffers(data: bytes) -> list[tuple[int, int]]:
    """Where the bytes of each buffer of a .tflite file begin, and how many there are."""
    return [buffer.vector(0) for buffer in Reader(data).tables(MODEL_BUFFERS) if buffer.has(0)]


def metadata(data: bytes) -> Reader | None:
    """The metadata of a .tflite file; None where it has none."""
    model = Reader(data)
    for entry in model.tables(MODEL_METADATA):
        if entry.text(0) == "TFLITE_METADATA":
            place = entry._table.Get(UOffsetTFlags, entry._offset(1) + entry._table.Pos)
            start, count = model.tables(MODEL_BUFFERS)[place].vector(0)
            return Reader(data[start : start + count])
    return None


def files(data: bytes) -> dict[str, Any]:
    """The files of the archive at the end of a .tflite file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}
