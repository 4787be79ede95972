"""Protobuf messages, walked without their classes: where each field lies, and no length in them believed.

Source: "Encoding" of the Protocol Buffers documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from edgecv_runtime.backends.structure.damage import DamageError

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5  # how a field's value is written
_WIDTHS: Final = {FIXED64: 8, FIXED32: 4}
_LONGEST: Final = 10  # bytes of a varint


def fields(data: Any, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """A message's fields: each one's number, its kind, and where its value begins and ends.

    Of a varint the third number is the value itself.

    Raises:
        DamageError: A field reaches out of the message, or is of no kind.
    """
    at = start
    while at < end:
        key, at = _varint(data, at, end)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(data, at, end)
            yield number, kind, value, at
            continue
        if kind == LENGTH:
            length, at = _varint(data, at, end)
        elif kind in _WIDTHS:
            length = _WIDTHS[kind]
        else:
            raise DamageError(f"the field at byte {at} is of no kind")
        if number == 0 or length > end - at:
            raise DamageError(f"the field at byte {at} reaches out of its message")
        yield number, kind, at, at + length
        at += length


def _varint(data: Any, at: int, end: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value: int = data[at] if at < end else 0x80
    if value < 0x80:  # most are one byte
        return value, at + 1
    value &= 0x7F
    for count in range(1, min(_LONGEST, end - at)):
        byte: int = data[at + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + count + 1
    raise DamageError(f"the number at byte {at} has no end")
