"""Listing what a stranger's folder holds: each file once, whatever its links lead to."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

__all__ = ["files_below"]


def files_below(folder: Path, suffixes: Collection[str], *, hidden: bool = False) -> list[Path]:
    """The files of a folder and its subfolders whose names end in one of `suffixes`, sorted by path.

    Links to folders are not followed, so that no file comes twice and no loop is walked. Whether a file can be read is
    not looked at: a pipe or a link that leads nowhere is in the list, to be refused by name when its turn comes.

    Args:
        folder: Where to look; a link to a folder will do here.
        suffixes: Endings in lower case, with their dots.
        hidden: Whether names that begin with a dot count.

    Raises:
        OSError: The folder or one below cannot be read.
    """
    return sorted(Path(path) for path in _walk(folder, suffixes, hidden=hidden))


def _walk(folder: Path, suffixes: Collection[str], *, hidden: bool) -> Iterator[str]:
    waiting = [os.fspath(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.startswith(".") and not hidden:
                    continue
                if _is_folder(entry):
                    if not entry.is_symlink():
                        waiting.append(entry.path)
                elif os.path.splitext(entry.name)[1].lower() in suffixes:  # noqa: PTH122 - no Path for each
                    yield entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False
