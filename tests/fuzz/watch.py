"""A folder that nothing may touch, and whether anything did."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

_ACCESS, _MODIFY, _OPEN, _CREATE, _DELETE, _MOVED = 0x1, 0x2, 0x20, 0x100, 0x200, 0xC0  # <sys/inotify.h>
_EVENT = struct.Struct("iIII")


class Canary:
    """A folder with one file, watched by the kernel (Linux's inotify): reads and writes are counted."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "secret.txt"
        folder.mkdir()
        self.file.write_bytes(b"TOPSECRET" * 1000)
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        mask = _ACCESS | _MODIFY | _OPEN | _CREATE | _DELETE | _MOVED
        if self._descriptor < 0 or libc.inotify_add_watch(self._descriptor, os.fsencode(folder), mask) < 0:
            raise OSError(ctypes.get_errno(), "inotify is not available")

    def paths(self, seen_from: Path) -> tuple[str, ...]:
        """Names of the file, as a hostile document might write them."""
        near = os.path.relpath(self.file, seen_from)
        return (str(self.file), near, f"file://{self.file}", str(self.file.parent), f"{near}/../new", "/etc/passwd")

    def touched(self) -> int:
        """How many times anything in the folder was opened, read, written, made or removed since the last call."""
        try:
            data = os.read(self._descriptor, 1 << 20)
        except BlockingIOError:
            return 0
        count = place = 0
        while place < len(data):
            count += 1
            place += _EVENT.size + _EVENT.unpack_from(data, place)[3]
        return count
