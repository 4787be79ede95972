"""The places of a bundle's files: names that stay in it, and links that do not leave it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Final

from edgecv_runtime.errors import BundleError

MOST_BYTES: Final = 1024  # of a relative path in UTF-8; file systems take about four times as much
MOST_PART: Final = 255  # of one of its parts: what file systems take
MOST_PARTS: Final = 32
SHOWN: Final = 200  # letters of a stranger's text in a message


def inside(name: str) -> str:
    """Return a relative path as it is, if it stays in the bundle.

    Raises:
        BundleError: It does not, or no file system has such a name.
    """
    path = PurePosixPath(name)
    reason = None
    if "\0" in name or not _is_text(name):
        reason = "which no file can have"
    elif path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts or ":" in path.parts[0]:
        reason = "which leaves it"
    elif (
        len(name.encode()) > MOST_BYTES
        or len(path.parts) > MOST_PARTS
        or max(len(part.encode()) for part in path.parts) > MOST_PART
    ):
        reason = "which is too long"
    if reason is not None:
        raise BundleError(f"the bundle names the path {shortened(name)!r}, {reason}", "Do not use this bundle")
    return name


def locate(root: Path, name: str) -> Path:
    """Find where a file or folder of a bundle lies; it need not be there.

    Raises:
        BundleError: The name is none (see `inside`), or a symbolic link on the way leads out of the bundle.
    """
    path = root / inside(name)
    base, real = os.path.realpath(root), os.path.realpath(path)
    if real != base and not real.startswith(os.path.join(base, "")):  # noqa: PTH118 - as text: a root has its slash
        raise BundleError(
            f"{name} is a link that leads outside the bundle", "Copy the bundle with what its links lead to: cp -rL"
        )
    return path


def shortened(text: str, most: int = SHOWN) -> str:
    """A stranger's text for a message: all of it, or its beginning."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} letters)"


def _is_text(name: str) -> bool:
    """Tell whether a name can be written as UTF-8, which half of a surrogate pair cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
