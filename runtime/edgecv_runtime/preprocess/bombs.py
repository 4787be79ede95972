"""Refusing pictures that are small files and take minutes to read.

Pillow limits the pixels, and what the texts in a PNG unpack to. It does not limit how many parts a file has: two
million empty chunks, fill bytes or comments are each read by a loop in Python, and a progressive JPEG may paint all of
its pixels once more in every scan.
"""

from __future__ import annotations

import io
import os
from typing import BinaryIO, Final, cast

from PIL import Image

__all__ = ["LEAST_WATCHED", "check_scans", "watched"]

LEAST_WATCHED: Final = 1 << 20  # bytes; what is smaller cannot have parts enough
FREE_READS: Final = 10_000  # real files are read some hundred times
BYTES_A_READ: Final = 256  # and thousands of bytes each time
PLAIN: Final = (b"P1", b"P2", b"P3")  # netpbm's formats whose pixels are text, with comments
MOST_COMMENTS: Final = 100
START_OF_SCAN: Final = b"\xff\xda"
SHORTEST_SCAN: Final = 12  # bytes: a header and one byte of data
MOST_PAINTED: Final = 2_000_000_000  # pixels times scans: some seconds


def watched(file: BinaryIO) -> BinaryIO:
    """Return the file, wrapped so that reads are counted where it is large enough to have too many.

    Raises:
        ValueError: It is a text with pixels in it that consists of comments.
    """
    kind = file.read(2)
    if kind in PLAIN and file.read().count(b"#") > MOST_COMMENTS:
        raise ValueError("it has too many comments")
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return file if size < LEAST_WATCHED else cast("BinaryIO", _CountedReads(file, FREE_READS + size // BYTES_A_READ))


def check_scans(image: Image.Image, file: BinaryIO) -> None:
    """Refuse a JPEG file whose scans together paint too many pixels; its header has been read.

    Raises:
        ValueError: They do.
    """
    if image.format not in {"JPEG", "MPO"}:
        return
    place = file.tell()
    size = file.seek(0, os.SEEK_END)
    scans, pixels = size // SHORTEST_SCAN, image.width * image.height
    if scans * pixels > MOST_PAINTED:
        file.seek(0)
        scans = file.read().count(START_OF_SCAN)
    file.seek(place)
    if scans * pixels > MOST_PAINTED and scans > 1:
        raise ValueError(f"it paints {pixels:,} pixels in {scans:,} scans, could be decompression bomb")


class _CountedReads(io.RawIOBase):
    """A file that refuses to be read more than so often."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._left = most

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise ValueError("it has too many parts for its size")
        return self._file.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()
