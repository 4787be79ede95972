"""The standard streams of a process, made fit for use: they may be closed, full or without a reader."""

from __future__ import annotations

import io
import os
import re
import select
import sys
from typing import TYPE_CHECKING, Final

from edgecv_runtime.environment import environment_error
from edgecv_runtime.errors import EdgecvError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SIZES: Final = ("COLUMNS", "LINES", "TERMINAL_WIDTH")
_SIZE: Final = re.compile("[1-9][0-9]{0,3}")


class OutputClosedError(Exception):
    """Nobody reads standard output any more, as after `| head`: a reason to stop, and no error."""


class _Stream(io.FileIO):
    """A standard stream, which may be one that does not wait (another program has made it so): then this waits."""

    def write(self, data: ReadableBuffer, /) -> int:
        while (written := super().write(data)) is None:
            select.select([], [self], [])
        return written


class _OutputStream(_Stream):
    """Standard output. Its failures are told from those of other files; after the first one nothing is written."""

    lost = False

    def write(self, data: ReadableBuffer, /) -> int:
        if self.lost:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except BrokenPipeError:
            self.lost = True
            raise OutputClosedError from None
        except OSError as error:
            self.lost = True
            known = environment_error(error)
            hint = known.hint if known else None
            raise EdgecvError(f"standard output cannot be written: {error.strerror}", hint) from error


class _ErrorStream(_Stream):
    """Standard error. That nobody can be told is no reason to fail."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def prepare() -> None:
    """Make every start equal: three open streams that take any text, and no size that is no number.

    Called before anything else is opened, lest a file get the number of a standard stream that is closed.
    """
    for name in SIZES:
        if name in os.environ and not _SIZE.fullmatch(os.environ[name]):
            del os.environ[name]
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - it lives as long as the process
    if sys.stdout is sys.__stdout__:  # else the caller has put something in its place
        sys.stdout = _text(_OutputStream(1, "w", closefd=False), sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_ErrorStream(2, "w", closefd=False), sys.stderr)


def _text(raw: io.FileIO, before: io.TextIOBase | None) -> io.TextIOWrapper:
    """A stream of text that writes what its encoding lacks as an escape."""
    encoding = getattr(before, "encoding", None) or "utf-8"
    by_line = getattr(before, "line_buffering", False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=by_line)
