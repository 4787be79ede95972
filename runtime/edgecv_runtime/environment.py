"""Failures of the machine rather than of the program: a full disk, a quota, a limit, a missing permission."""

from __future__ import annotations

import errno
import os
from typing import Final

from edgecv_runtime.errors import EdgecvError

__all__ = ["environment_error", "exhaustion"]

_SPACE: Final = "Free some space, or write to another disk"
_PERMISSION: Final = "Change its permissions, or give another path"
_NAME: Final = "Give another path"

_HINTS: Final = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "Raise the limit on the size of files (`ulimit -f`), or write to a file system that takes larger ones",
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EROFS: "Give a path on a file system that can be written to",
    errno.EMFILE: "Raise the limit on open files (`ulimit -n`)",
    errno.ENFILE: "Close other programs: the whole system has too many files open",
    errno.ENOMEM: "Close other programs, or use a machine with more memory",
    errno.EAGAIN: "Raise the limit on processes (`ulimit -u`), or close other programs",
    errno.EIO: "Check the disk: it could not be read or written",
    errno.ESTALE: "Check the network file system that the path is on",
    errno.ENODEV: "Check that the disk is still attached",
    errno.ETXTBSY: "Wait for the program that uses it, or give another path",
    errno.EBUSY: "Wait for the program that uses it, or give another path",
    errno.ENAMETOOLONG: _NAME,
    errno.ELOOP: _NAME,
    errno.ENOTDIR: _NAME,
}


_EXHAUSTED: Final = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EROFS)
)


def exhaustion(error: BaseException) -> EdgecvError | None:
    """The error to show where the reason for an error is a full disk or a limit, whatever was made of it since.

    A reader that could not write its temporary file says that the file it read is damaged, which is not so.
    """
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:  # an error may be its own cause, by way of others
        seen.add(id(cause))
        if isinstance(cause, OSError) and cause.errno in _EXHAUSTED and cause.strerror == os.strerror(cause.errno):
            return environment_error(cause)
        cause = cause.__cause__
    return None


def environment_error(error: OSError) -> EdgecvError | None:
    """The error to show for a failure of the operating system that a person can mend; None where it is our own bug."""
    if error.errno == errno.ENOENT and error.filename is None:
        return _homeless(error)
    if error.errno not in _HINTS:
        return None
    reason = error.strerror or os.strerror(error.errno)
    return EdgecvError(f"{_named(error)}: {reason}", _HINTS[error.errno])


def _homeless(error: OSError) -> EdgecvError:
    """No file is missing that anybody named: it is the working directory, or a place for temporary files."""
    try:
        os.getcwd()  # noqa: PTH109 - asked for its failure alone
    except FileNotFoundError:
        return EdgecvError("the current directory is not there any more", "Go to one that is: cd")
    return EdgecvError(str(error.strerror), "Free some space there, or set TMPDIR to a folder that can be written to")


def _named(error: OSError) -> str:
    """The file that the system refused, or what else there is to name."""
    name = error.filename
    if isinstance(name, bytes | str):
        return os.fsdecode(name).encode("utf-8", "backslashreplace").decode()
    return "the operating system refused"
