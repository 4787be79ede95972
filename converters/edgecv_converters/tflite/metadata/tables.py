"""Flatbuffer tables as data, and their encoding.

A table is a mapping from a field's place in its schema to its value: a text, a NumPy scalar, a table, bytes, or a
sequence of floats, texts or tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

Scalar = np.bool_ | np.int8 | np.int32 | np.uint32 | np.float32
Value: TypeAlias = "str | Scalar | TableFields | bytes | Sequence[float] | Sequence[str] | Sequence[TableFields]"

BYTES_ALIGNMENT = 16  # `force_align` of the only vector of bytes in the schemas


class TableFields(dict[int, Any]):
    """The fields of one table, by their places in the schema; a union takes two places, its type and its value."""


def encode(root: TableFields, identifier: bytes) -> bytes:
    """Return the flatbuffer of a table, with its four letters of identification."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, root), identifier)
    return bytes(builder.Output())


def _table(builder: Any, table: Mapping[int, Value]) -> int:
    """Write a table after everything that it refers to, as the format asks."""
    placed = {place: _reference(builder, value) for place, value in table.items() if not isinstance(value, np.generic)}
    builder.StartObject(max(table, default=-1) + 1)
    for place, value in table.items():
        if place in placed:
            builder.PrependUOffsetTRelativeSlot(place, placed[place], 0)
        else:
            _scalar(builder, place, value)
    return int(builder.EndObject())


def _scalar(builder: Any, place: int, value: Any) -> None:
    writers = {
        "bool": builder.PrependBoolSlot,
        "int8": builder.PrependInt8Slot,
        "int32": builder.PrependInt32Slot,
        "uint32": builder.PrependUint32Slot,
        "float32": builder.PrependFloat32Slot,
    }
    writers[value.dtype.name](place, value.item(), 0)


def _reference(builder: Any, value: Any) -> int:
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, TableFields):
        return _table(builder, value)
    if isinstance(value, bytes):
        return _bytes(builder, value)
    if value and isinstance(value[0], float):
        return int(builder.CreateNumpyVector(np.asarray(value, np.float32)))
    places = [_reference(builder, item) for item in value]
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return int(builder.EndVector())


def _bytes(builder: Any, value: bytes) -> int:
    builder.StartVector(1, len(value), BYTES_ALIGNMENT)
    for byte in reversed(value):
        builder.PrependByte(byte)
    return int(builder.EndVector())
