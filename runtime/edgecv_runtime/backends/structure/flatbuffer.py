"""Flatbuffers, read so that no offset, length or count in them is believed.

Source: the binary format in FlatBuffers' "Internals", and the rules of its C++ `Verifier`.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from edgecv_runtime.backends.structure.damage import DamageError

MOST_TABLES: Final = 1 << 18  # in one file; offsets may share tables, so a small file could name endlessly many
MOST_NUMBERS: Final = 1 << 20  # in one vector that is read; constants are longer, and are not read
MOST_LETTERS: Final = 1 << 16  # in one text
WORD: Final = 4  # bytes of an offset

_U16: Final = struct.Struct("<H")
_U32: Final = struct.Struct("<I")
_I32: Final = struct.Struct("<i")
_SCALARS: Final = {code: struct.Struct(f"<{code}") for code in "bBiIfqQ"}


class Flatbuffer:
    """The bytes of a file, and how many of its tables were read so far."""

    __slots__ = ("data", "size", "tables")

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = len(data)
        self.tables = 0

    def root(self, identifier: bytes) -> Table:
        """The outermost table.

        Raises:
            DamageError: The file is no flatbuffer of that kind.
        """
        if self.size < 3 * WORD or bytes(self.data[WORD : 2 * WORD]) != identifier:
            raise DamageError(f"it does not begin as a {identifier.decode()} file does")
        return Table(self, self.follow(0))

    def follow(self, at: int) -> int:
        """Follow the offset at a place; four bytes where it leads lie in the file.

        Raises:
            DamageError: They do not.
        """
        target: int = at + _U32.unpack_from(self.data, at)[0]
        if target % WORD or target + WORD > self.size or target == at:
            raise DamageError(f"an offset at byte {at} leads out of the file")
        return target


class Table:
    """One table; `number` is a field's place in the schema, from 0."""

    __slots__ = ("_at", "_file", "_offsets", "_size")

    def __init__(self, file: Flatbuffer, at: int) -> None:
        file.tables += 1
        if file.tables > MOST_TABLES:
            raise DamageError(f"it has more than {MOST_TABLES:,} tables")
        vtable: int = at - _I32.unpack_from(file.data, at)[0]
        if vtable < 0 or vtable % 2 or vtable + WORD > file.size:
            raise DamageError(f"the table at byte {at} lies out of the file")
        length: int = _U16.unpack_from(file.data, vtable)[0]
        self._size: int = _U16.unpack_from(file.data, vtable + 2)[0]
        if (
            length < WORD
            or length % 2
            or self._size < WORD
            or vtable + length > file.size
            or at + self._size > file.size
        ):
            raise DamageError(f"the table at byte {at} is longer than the file")
        self._offsets = struct.unpack_from(f"<{length // 2 - 2}H", file.data, vtable + WORD)
        self._file = file
        self._at = at

    def has(self, number: int) -> bool:
        """Tell whether a table has a field."""
        return number < len(self._offsets) and self._offsets[number] != 0

    def scalar(self, number: int, code: str, default: float = 0) -> Any:
        """A number; `code` is struct's."""
        kind = _SCALARS[code]
        at = self._place(number, kind.size)
        return default if at is None else kind.unpack_from(self._file.data, at)[0]

    def numbers(self, number: int, code: str) -> tuple[Any, ...]:
        """A vector of numbers; empty where it is absent."""
        start, count = self.span(number, _SCALARS[code].size)
        if count > MOST_NUMBERS:
            raise DamageError(f"a list of {count:,} numbers, which no model has")
        return struct.unpack_from(f"<{count}{code}", self._file.data, start)

    def text(self, number: int) -> str:
        """A text; "" where it is absent."""
        start, count = self.span(number, 1)
        if not count:
            return ""
        if count > MOST_LETTERS:
            raise DamageError(f"a name of {count:,} bytes, which no model has")
        raw = bytes(self._file.data[start : start + count + 1])
        if len(raw) <= count or raw[-1] != 0 or 0 in raw[:-1]:
            raise DamageError(f"the name at byte {start} has no end")
        try:
            return raw[:-1].decode()
        except UnicodeDecodeError as error:
            raise DamageError(f"the name {raw[:40]!r} is not UTF-8") from error

    def table(self, number: int) -> Table | None:
        """A table in a field; None where it is absent."""
        at = self._place(number, WORD)
        return None if at is None else Table(self._file, self._file.follow(at))

    def tables(self, number: int) -> list[Table]:
        """A vector of tables; empty where it is absent."""
        start, count = self.span(number, WORD)
        if count > MOST_TABLES:
            raise DamageError(f"a list of {count:,} tables, which no model has")
        return [Table(self._file, self._file.follow(start + WORD * k)) for k in range(count)]

    def span(self, number: int, width: int) -> tuple[int, int]:
        """Find a vector: the place of its first element, and how many of `width` bytes it has; 0, 0 if absent."""
        at = self._place(number, WORD)
        if at is None:
            return 0, 0
        head = self._file.follow(at)
        count: int = _U32.unpack_from(self._file.data, head)[0]
        start = head + WORD
        if start + width * count > self._file.size or start % min(width, 8):
            raise DamageError(f"the list at byte {head} reaches out of the file")
        return start, count

    def _place(self, number: int, width: int) -> int | None:
        """Return the position of a field; None where it is absent."""
        if number >= len(self._offsets) or not self._offsets[number]:
            return None
        offset: int = self._offsets[number]
        at = self._at + offset
        if offset < WORD or offset + width > self._size or at % width:
            raise DamageError(f"field {number} of the table at byte {self._at} reaches out of it")
        return at
