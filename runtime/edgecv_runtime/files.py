"""Opening what a stranger may have put there: regular files only, up to a stated size, and never waiting."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import BinaryIO, Final

MIB: Final = 1 << 20
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: Path | str, most: int | None = None) -> BufferedReader:
    """Open a regular file for reading.

    A pipe, a device or a socket is refused without being opened: reading one waits for ever, never ends, or does
    something. Symbolic links are followed.

    Args:
        path: The file.
        most: The largest size in bytes that is accepted.

    Raises:
        OSError: It is missing, cannot be read, is no regular file, is larger than `most`, or its name is impossible;
            `strerror` says which.
    """
    return os.fdopen(_open(path, most)[0], "rb")


def open_small(path: Path | str, small: int) -> BinaryIO:
    """Open a regular file as `open_regular` does; one of less than `small` bytes is read at once, which is quicker.

    Raises:
        OSError: As `open_regular`; or a small file cannot be read.
    """
    descriptor, size = _open(path)
    if size < small:
        try:
            data = os.read(descriptor, size + 1)
            if len(data) == size:
                os.close(descriptor)
                return BytesIO(data)
            os.lseek(descriptor, 0, os.SEEK_SET)  # it has changed, or the system does not tell its size
        except OSError:
            os.close(descriptor)
            raise
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path | str, most: int) -> bytes:
    """All bytes of a regular file of at most `most` bytes; raises as `open_regular`."""
    with open_regular(path, most) as file:
        size = min(os.fstat(file.fileno()).st_size, most)
        data = file.read(size + 1)  # so much memory is taken beforehand
        while size < len(data) <= most and (more := file.read(MIB)):  # it has grown, or the system does not tell
            data += more
    if len(data) > most:
        raise _too_large(os.fspath(path), most)
    return data


def _open(path: Path | str, most: int | None = None) -> tuple[int, int]:
    """Open a regular file: its descriptor, and its size in bytes. Raises as `open_regular`."""
    name = os.fspath(path)
    if "\0" in name:
        raise OSError(errno.EINVAL, "its name holds a NUL character", name)
    _check(os.stat(name), name, most)  # noqa: PTH116 - one call form for both, and no Path is made in a hot path
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        _check(status, name, most)  # what lay there may have been exchanged since
    except OSError:
        os.close(descriptor)
        raise
    return descriptor, status.st_size


def _check(status: os.stat_result, name: str, most: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), "something else")
        code = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
        raise OSError(code, f"it is {kind}, not a regular file", name)
    if most is not None and status.st_size > most:
        raise _too_large(name, most)


def _too_large(name: str, most: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {most / MIB:,.0f} MiB", name)
