"""Listing what a stranger's folder holds: each file once, whatever its links lead to."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from edgecv_runtime.digest import entries_below

__all__ = ["files_below"]


def files_below(folder: Path, suffixes: Collection[str] | None = None, *, hidden: bool = False) -> list[Path]:
    """The files of a folder and its subfolders whose names end in one of `suffixes`, sorted by path.

    Links to folders are not followed, so that no file comes twice and no loop is walked. Whether a file can be read is
    not looked at: a pipe or a link that leads nowhere is in the list, to be refused by name when its turn comes.

    Args:
        folder: Where to look; a link to a folder will do here.
        suffixes: Endings in lower case, with their dots; None for all files.
        hidden: Whether names that begin with a dot count.

    Raises:
        OSError: The folder or one below cannot be read.
    """
    found = (path for path in entries_below(folder) if suffixes is None or path.suffix.lower() in suffixes)
    return sorted(
        path
        for path in found
        if (hidden or not _is_hidden(path.relative_to(folder))) and not os.path.isdir(path)  # noqa: PTH112 - of links in a circle, too
    )


def _is_hidden(place: Path) -> bool:
    return any(part.startswith(".") for part in place.parts)
