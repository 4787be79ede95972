"""Writing a file whole: a reader sees the old one, the new one, or none."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path


def unused_name(path: Path, suffix: str = "") -> Path:
    """A place beside a file, for what is to become it, that nobody can have put anything at."""
    return path.with_name(f".{secrets.token_hex(8)}.partial{suffix}")


def followed(path: Path) -> Path:
    """Follow a link to the file that it leads to, so that the file is replaced and the link stays.

    Raises:
        OSError: It leads in a circle.
    """
    real = Path(os.path.realpath(path))
    if real.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return real


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there; a link there is replaced. A device or a pipe is written to.

    Raises:
        OSError: It cannot be written. Then nothing is left, and what was there is as it was.
    """
    if _is_special(path):
        path.write_bytes(content)
        return
    beside = unused_name(path)
    try:
        with beside.open("xb") as file:
            file.write(content)
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _is_special(path: Path) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - of what a link leads to
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
