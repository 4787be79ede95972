"""Pictures out of one long stream of bytes: JPEG or PNG, one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from edgecv_runtime.errors import StreamError

CHUNK = 1 << 16
LARGEST = 256 << 20  # bytes of one picture; what is longer is no picture
JPEG, PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
PADDING = b"\0\r\n"  # some encoders pad frames
SOS, EOI = 0xDA, 0xD9
ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})  # markers without a length (ITU-T T.81, table B.1)
# Within entropy-coded data FF00 is a byte FF, FFD0 to FFD7 are restarts, FFFF is fill: any other marker ends it.
MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
HINT = "Give JPEG or PNG pictures, such as from rpicam-vid --codec mjpeg -o -, or ffmpeg -f image2pipe -"


class _EndError(Exception):
    """The stream ended inside a picture."""


class _Buffer:
    """A window on the stream that grows as it is looked into, up to LARGEST."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.data = bytearray()

    def more(self) -> bool:
        """Read on; False at the end of the stream."""
        if len(self.data) >= LARGEST:
            raise StreamError(f"a picture in the stream is longer than {LARGEST >> 20} MiB", HINT)
        piece = self._read(CHUNK)
        self.data += piece
        return bool(piece)

    def need(self, count: int) -> None:
        """Have at least so many bytes."""
        while len(self.data) < count:
            if not self.more():
                raise _EndError

    def take(self, count: int) -> bytes:
        """Remove the first bytes."""
        taken = bytes(self.data[:count])
        del self.data[:count]
        return taken


def pictures(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Every picture of a stream, encoded as it came. A last one that is cut short is given as it is.

    Args:
        read: Gives up to so many bytes, none at the end.

    Raises:
        StreamError: What comes is neither JPEG nor PNG.
    """
    buffer, found = _Buffer(read), 0
    while _skip_padding(buffer):
        try:
            length = _length(buffer, found)
        except _EndError:
            yield buffer.take(len(buffer.data))
            return
        yield buffer.take(length)
        found += 1


def _skip_padding(buffer: _Buffer) -> bool:
    """Skip padding, and tell whether anything is left after it."""
    skipped = 0
    while True:
        kept = buffer.data.lstrip(PADDING)
        if kept:
            buffer.data = kept
            return True
        skipped += len(buffer.data)
        if skipped > LARGEST:
            raise StreamError(f"the stream holds no picture in {LARGEST >> 20} MiB", HINT)
        buffer.data.clear()
        if not buffer.more():
            return False


def _length(buffer: _Buffer, found: int) -> int:
    buffer.need(2)
    if buffer.data.startswith(JPEG):
        return _jpeg(buffer)
    if buffer.data[0] == PNG[0]:
        buffer.need(len(PNG))
        if buffer.data.startswith(PNG):
            return _png(buffer)
    raise StreamError(f"after {found} pictures the stream holds something else than JPEG or PNG", HINT)


def _jpeg(buffer: _Buffer) -> int:
    """Segment by segment, for a thumbnail inside one has an end marker of its own."""
    place = 2
    while True:
        buffer.need(place + 2)
        if buffer.data[place] != 0xFF:
            raise StreamError("a JPEG picture in the stream is damaged", HINT)
        marker = buffer.data[place + 1]
        if marker == EOI:
            return place + 2
        if marker == 0xFF:
            place += 1
        elif marker in ALONE:
            place += 2
        else:
            buffer.need(place + 4)
            place += 2 + int.from_bytes(buffer.data[place + 2 : place + 4])
            if marker == SOS:
                place = _scan(buffer, place)


def _scan(buffer: _Buffer, place: int) -> int:
    """Find the end of the entropy-coded data that starts at `place`."""
    while True:
        match = MARKER.search(buffer.data, place)
        if match:
            return match.start()
        place = max(place, len(buffer.data) - 1)  # its last byte may be the first of a marker
        if not buffer.more():
            raise _EndError


def _png(buffer: _Buffer) -> int:
    place = len(PNG)
    while True:
        buffer.need(place + 8)
        size, kind = int.from_bytes(buffer.data[place : place + 4]), bytes(buffer.data[place + 4 : place + 8])
        if not kind.isalpha() or size > LARGEST:
            raise StreamError("a PNG picture in the stream is damaged", HINT)
        place += size + 12
        if kind == b"IEND":
            buffer.need(place)
            return place
